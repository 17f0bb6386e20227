import { BOUNDS } from '../sync/figures/kept.ts'
import type { Reading } from '../sync/figures/read-out.ts'
import { oneLine } from './render.ts'

/** How figures look to people; the JSON has all of them, zeros and buckets included. */
export function figureLines(readings: readonly Reading[], since: string): readonly string[] {
  const rows = readings.flatMap(({ figure, points }) => {
    const all = points as readonly { readonly attributes: Readonly<Record<string, string>>; readonly value: unknown }[]
    const told = all.filter(
      ({ attributes, value }) => value !== 0 || figure.by === undefined || !(figure.by.attribute in attributes),
    )
    // Of a figure that has several kinds, those that are zero are not worth a line, unless all of them are.
    const shown =
      told.length > 0
        ? told
        : all.slice(0, 1).map((point) => ({ ...point, attributes: without(point.attributes, figure.by?.attribute) }))
    if (shown.length === 0) return [[figure.name, '-', '']]
    return shown.map(({ attributes, value }) => [figure.name, words(value), about(attributes)])
  })
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map(([name, value, of]) =>
    `${name!.padEnd(widths[0]!)}  ${value!.padStart(widths[1]!)}  ${of}`.trimEnd(),
  )
  return [`Counted since ${since}.`, ...lines]
}

function words(value: unknown): string {
  if (typeof value === 'number') return String(value)
  const { count, sum } = value as { readonly count: number; readonly sum: number }
  return `${Math.round(sum / count)} ms × ${count}`
}

function about({ world, target, ...more }: Readonly<Record<string, string>>): string {
  const of = world === undefined ? '' : target === undefined ? world : `${world} (${target})`
  return oneLine([of, ...Object.values(more)].filter((part) => part !== '').join(', '), 120)
}

function without(
  attributes: Readonly<Record<string, string>>,
  name: string | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name))
}

export function figureJson({ figure, points }: Reading): unknown {
  const { name, kind, unit, description } = figure
  return {
    name,
    kind,
    unit,
    description,
    points: points.map(({ attributes, value }) =>
      typeof value === 'number'
        ? { attributes, value }
        : {
            attributes,
            count: value.count,
            sum: value.sum,
            buckets: value.buckets.map((count, index) => ({ le: BOUNDS[index] ?? null, count })),
          },
    ),
  }
}
