/** `index.ts` for `index.js` and the other way round: the two are interchangeable as an entry (protocol, section 8). */
function twin(path: string): string | undefined {
  const match = /^(.*)\.(js|ts)$/s.exec(path)
  return match === null ? undefined : `${match[1]}.${match[2] === 'js' ? 'ts' : 'js'}`
}

/** The script that `name` means among `scripts`: itself, or its twin with the other extension. */
function find(name: string, scripts: readonly string[]): string | undefined {
  if (scripts.includes(name)) return name
  const other = twin(name)
  return other !== undefined && scripts.includes(other) ? other : undefined
}

/**
 * The entry among an app's scripts (protocol, section 8): the declared one, which need not be among them; else the
 * hint, if it is; else `index.ts`, `index.js`, a sole script; else none.
 *
 * @example electEntry(undefined, undefined, ['main.js']) // 'main.js'
 */
export function electEntry(
  declared: string | undefined,
  hint: string | undefined,
  scripts: readonly string[],
): string | undefined {
  if (declared !== undefined) return find(declared, scripts) ?? declared
  const hinted = hint === undefined ? undefined : find(hint, scripts)
  if (hinted !== undefined) return hinted
  for (const name of ['index.ts', 'index.js']) if (scripts.includes(name)) return name
  return scripts.length === 1 ? scripts[0] : undefined
}
