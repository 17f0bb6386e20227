import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

/** `npm run fuzz:runtime`: see scripts/fuzz-runtime.js. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    from: { type: 'string', default: '0' },
    to: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const number = (text: string, name: string): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} is a number`)
  return value
}
// Whoever ends this ends the runtime under attack as well, and takes its folder away.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const report = await fuzz({
  server: positionals[0]!,
  seed: values.seed === undefined ? Date.now() % 1_000_000 : number(values.seed, 'seed'),
  minutes: number(values.minutes, 'minutes'),
  from: number(values.from, 'from'),
  to: values.to === undefined ? undefined : number(values.to, 'to'),
  say: (text) => {
    if (!values.json) process.stderr.write(`${text}\n`)
  },
})
if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
else {
  const { failures, ...figures } = report
  process.stdout.write(
    `${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}\n`,
  )
  for (const { from, to, problem } of failures) {
    process.stdout.write(`FAILED --seed ${report.seed} --from ${from} --to ${to}: ${problem}\n`)
  }
}
process.exitCode = report.failures.length > 0 ? 1 : 0
