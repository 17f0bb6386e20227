import { createHash } from 'node:crypto'
import { isJsonObject, type Json, type JsonObject } from '../../world/json.ts'
import type { Attributes, Count } from './count.ts'
import { BOUNDS, FIGURES, type FigureName } from './figures.ts'

/** One figure with its attributes, as text: what sums are kept by. */
type Series = string

export interface Histogram {
  readonly count: number
  readonly sum: number
  /** One for each bound, and one for what is beyond; not cumulative. */
  readonly buckets: readonly number[]
}

/** A value of one figure with its attributes. */
export interface Point<T> {
  readonly name: FigureName
  readonly attributes: Attributes
  readonly value: T
}

/** Combinations of attributes that are kept apart; what comes beyond is counted together. */
const MOST_SERIES = 1000
/** What is counted once is remembered so long: the newest of it. */
const MOST_SEEN = 4096
const OVERFLOW: Attributes = { 'otel.metric.overflow': 'true' }
const FORMAT = 1

/**
 * What was counted: by one run, or by all of them. Sums of several runs are merged in any order; what was to be counted
 * once is, whichever of them saw it.
 */
export class Sums {
  /** When counting began, ISO 8601. */
  since: string
  readonly #counters = new Map<Series, number>()
  readonly #gauges = new Map<Series, { readonly value: number; readonly at: string }>()
  readonly #histograms = new Map<Series, Histogram>()
  /** Digests of what counts once → where it is counted. */
  readonly #seen = new Map<string, Series>()

  constructor(since: string) {
    this.since = since
  }

  get isEmpty(): boolean {
    return this.#counters.size + this.#gauges.size + this.#histograms.size === 0
  }

