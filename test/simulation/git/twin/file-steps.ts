import type { Random } from '../../host.ts'
import type { Twin } from './twin.ts'
import { nothing, PATHS, pick, type Step } from './vocabulary.ts'

/** Changes some lines of a file, so that edits of different branches meet, or do not. */
export function edit(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  const before = twin.read(path)?.split('\n') ?? Array.from({ length: 12 }, (_, n) => `line ${n}`)
  const at = Math.floor(random() * before.length)
  const lines = random() < 0.7 ? [`edit ${Math.floor(random() * 4)}`] : []
  const after = [...before.slice(0, at), ...lines, ...before.slice(at + Math.floor(random() * 2))]
  const content = path.endsWith('.bin') ? `\0${Math.floor(random() * 3)}` : after.join('\n')
  twin.write(path, content)
  return nothing(`write ${path}: ${JSON.stringify(content)}`)
}

export function removeFile(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  twin.remove(path)
  return nothing(`remove ${path}`)
}

/** Moves a file to another place, changed a little or not at all. */
export function moveFile(twin: Twin, random: Random): Step | undefined {
  const [from, to] = [pick(random, PATHS), pick(random, PATHS)]
  const content = twin.read(from)
  if (content === undefined || from === to) return undefined
  const moved = random() < 0.5 ? content : content.replace('line 5', `moved ${Math.floor(random() * 3)}`)
  twin.remove(from)
  twin.write(to, moved)
  return nothing(`move ${from} to ${to}: ${JSON.stringify(moved)}`)
}

export function touch(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  const content = twin.read(path)
  if (content === undefined) return undefined
  twin.write(path, content)
  return nothing(`touch ${path}`)
}

export function makeExecutable(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  const content = twin.read(path)
  if (content === undefined) return undefined
  twin.write(path, content, 0o755)
  return nothing(`chmod ${path}`)
}
