import { type Glob, glob } from './globs.ts'
import type { Repo } from './repo.ts'

interface Rule extends Glob {
  readonly ignores: boolean
}

/** The rules of a `.gitignore`, by its text: the same few files are read again and again. */
const parsed = new Map<string, readonly Rule[]>()

function rulesOf(text: string): readonly Rule[] {
  let rules = parsed.get(text)
  if (rules === undefined) {
    rules = text.split('\n').flatMap((line): Rule[] => {
      const bare = line.trimEnd()
      if (bare === '' || bare.startsWith('#')) return []
      const ignores = !bare.startsWith('!')
      return [{ ...glob(ignores ? bare : bare.slice(1)), ignores }]
    })
    parsed.set(text, rules)
  }
  return rules
}

/** Whether a path of the work tree is ignored, by its own name or by a folder that it is in; tracked or not. */
export function isIgnored(repo: Repo, path: string): boolean {
  const names = path.split('/')
  const isFolder = repo.disk.find(`${repo.workTree}/${path}`)?.kind === 'folder'
  for (let n = 1; n <= names.length; n += 1) {
    if (saysIgnored(repo, names.slice(0, n), n < names.length || isFolder)) return true
  }
  return false
}

function saysIgnored(repo: Repo, names: readonly string[], isFolder: boolean): boolean {
  for (let depth = names.length - 1; depth >= 0; depth -= 1) {
    const folder = names
      .slice(0, depth)
      .map((name) => `${name}/`)
      .join('')
    const text = repo.disk.readText(`${repo.workTree}/${folder}.gitignore`)
    if (text === undefined) continue
    const rest = names.slice(depth).join('/')
    const rule = rulesOf(text).findLast(({ folderOnly, matches }) => (!folderOnly || isFolder) && matches(rest))
    if (rule !== undefined) return rule.ignores
  }
  return false
}

/** The value of an attribute of a path, from the `.gitattributes` of the work tree: `unspecified` where none says it. */
export function attribute(repo: Repo, path: string, name: string): string {
  const names = path.split('/')
  for (let depth = names.length - 1; depth >= 0; depth -= 1) {
    const folder = names
      .slice(0, depth)
      .map((part) => `${part}/`)
      .join('')
    const text = repo.disk.readText(`${repo.workTree}/${folder}.gitattributes`)
    if (text === undefined) continue
    const rest = names.slice(depth).join('/')
    for (const line of text.split('\n').reverse()) {
      const [pattern, ...attributes] = line.trim().split(/\s+/)
      if (pattern === undefined || pattern === '' || pattern.startsWith('#') || !glob(pattern).matches(rest)) continue
      const value = attributes.map((said) => said.split('=')).find(([key]) => key?.replace(/^-/, '') === name)
      if (value !== undefined) return value[1] ?? (value[0]!.startsWith('-') ? 'unset' : 'set')
    }
  }
  return 'unspecified'
}
