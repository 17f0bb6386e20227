import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isJsonObject } from '../../src/world/json.ts'
import { flat } from '../e2e/race-history.ts'
import type { Fields } from '../e2e/race-world.ts'
import { reach } from './world-checks.ts'

/** Scripts and assets are named by content in the world and by path in files: their contents are compared instead. */
const BY_CONTENT = /^\S+ (?:script\w*|model)$/

/** Where a clone's HEAD and the world differ; empty when they say the same. `scripts` are the world's, by path. */
export function sameState(
  head: ReadonlyMap<string, Fields>,
  folder: string,
  world: ReadonlyMap<string, string>,
  scripts: ReadonlyMap<string, string>,
): readonly string[] {
  const here = new Map([...flat(head)].filter(isCompared))
  const there = new Map([...world].filter(isCompared))
  const names = new Set([...here.keys(), ...there.keys()])
  return [
    ...[...names]
      .filter((name) => here.get(name) !== there.get(name))
      .map((name) => `${name} is ${here.get(name)} here, ${there.get(name)} in the world`),
    ...[...scripts]
      .filter(([path, text]) => readFileSync(join(folder, path), 'utf8') !== text)
      .map(([path, text]) => `${path} differs from the world's:\n${text}`),
  ]
}

function isCompared([name, value]: readonly [string, string]): boolean {
  return !BY_CONTENT.test(name) && !value.includes('asset')
}

/** The scripts that the world serves, by the paths that they have in a project. */
export async function worldScripts(url: string): Promise<ReadonlyMap<string, string>> {
  const remote = reach(url)
  const found = new Map<string, string>()
  try {
    const { blueprints } = await remote.snapshot()
    for (const { id, scriptFiles, scene } of blueprints) {
      if (scene === true || !isJsonObject(scriptFiles)) continue
      for (const [key, asset] of Object.entries(scriptFiles)) {
        const path = key.startsWith('@shared/') ? `shared/${key.slice('@shared/'.length)}` : `apps/${String(id)}/${key}`
        const answer = await fetch(`${url}/assets/${String(asset).replace('asset://', '')}`)
        found.set(path, answer.ok ? await answer.text() : `(${answer.status})`)
      }
    }
    return found
  } finally {
    await remote.close()
  }
}
