import * as z from 'zod/mini'
import { isPlace, isState, matchesGlob, type Owner, type PolicyRule } from '../resolvers/policy.ts'
import type { ObjectKind } from '../world/state.ts'

/**
 * The schema of `lobby.json`: what every command checks, and what editors are told (`npm run schemas` writes it to
 * schemas/lobby.schema.json). What a description says is shown on hover; what an `error` says follows the place in
 * the file, as in "policy.rules[2].owner must be …". Keys that we do not know are other people's, except in a policy,
 * where they are mistakes that must not go unnoticed.
 */

const OWNERS = ['local', 'runtime', 'shared'] as const satisfies readonly Owner[]
const TYPES = ['blueprint', 'entity', 'settings', 'spawn', 'shared'] as const satisfies readonly ObjectKind[]
/** Objects of these types have no scope. */
const WITHOUT_SCOPE: readonly (string | undefined)[] = ['settings', 'spawn', 'shared'] satisfies ObjectKind[]
/** Keys with dots between them; `*` only as a whole key. */
const FIELD = /^(?:\*|[^.*]+)(?:\.(?:\*|[^.*]+))*$/

/** What a value must be, and what stands there instead. */
function must(what: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) =>
    input === undefined ? `is missing: it must be ${what}` : `must be ${what}, not ${shown(input)}`
}

function shown(input: unknown): string {
  const text = JSON.stringify(input) ?? 'nothing'
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`
}

/** `"a", "b" or "c"` */
function anyOf(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word))
  return quoted.length === 1 ? quoted[0]! : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}

const text = z.string({ error: must('a text') }).check(z.minLength(1, { error: 'must not be empty' }))
const oneOf = <const T extends readonly string[]>(words: T) => z.enum(words, { error: must(anyOf(words)) })

const NO_FIELD = 'is empty: leave it out to mean the whole object'
const field = z.union(
  [
    z.string().check(
      z.regex(FIELD, {
        error: ({ input }) =>
          input === ''
            ? NO_FIELD
            : `${shown(input)} is no path: keys with single dots between them, "*" only as a whole key; ` +
              'write a list of keys where a key holds such characters itself',
      }),
    ),
    z.array(z.string()).check(z.minLength(1, { error: NO_FIELD })),
  ],
  { error: must('a path such as "props.color" or a list of keys such as ["props", "color"]') },
)

const ruleKeys = {
  type: z
    .optional(oneOf(TYPES))
    .check(
      z.describe('Only objects of this type. Settings and spawn are one object each; "shared" are shared modules.'),
    ),
  id: z
    .optional(text)
    .check(
      z.describe(
        'Only objects whose id matches: "*" stands for any run of characters. A shared module\'s id is its path.',
      ),
    ),
  scope: z.optional(text).check(z.describe('Only objects whose scope matches: "*" stands for any run of characters.')),
  field: z
    .optional(field)
    .check(
      z.describe(
        'Only this field and everything below it: "props.color", "scriptFiles.index.js", or a list of keys where keys hold dots. "*" stands for one key. Without it the rule is about the whole object, also about whether it is deleted.',
      ),
    ),
  owner: z
    .optional(oneOf(OWNERS))
    .check(
      z.describe(
        'Which side wins what both changed: "local" is the project, "runtime" the world; "shared" is merged where that can be done, else it is a conflict.',
      ),
    ),
  merge: z
    .optional(z.literal('set', { error: must('"set"') }))
    .check(
      z.describe(
        '"set": lists of plain values merge as sets, what either side added or removed counts. Only where the owner is "shared".',
      ),
    ),
}

const rule = z
  .strictObject(ruleKeys, { error: unknownOr('an object') })
  .check((context) => {
    const wrong = contradiction(context.value as PolicyRule)
    if (wrong === undefined) return
    context.issues.push({
      code: 'custom',
      input: context.value,
      path: wrong.key === undefined ? [] : [wrong.key],
      message: wrong.message,
    })
  })
  .check(
    z.meta({
      title: 'Rule',
      description:
        'What it is about (type, id, scope, field; all that are named must match), and what it says (owner, merge).',
      anyOf: [{ required: ['owner'] }, { required: ['merge'] }],
      allOf: [
        {
          if: { required: ['type'], properties: { type: { enum: WITHOUT_SCOPE } } },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema.
          then: { not: { required: ['scope'] } },
        },
        {
          if: {
            required: ['field'],
            properties: {
              type: { const: 'entity' },
              field: {
                anyOf: [
                  { type: 'string', pattern: '^state(?:\\.|$)' },
                  { type: 'array', minItems: 1, items: [{ const: 'state' }] },
                ],
              },
            },
          },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema.
          then: { required: ['owner'], properties: { owner: { const: 'runtime' } } },
        },
      ],
    }),
  )

/** What is wrong with a rule as a whole. */
function contradiction(rule: PolicyRule): { readonly key?: keyof PolicyRule; readonly message: string } | undefined {
  const { type, id, field } = rule
  if (rule.owner === undefined && rule.merge === undefined) return { message: 'says neither "owner" nor "merge"' }
  if ((type === 'settings' || type === 'spawn') && id !== undefined && !matchesGlob(id, type)) {
    return { key: 'id', message: `can only be "${type}" with that type; a key of it is a "field"` }
  }
  if (rule.scope !== undefined && WITHOUT_SCOPE.includes(type)) {
    return { key: 'scope', message: `matches nothing: objects of type "${type}" have no scope` }
  }
  const path = typeof field === 'string' ? field.split('.') : (field ?? [])
  if (isState(type ?? 'entity', path) && rule.owner !== 'runtime') {
    const which = type === undefined ? '; name another "type" if another object\'s is meant' : ''
    return { key: 'field', message: `names the state of entities, which is always the runtime's${which}` }
  }
  if (rule.merge !== undefined && isPlace(type ?? 'entity', path)) {
    return { key: 'merge', message: `is nothing for ${path.join('.')}, which is one value and no set` }
  }
  return undefined
}

