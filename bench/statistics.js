export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function least(values) {
  return values.reduce((a, b) => Math.min(a, b))
}

/** Runs several measurements in turn, so that all meet the same machine; medians, after one round of warm-up. */
export async function measure(runs, measurements) {
  const samples = Object.fromEntries(Object.keys(measurements).map((name) => [name, []]))
  for (let round = 0; round <= runs; round++) {
    for (const [name, once] of Object.entries(measurements)) {
      const ms = await once()
      if (round > 0) samples[name].push(ms)
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]))
}