  /** Adds what one event counts; `now` is ISO 8601. */
  add(count: Count, now: string): void {
    const series = seriesOf(count.name, count.attributes)
    switch (count.kind) {
      case 'add':
        this.#increase(series, count.by)
        return
      case 'once': {
        const digest = createHash('sha256').update(count.id).digest('base64url').slice(0, 16)
        if (this.#seen.has(digest)) return
        this.#increase(series, 1)
        this.#seen.set(digest, series)
        return
      }
      case 'set':
        this.#gauges.set(this.#place(this.#gauges, series), { value: count.value, at: now })
        return
      case 'observe': {
        const at = BOUNDS.findIndex((bound) => count.value <= bound)
        const bucket = at < 0 ? BOUNDS.length : at
        const one = { count: 1, sum: count.value, buckets: [...BOUNDS, 0].map((_, index) => Number(index === bucket)) }
        this.#observe(series, one)
      }
    }
  }

  /** Takes in what another run counted, or all runs before this one. */
  merge(other: Sums): void {
    if (other.since < this.since) this.since = other.since
    for (const [series, by] of other.#counters) this.#increase(series, by)
    for (const [digest, series] of other.#seen) {
      if (this.#seen.has(digest)) this.#increase(series, -1)
      else this.#seen.set(digest, series)
    }
    for (const digest of [...this.#seen.keys()].slice(0, Math.max(0, this.#seen.size - MOST_SEEN))) {
      this.#seen.delete(digest)
    }
    for (const [series, gauge] of other.#gauges) {
      const place = this.#place(this.#gauges, series)
      if ((this.#gauges.get(place)?.at ?? '') <= gauge.at) this.#gauges.set(place, gauge)
    }
    for (const [series, histogram] of other.#histograms) this.#observe(series, histogram)
  }

  /** What was counted here since `before`, which these sums contain. */
  after(before: Sums): Sums {
    const difference = new Sums(this.since)
    for (const [series, value] of this.#counters) {
      const by = value - (before.#counters.get(series) ?? 0)
      if (by > 0) difference.#counters.set(series, by)
    }
    for (const [series, gauge] of this.#gauges) difference.#gauges.set(series, gauge)
    for (const [series, { count, sum, buckets }] of this.#histograms) {
      const was = before.#histograms.get(series) ?? { count: 0, sum: 0, buckets: [] }
      if (count === was.count) continue
      const left = buckets.map((n, index) => n - (was.buckets[index] ?? 0))
      difference.#histograms.set(series, { count: count - was.count, sum: sum - was.sum, buckets: left })
    }
    return difference
  }

  counters(name: FigureName): readonly Point<number>[] {
    return points(this.#counters, name)
  }

  gauges(name: FigureName): readonly Point<number>[] {
    return points(this.#gauges, name).map((point) => ({ ...point, value: point.value.value }))
  }

  histograms(name: FigureName): readonly Point<Histogram>[] {
    return points(this.#histograms, name)
  }

  /** Every pair of world and target that anything was counted for. */
  worlds(): readonly Attributes[] {
    const pairs = new Map<string, Attributes>()
    for (const map of [this.#counters, this.#gauges, this.#histograms]) {
      for (const series of map.keys()) {
        const { world, target } = read(series).attributes
        const pair = { ...(world === undefined ? {} : { world }), ...(target === undefined ? {} : { target }) }
        if (world !== undefined) pairs.set(JSON.stringify([world, target]), pair)
      }
    }
    return [...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair)
  }

  toString(): string {
    return JSON.stringify({
      format: FORMAT,
      since: this.since,
      counters: Object.fromEntries(this.#counters),
      gauges: Object.fromEntries(this.#gauges),
      histograms: Object.fromEntries(this.#histograms),
      once: Object.fromEntries(this.#seen),
    })
  }

  /** Reads what {@link toString} wrote; undefined for anything else. */
  static parse(document: Json): Sums | undefined {
    if (!isJsonObject(document) || document.format !== FORMAT || !isTime(document.since)) return undefined
    const sums = new Sums(document.since)
    const ok =
      each(document.counters, (series, value) => isCount(value) && sums.#counters.set(series, value)) &&
      each(document.gauges, (series, gauge) => isGauge(gauge) && sums.#gauges.set(series, gauge)) &&
      each(document.histograms, (series, value) => isHistogram(value) && sums.#histograms.set(series, value)) &&
      isJsonObject(document.once) &&
      Object.entries(document.once).every(
        ([digest, series]) => typeof series === 'string' && isSeries(series) && sums.#seen.set(digest, series),
      )
    return ok ? sums : undefined
  }

  #increase(series: Series, by: number): void {
    const place = this.#place(this.#counters, series)
    this.#counters.set(place, Math.max(0, (this.#counters.get(place) ?? 0) + by))
  }

  #observe(series: Series, { count, sum, buckets }: Histogram): void {
    const place = this.#place(this.#histograms, series)
    const was = this.#histograms.get(place) ?? { count: 0, sum: 0, buckets: buckets.map(() => 0) }
    const both = was.buckets.map((n, index) => n + buckets[index]!)
    this.#histograms.set(place, { count: was.count + count, sum: was.sum + sum, buckets: both })
  }

  /** Where a series is kept: itself, or with all others where there are too many. */
  #place(map: ReadonlyMap<Series, unknown>, series: Series): Series {
    return map.has(series) || map.size < MOST_SERIES ? series : seriesOf(read(series).name, OVERFLOW)
  }
}

/** Thousands of operations add to the same one. */
let last: { readonly key: string; readonly series: Series } | undefined

function seriesOf(name: FigureName, attributes: Attributes): Series {
  let key: string = name
  for (const attribute in attributes) key += `\0${attribute}\0${attributes[attribute]}`
  if (last?.key !== key) last = { key, series: canonical(name, attributes) }
  return last.series
}

function canonical(name: FigureName, attributes: Attributes): Series {
  return JSON.stringify([name, Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))])
}

function read(series: Series): { readonly name: FigureName; readonly attributes: Attributes } {
  const [name, attributes] = JSON.parse(series) as [FigureName, [string, string][]]
  return { name, attributes: Object.fromEntries(attributes) }
}

function points<T>(map: ReadonlyMap<Series, T>, name: FigureName): readonly Point<T>[] {
  return [...map]
    .map(([series, value]) => ({ ...read(series), value }))
    .filter((point) => point.name === name)
    .sort((a, b) => (JSON.stringify(a.attributes) < JSON.stringify(b.attributes) ? -1 : 1))
}

function each(entries: Json | undefined, take: (series: Series, value: Json) => unknown): boolean {
  return (
    entries !== undefined &&
    isJsonObject(entries) &&
    Object.entries(entries).every(([series, value]) => isSeries(series) && take(series, value) !== false)
  )
}

const NAMES: ReadonlySet<unknown> = new Set(FIGURES.map(({ name }) => name))

function isSeries(series: string): boolean {
  try {
    const parsed: unknown = JSON.parse(series)
    if (!Array.isArray(parsed) || parsed.length !== 2 || !NAMES.has(parsed[0]) || !Array.isArray(parsed[1]))
      return false
    return parsed[1].every(
      (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((x) => typeof x === 'string'),
    )
  } catch {
    return false
  }
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isTime(value: Json | undefined): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}

function isGauge(value: Json): value is JsonObject & { readonly value: number; readonly at: string } {
  return isJsonObject(value) && typeof value.value === 'number' && isTime(value.at)
}

function isHistogram(value: Json): value is JsonObject & { count: number; sum: number; buckets: number[] } {
  if (!isJsonObject(value) || !isCount(value.count) || typeof value.sum !== 'number') return false
  const { buckets } = value
  return Array.isArray(buckets) && buckets.length === BOUNDS.length + 1 && buckets.every(isCount)
}