function unknownOr(what: string) {
  return (issue: {
    readonly code?: string | undefined
    readonly input?: unknown
    readonly keys?: readonly string[]
  }): string =>
    issue.code === 'unrecognized_keys' ? `has an unknown key ${JSON.stringify(issue.keys?.[0])}` : must(what)(issue)
}

const POLICY = 'an object with a list of rules, such as { "rules": [{ "type": "settings", "owner": "runtime" }] }'

const policy = z
  .strictObject(
    {
      rules: z
        .array(rule, {
          error: (issue) =>
            issue.input === undefined ? `is missing: a policy is ${POLICY}` : must('a list of rules')(issue),
        })
        .check(
          z.describe('The last rule that matches wins, as in .gitattributes; owner and merge are decided separately.'),
        ),
    },
    { error: unknownOr(POLICY) },
  )
  .check(
    z.meta({
      title: 'Ownership',
      description:
        'Which side wins what both sides changed. "gamedev sync policy explain <id>" says which rule decides.',
    }),
  )

const flag = z.boolean({ error: must('true or false') })
const address = z.string({ error: 'must be a text' }).check(z.minLength(1, { error: 'must not be empty' }))
const confirm = z
  .optional(flag)
  .check(z.describe('Ask before pushing. Targets named "prod" or "production" always ask.'))
const target = z
  .looseObject({
    worldUrl: address.check(z.describe("Address of the world's server.")),
    worldId: address.check(z.describe('Id of the world, as its server says it.')),
    confirm,
    requireConfirm: z.optional(flag).check(z.describe('The same as "confirm".')),
    requiresConfirm: z.optional(flag).check(z.describe('The same as "confirm".')),
  })
  .check(
    z.meta({
      title: 'Target',
      description:
        'A world to sync with. Its admin code does not stand here, but in .lobby/targets.json, which git ignores.',
      not: { required: ['adminCode'] },
    }),
  )

/** Names that are safe as a ref's last segment and as a word on the command line. */
export const TARGET_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

export const lobbyFileSchema = z
  .looseObject({
    $schema: z
      .optional(z.string({ error: 'must be a text' }))
      .check(z.describe('Where editors find the schema of this file.')),
    defaultTarget: z
      .optional(z.string({ error: 'must be the name of a target' }))
      .check(z.describe('The target of commands that name none; the first one if this is left out.')),
    targets: z
      .optional(z.record(z.string().check(z.regex(TARGET_NAME)), target))
      .check(z.describe('The worlds that this project syncs with, by name.')),
    policy: z.optional(policy),
  })
  .check(
    z.meta({
      title: 'lobby.json',
      description:
        'Which worlds a project syncs with, and which side wins what both changed. It is committed, so it holds no secret.',
    }),
  )

export interface LobbyProblem {
  /** Place and complaint in one sentence, without the file's name. */
  readonly message: string
  /** What was probably meant, or could be. */
  readonly hint: string | undefined
}

/** The first thing that is wrong with a parsed `lobby.json`, undefined when all is well. */
export function lobbyProblem(document: unknown): LobbyProblem | undefined {
  const result = z.safeParse(lobbyFileSchema, document, { reportInput: true })
  const issue = result.error?.issues[0]
  if (issue === undefined) return undefined
  const message = `${place(issue.path)} ${issue.message}`
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 1 ? ['rules'] : Object.keys(ruleKeys)
    return { message, hint: didYouMean(nearest(issue.keys[0]!, known)) ?? `Known keys: ${known.join(', ')}.` }
  }
  if (issue.code === 'invalid_value' && typeof issue.input === 'string') {
    return { message, hint: didYouMean(nearest(issue.input, issue.values.map(String))) }
  }
  return { message, hint: undefined }
}

function didYouMean(word: string | undefined): string | undefined {
  return word === undefined ? undefined : `Did you mean "${word}"?`
}

/** `policy.rules[2].owner` */
function place(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`)).join('')
}

/** What people say for a side elsewhere. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['ours', 'local'],
  ['mine', 'local'],
  ['project', 'local'],
  ['theirs', 'runtime'],
  ['remote', 'runtime'],
  ['world', 'runtime'],
  ['app', 'blueprint'],
])

function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  const synonym = SYNONYMS.get(lower)
  if (synonym !== undefined && known.includes(synonym)) return synonym
  const [best] = known
    .map((candidate) => ({ candidate, distance: distance(lower.slice(0, 40), candidate) }))
    .toSorted((a, b) => a.distance - b.distance)
  return best !== undefined && best.distance <= Math.ceil(best.candidate.length / 2) ? best.candidate : undefined
}

/** How many letters must be put in, taken out or exchanged. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
