import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Draw } from './draw.ts'
import type { Sandbox } from './sandbox.ts'
import { KEYS, record, spelled, value, word } from './words.ts'

/** Puts something in the place of whatever is there. */
export function replace(sandbox: Sandbox, path: string, put: (at: string) => void): void {
  const at = sandbox.path(path)
  rmSync(at, { recursive: true, force: true })
  mkdirSync(dirname(at), { recursive: true })
  put(at)
}

/** The same for a file in a folder that may not be one. */
export function replaceBelow(sandbox: Sandbox, folder: string, name: string, text: string): void {
  const parts = folder.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'))
  for (const part of parts) {
    const found = lstatSync(sandbox.path(part), { throwIfNoEntry: false })
    if (found !== undefined && !found.isDirectory()) rmSync(sandbox.path(part))
  }
  replace(sandbox, `${folder}/${name}`, (at) => writeFileSync(at, text))
}

/** Text that is no document of ours, or only nearly. */
function brokenText(draw: Draw): string | Uint8Array {
  return draw.pick<() => string | Uint8Array>([
    () => '',
    () => 'null',
    () => '[]',
    () => '7',
    () => '{',
    () => '{"format":1}',
    () => '\u0000\u0001\u0002',
    () => Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
    () => '['.repeat(100_000) + ']'.repeat(100_000),
    () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    () => `<<<<<<< HEAD\n{}\n=======\n[]\n>>>>>>> ${word(draw)}\n`,
    () => spelled(value(draw)),
    () => spelled(record(draw.times(0, 4, () => [draw.pick(KEYS), value(draw)]))),
    () => 'x'.repeat(300_000),
    () => '\n'.repeat(10_000),
    () => `${word(draw)}\n${word(draw)}`,
  ])()
}

/** The places that links lead to: outside, nowhere, round in circles, into git. */
const LINKS = [
  '../../outside',
  '../../../outside/secret.txt',
  '/etc/passwd',
  'nowhere',
  '.',
  '..',
  '.git',
  '.git/hooks',
  '../canary.txt',
]

/** What is in the way of a file: nothing good. */
export function obstacle(draw: Draw, sandbox: Sandbox, path: string): string {
  const kind = draw.int(0, 5)
  if (kind === 0) {
    replace(sandbox, path, (at) => mkdirSync(at))
    return 'a folder'
  }
  if (kind === 1) {
    const to = draw.pick(LINKS)
    replace(sandbox, path, (at) => symlinkSync(to, at))
    return `a link to ${to}`
  }
  const text = brokenText(draw)
  replace(sandbox, path, (at) => writeFileSync(at, text))
  return `${JSON.stringify(String(text).slice(0, 60))} (${text.length} bytes)`
}
