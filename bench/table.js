/** The rows as text: times in milliseconds, each with its floor and how many times that it takes. */
export function table(rows) {
  const header = ['entities', 'scenario', 'ms', 'floor', 'ratio', 'what the floor is']
  const lines = rows.map(({ world, name, ms, bytes, floor, of, parts }) => [
    String(world),
    name,
    ms === undefined ? `${Math.round(bytes / 2 ** 20)} MiB` : ms.toFixed(0),
    floor === undefined ? '' : floor.toFixed(0),
    floor === undefined ? '' : (ms / floor).toFixed(2),
    [
      of ?? '',
      parts === undefined
        ? ''
        : `(${Object.entries(parts)
            .map(([part, value]) => `${part} ${value.toFixed(0)}`)
            .join(', ')})`,
    ]
      .join(' ')
      .trim(),
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column].length)))
  const right = new Set([0, 2, 3, 4])
  const format = (line) =>
    line
      .map((text, column) => (right.has(column) ? text.padStart(widths[column]) : text.padEnd(widths[column])))
      .join('  ')
      .trimEnd()
  return [format(header), widths.map((width) => '-'.repeat(width)).join('  '), ...lines.map(format)].join('\n')
}
