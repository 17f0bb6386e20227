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

/** The `.gitignore` files of a work tree, each read once: made for one look at it. */
export class Ignores {
  readonly #repo: Repo
  readonly #rules = new Map<string, readonly Rule[]>()

  constructor(repo: Repo) {
    this.#repo = repo
  }

  /** Whether rules ignore a path by its own name; those above it were looked at before. */
  says(path: string, isFolder: boolean): boolean {
    for (let at = path.lastIndexOf('/'); ; at = path.lastIndexOf('/', at - 1)) {
      const rules = this.#rulesIn(path.slice(0, at + 1))
      if (rules.length > 0) {
        const rest = path.slice(at + 1)
        const rule = rules.findLast(({ folderOnly, matches }) => (!folderOnly || isFolder) && matches(rest))
        if (rule !== undefined) return rule.ignores
      }
      if (at < 0) return false
    }
  }

  #rulesIn(folder: string): readonly Rule[] {
    let rules = this.#rules.get(folder)
    if (rules === undefined) {
      const text = this.#repo.disk.readText(`${this.#repo.workTree}/${folder}.gitignore`)
      rules = text === undefined ? [] : rulesOf(text)
      this.#rules.set(folder, rules)
    }
    return rules
  }
}

/** Whether a path of the work tree is ignored, by its own name or by a folder that it is in; tracked or not. */
export function isIgnored(repo: Repo, path: string): boolean {
  const ignores = new Ignores(repo)
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if (ignores.says(path.slice(0, at), true)) return true
  }
  return ignores.says(path, repo.disk.find(`${repo.workTree}/${path}`)?.kind === 'folder')
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
