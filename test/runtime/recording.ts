import { type Fields, recording } from './support.ts'

/** One entry of the recorded traffic. */
export interface Traffic {
  readonly via: 'http' | 'ws'
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly status: number
  readonly response: unknown
  readonly sock: 'A' | 'B' | 'bad'
  readonly dir: 'client->server' | 'server->client' | 'close'
  readonly packet: string
  readonly data: Fields
}

export interface Step {
  readonly label: string
  readonly traffic: readonly Traffic[]
  readonly operations: readonly Fields[]
}

/** The recorded steps with their traffic: the recorder read the feed after each one, which is where they are told apart. */
export function recordedSteps(): { readonly before: readonly Traffic[]; readonly steps: readonly Step[] } {
  const labelled = recording<{ label: string; operations: Fields[] }[]>('steps.json')
  const all = recording<Traffic[]>('ws-packets.json')
  const start = all.findIndex((entry, index) => index > 15 && entry.via === 'http' && entry.path === '/admin/changes')
  const steps: Step[] = []
  let traffic: Traffic[] = []
  for (const entry of all.slice(start)) {
    if (entry.via === 'http' && /^\/admin\/changes\?cursor=\d+$/.test(entry.path)) {
      const named = labelled[steps.length]
      if (named === undefined) break
      steps.push({ label: named.label, operations: named.operations, traffic })
      traffic = []
    } else if (entry.path !== '/admin/changes' && entry.path !== '/admin/snapshot') traffic.push(entry)
  }
  return { before: all.slice(0, start), steps }
}

const TIMES = new Set(['ts', 'updatedAt', 'createdAt', 'acquiredAt', 'ageMs', 'expiresInMs', 'serverTime'])
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const RANDOM_OP = /^[0-9A-Za-z_-]{10}$/

/** A value with all that differs from run to run put aside; undefined members count as absent ones. */
export function normal(value: unknown, key = ''): unknown {
  if (value === '__undefined__') return undefined
  if (TIMES.has(key)) return `<${key}>`
  if (key === 'cursor') return '<cursor>'
  if (typeof value === 'string') {
    if (UUID.test(value)) return '<uuid>'
    if ((key === 'opId' || key === 'lastOpId') && RANDOM_OP.test(value)) return '<random opId>'
    return value
  }
  if (Array.isArray(value)) return value.map((item) => normal(item))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, member]) => [name, normal(member, name)] as const)
  return Object.fromEntries(members.filter(([, member]) => member !== undefined))
}

/** What is to be sent: as recorded, undefined where it was, tokens replaced by those of this run. */
export function revive(value: unknown, tokens: ReadonlyMap<string, string>): unknown {
  if (value === '__undefined__') return undefined
  if (typeof value === 'string') return tokens.get(value) ?? value
  if (Array.isArray(value)) return value.map((item) => revive(item, tokens))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revive(member, tokens)]))
}
