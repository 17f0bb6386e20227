import { join } from 'node:path'
import { jsonDefect } from '../projection/json-file.ts'
import { isOwner, type Owner, type PolicyRule } from '../resolvers/policy.ts'
import { isJsonObject, type Json, type JsonObject } from '../world/json.ts'
import type { ObjectKind } from '../world/state.ts'
import { lobbyProblem } from './lobby-schema.ts'
import { readText } from './working-tree.ts'

/** Where old projects keep who owns what; read once, on adoption, and left as it is (G13). */
export const OLD_POLICY_FILE = '.lobby/sync-policy.json'

/** What became of an old policy: the rules that it turned into, and what of it could not be understood. */
export interface MovedPolicy {
  readonly rules: readonly PolicyRule[]
  /** Sentences, without the file's name. */
  readonly unclear: readonly string[]
}

const OWNERS: ReadonlyMap<string, Owner> = new Map<string, Owner>([
  ['ours', 'local'],
  ['project', 'local'],
  ['remote', 'runtime'],
  ['theirs', 'runtime'],
  ['world', 'runtime'],
  ['both', 'shared'],
  ['merge', 'shared'],
])

const TYPES: ReadonlyMap<string, ObjectKind> = new Map<string, ObjectKind>([
  ['blueprint', 'blueprint'],
  ['blueprints', 'blueprint'],
  ['app', 'blueprint'],
  ['apps', 'blueprint'],
  ['entity', 'entity'],
  ['entities', 'entity'],
  ['settings', 'settings'],
  ['spawn', 'spawn'],
  ['shared', 'shared'],
])

/** Owners by type, field, key: more is no policy. */
const MAX_DEPTH = 20

const DEFAULTS = new Set(['default', 'defaults', 'owner', '*'])
const LISTS = new Set(['rules', 'overrides'])
const WITHOUT_MEANING = new Set(['version', 'formatVersion', '$schema'])

/**
 * The policy of an old project as rules of `lobby.json`; undefined where there is none. Its shape was never written
 * down, so what it probably means is taken: lists of rules like ours, a default, owners by type and by field. Never
 * throws for what it cannot understand: that is listed.
 */
export async function readOldPolicy(folder: string): Promise<MovedPolicy | undefined> {
  const text = await readText(join(folder, OLD_POLICY_FILE))
  if (text === undefined) return undefined
  let document: Json
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, '')) as Json
  } catch {
    return { rules: [], unclear: ['it is not JSON'] }
  }
  return translatePolicy(document)
}

/** The document of an old policy as rules; see {@link readOldPolicy}. */
export function translatePolicy(document: Json): MovedPolicy {
  const rules: PolicyRule[] = []
  const unclear: string[] = []
  const add = (rule: JsonObject, place: string) => {
    const problem = lobbyProblem({ policy: { rules: [rule] } })
    if (problem === undefined) rules.push(rule as PolicyRule)
    else unclear.push(problem.message.replace(/^policy\.rules\[0\]/, place))
  }
  const addList = (list: Json, place: string) => {
    if (!Array.isArray(list)) {
      unclear.push(`${place} is no list of rules`)
      return
    }
    for (const [index, item] of (list as readonly Json[]).entries()) {
      const rule = isJsonObject(item) ? ruleOf(item) : undefined
      if (rule === undefined) unclear.push(`${place}[${index}] is no rule`)
      else add(rule, `${place}[${index}]`)
    }
  }
  const addOwners = (type: ObjectKind, value: Json, path: readonly string[], place: string) => {
    const owner = ownerOf(value)
    if (owner !== undefined) add({ type, ...(path.length === 0 ? {} : { field: [...path] }), owner }, place)
    else if (!isJsonObject(value)) unclear.push(`${place} is ${shown(value)}, which is no owner`)
    else {
      for (const [key, inner] of general(value)) {
        const isOwn = DEFAULTS.has(key)
        const below = isOwn || key === 'fields' ? path : [...path, ...key.split('.')]
        addOwners(type, inner, below, `${place}.${key}`)
      }
    }
  }
  const read = (value: Json, place: string): void => {
    if (!isJsonObject(value)) {
      addList(value, place === '' ? 'it' : place)
      return
    }
    for (const [key, inner] of general(value)) {
      const at = place === '' ? key : `${place}.${key}`
      const type = TYPES.get(key)
      const owner = ownerOf(inner)
      if (WITHOUT_MEANING.has(key)) continue
      if (LISTS.has(key)) addList(inner, at)
      else if (type !== undefined) addOwners(type, inner, [], at)
      else if (DEFAULTS.has(key) && owner !== undefined) add({ owner }, at)
      else if (key === 'policy' || key === 'ownership' || DEFAULTS.has(key)) read(inner, at)
      else unclear.push(`${at} is not understood`)
    }
  }
  const defect = jsonDefect(document, MAX_DEPTH)
  if (defect === undefined) read(document, '')
  else unclear.push(`it ${defect}`)
  return { rules, unclear }
}

/** Defaults first: the last rule that matches wins, and what says more must come later. */
function general(value: JsonObject): readonly (readonly [string, Json])[] {
  const rank = (key: string) => (DEFAULTS.has(key) ? 0 : LISTS.has(key) ? 2 : 1)
  return Object.entries(value).toSorted(([a], [b]) => rank(a) - rank(b))
}

/** A rule with the words that ours has for types and owners; all else as it stands. */
function ruleOf(item: JsonObject): JsonObject {
  const rule: Record<string, Json> = { ...item }
  const type = typeof item.type === 'string' ? TYPES.get(item.type) : undefined
  const owner = ownerOf(item.owner)
  if (type !== undefined) rule.type = type
  if (owner !== undefined) rule.owner = owner
  return rule
}

function ownerOf(value: Json | undefined): Owner | undefined {
  if (typeof value !== 'string') return undefined
  const word = value.toLowerCase()
  return isOwner(word) ? word : OWNERS.get(word)
}

function shown(value: Json): string {
  const text = JSON.stringify(value)
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`
}
