import type { Attributes, Histogram, Point, Sums } from './kept.ts'
import { FIGURES, type Figure } from './kept.ts'

/** One figure and all that is known of it. */
export type Reading =
  | { readonly figure: Figure & { readonly kind: 'counter' | 'gauge' }; readonly points: readonly Point<number>[] }
  | { readonly figure: Figure & { readonly kind: 'histogram' }; readonly points: readonly Point<Histogram>[] }

/**
 * All figures in their order. A counter that nothing was added to reads zero for every world that is known: whoever
 * watches one stay zero has something to watch. `target` keeps the figures of one target only.
 */
export function readOut(sums: Sums, target?: string): readonly Reading[] {
  const isWanted = ({ attributes }: { readonly attributes: Attributes }) =>
    target === undefined || attributes.target === target
  const worlds = sums.worlds().filter((attributes) => isWanted({ attributes }))
  return FIGURES.map((figure): Reading => {
    const { name, kind } = figure
    if (kind === 'histogram') return { figure: { ...figure, kind }, points: sums.histograms(name).filter(isWanted) }
    if (kind === 'gauge') return { figure: { ...figure, kind }, points: sums.gauges(name).filter(isWanted) }
    return { figure: { ...figure, kind }, points: withZeros(figure, sums.counters(name).filter(isWanted), worlds) }
  })
}

function withZeros(
  { name, by }: Figure,
  counted: readonly Point<number>[],
  worlds: readonly Attributes[],
): readonly Point<number>[] {
  const key = (attributes: Attributes) =>
    JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
  const points = new Map(counted.map((point) => [key(point.attributes), point]))
  const kinds: readonly Attributes[] = by === undefined ? [{}] : by.values.map((value) => ({ [by.attribute]: value }))
  for (const world of worlds) {
    for (const kind of kinds) {
      const attributes = { ...world, ...kind }
      if (!points.has(key(attributes))) points.set(key(attributes), { name, attributes, value: 0 })
    }
  }
  return [...points].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, point]) => point)
}
