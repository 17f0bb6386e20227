import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../sync/support.ts'
import { prints, readPage, withPrinted } from './console-blocks.ts'
import { thrownCodes } from './error-codes.ts'
import { CODE, RunbookWorld } from './runbook-world.ts'
import { Shell } from './shell.ts'

const PAGE = 'docs/runbook.md'

/**
 * Runs in CI and with `npm run runbook`: seventy commands and what git does for them take fifteen seconds of a processor.
 * `RUNBOOK=update` writes what the commands print into the page; look at the difference before it is committed.
 */
const RUNS = process.env.CI !== undefined || process.env.RUNBOOK !== undefined
const UPDATE = process.env.RUNBOOK === 'update'

it('no block of the runbook is exempt without saying why', () => {
  const { steps, unmarked } = readPage(readFileSync(PAGE, 'utf8'))
  expect(unmarked).toEqual([])
  const known = Object.keys(new RunbookWorld().directions)
  expect(steps.filter((step) => step.kind === 'direction' && !known.includes(step.what))).toEqual([])
  const marked = readPage('*Not run by the test:* why\n\n```sh\nx\n```\n\nText\n\n```sh\ny\n```\n')
  expect(marked.unmarked).toEqual(['9: ```sh'])
})

it('every code and its exit codes stand in the table, and no others', () => {
  const text = readFileSync(PAGE, 'utf8')
  const rows = [...text.matchAll(/^\| `(\w+)` *\| ([\d, ]+?) *\| (.*?) *\| (.*?) *\|$/gm)]
  expect(Object.fromEntries(rows.map(([, code, exits]) => [code, exits]))).toEqual(Object.fromEntries(thrownCodes()))
  expect(rows.filter(([, , , meaning, next]) => meaning === '' || next === '')).toEqual([])
  expect(rows.map(([, code]) => code)).toEqual(rows.map(([, code]) => code!).toSorted())
})

it('every link of the runbook leads somewhere', () => {
  const page = readFileSync(PAGE, 'utf8')
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
  for (const [, file, anchor] of page.matchAll(/\]\(([\w.-]*)(?:#([\w-]+))?\)/g)) {
    const text = file === '' ? page : readFileSync(join(dirname(PAGE), file!), 'utf8')
    if (anchor !== undefined) expect(anchors(text), `${file}#${anchor}`).toContain(anchor)
  }
})

it.skipIf(!RUNS)('every command of the runbook does what the page says', { timeout: 600_000 }, async () => {
  const text = readFileSync(PAGE, 'utf8')
  const { steps } = readPage(text)
  const world = new RunbookWorld()
  await world.open()
  const shell = await Shell.open(temporaryFolder())
  onTestFinished(() => shell.close())
  // What the page has in the place of what every run has anew.
  const places = [
    ['http://localhost:3000', world.url],
    ['/home/dana', shell.home],
    ['ADMIN_CODE=…', `ADMIN_CODE=${CODE}`],
  ] as const
  const real = (command: string) => places.reduce((all, [page, here]) => all.replaceAll(page, here), command)
  const shown = (row: string) => places.reduce((all, [page, here]) => all.replaceAll(here, page), row)

  const wrong: string[] = []
  const printed = new Map<number, readonly string[]>()
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'direction') {
      const direction = world.directions[step.what]
      expect(direction, `${PAGE}:${step.line}: "${step.what}" is no stage direction`).toBeDefined()
      await direction!(shell)
      continue
    }
    const { code, lines } = await shell.run(real(step.command))
    const rows = lines.map(shown)
    expect(rows.join('\n'), 'the page must not show a code').not.toContain(CODE)
    const next = steps[index + 1]
    // A command that fails is followed by its exit code.
    const said = code === 0 || (next?.kind === 'command' && next.command === 'echo $?')
    if (prints(step.prints, rows) && said) continue
    printed.set(step.line, rows)
    wrong.push(`${PAGE}:${step.line}: $ ${step.command}\nexit code ${code}\n${rows.join('\n')}`)
    // What follows builds on it.
    if (!UPDATE) break
  }
  if (UPDATE) writeFileSync(PAGE, withPrinted(text, printed))
  expect(wrong.join('\n\n')).toBe('')
})
