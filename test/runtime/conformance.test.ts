import { describe, expect, test } from 'vitest'
import { normal, recordedSteps, revive, type Step, type Traffic } from './recording.ts'
import {
  type AdminClient,
  call,
  connect,
  type Fields,
  get,
  openSocket,
  recording,
  recordingsExist,
  testRuntime,
  upload,
} from './support.ts'

/** Steps that need somebody inside the world; this runtime runs none. */
const PLAYERS = [
  'player joins on /ws',
  'spawn_modify set with player',
  'player entityModified over /ws (own move)',
  'player tries entityModified on an app over /ws',
  'modify_rank',
]

/** Steps after a script has run for a moment; of its state only what the client wrote itself is compared. */
const SCRIPT_STATE = [
  'entity_modify ent1 blueprint -> plain',
  'entity_modify ent1 unknown field + scope/uid',
  'entity_modify no-op (same position)',
  'entity_remove ent1',
]

/** Where ours is better on purpose: a repeated opId is acknowledged without being applied again. */
const BETTER = 'blueprint_modify reused opId op-plain-mod-1'
/** What the public server made of that repetition, and what it is without. */
const REAPPLIED = { from: 'dup op', to: 'jumped' }

const SCRIPT = `export default (world, app, fetch, props, setTimeout) => {
  app.state.n = 0
  app.state.ready = true
  if (world.isServer) { app.on('fixedUpdate', () => { app.state.n++ }) }
}
`

describe.skipIf(!recordingsExist).each([{ publicLike: false }, { publicLike: true }])(
  'answers as the recorded public server did, publicLike: $publicLike',
  ({ publicLike }) => {
    test('a fresh world, bad cursors, bad codes', async () => {
      const runtime = await testRuntime({ publicLike, clock: Date.now })
      const { data } = await get(runtime, '/admin/snapshot')
      expect(comparableSnapshot(data)).toEqual(comparableSnapshot(recording<Fields>('snapshot-fresh.json')))
      expect((await get(runtime, '/admin/changes')).data).toEqual(recording('changes-fresh-head.json'))
      const codes = [undefined, 'wrong']
      for (const entry of recordedSteps().before.filter(
        ({ via, path }) => via === 'http' && path !== '/admin/snapshot',
      )) {
        const headers = entry.status === 403 ? { 'x-admin-code': codes.pop() ?? '' } : {}
        const answer = await call(runtime, entry.method, entry.path, undefined, headers)
        expect([entry.path, answer.status, answer.data]).toEqual([entry.path, entry.status, entry.response])
      }
      const bad = await openSocket(runtime)
      bad.send('adminAuth', { code: 'wrong' })
      expect(await bad.closed).toBe(1005)
      expect(bad.received).toEqual([{ packet: 'adminAuthError', data: { error: 'invalid_code' } }])
    })

    test('every recorded step', async () => {
      const runtime = await testRuntime({ publicLike })
      const a = await connect(runtime)
      const b = await connect(runtime, { subscriptions: { snapshot: true, players: true, runtime: true } })
      await expectPacketsOfB(b)
      await a.drain()
      const tokens = new Map<string, string>()
      let cursor = 0
      let left = 0
      for (const step of recordedSteps().steps) {
        if (PLAYERS.includes(step.label)) {
          left += step.operations.length
          continue
        }
        const results = []
        for (const entry of step.traffic) {
          if (entry.via === 'http') results.push(await repeatHttp(entry))
          else if (entry.dir === 'client->server') await a.command(revive(entry.data, tokens) as Fields)
        }
        const packets = { A: await a.drain(), B: await b.drain() }
        const feed = (await get(runtime, `/admin/changes?cursor=${cursor}`)).data
        expect({ step: step.label, ...seen(step, results, packets, feed.operations) }).toEqual({
          step: step.label,
          ...(publicLike ? recorded(step) : better(step)),
        })
        if (publicLike) {
          expect(feed.operations.map((o: Fields) => o.cursor)).toEqual(
            step.operations.map((o) => (o.cursor as number) - left),
          )
        }
        cursor = feed.cursor
      }
      const { data } = await get(runtime, '/admin/snapshot')
      expect(comparableSnapshot(data)).toEqual(comparableSnapshot(recording<Fields>('snapshot-after-ops.json')))

      async function repeatHttp(entry: Traffic) {
        const body = revive(entry.body, tokens)
        const answer =
          entry.path === '/admin/upload'
            ? await upload(runtime, (entry.response as Fields).filename as string, SCRIPT)
            : await call(runtime, entry.method, entry.path, body)
        const token = (entry.response as Fields).token
        if (typeof token === 'string') tokens.set(token, answer.data.token)
        return { status: answer.status, response: normal(answer.data) }
      }
    })
  },
)

async function expectPacketsOfB(b: AdminClient): Promise<void> {
  const [ok, snapshot, ...rest] = await b.drain()
  const entry = recordedSteps().before.find(({ packet }) => packet === 'snapshot')!
  expect(ok).toEqual({ packet: 'adminAuthOk', data: { ok: true, capabilities: { builder: true, deploy: true } } })
  expect(snapshot!.packet).toBe('snapshot')
  expect(comparableSnapshot(snapshot!.data)).toEqual(comparableSnapshot(entry.data))
  expect(rest).toEqual([])
}

type Sequence = readonly { readonly packet: string; readonly data: unknown }[]

function seen(
  _step: Step,
  http: readonly unknown[],
  packets: { readonly A: Sequence; readonly B: Sequence },
  operations: readonly Fields[],
) {
  const tidy = (list: Sequence) => list.map(({ packet, data }) => ({ packet, data: normal(data) }))
  return { http, A: tidy(packets.A), B: tidy(packets.B), operations: operations.map((o) => normal(o)) }
}

function recorded(step: Step) {
  const traffic = withoutScriptState(step, step.traffic) as readonly Traffic[]
  const of = (sock: string) =>
    traffic
      .filter((entry) => entry.via === 'ws' && entry.dir === 'server->client' && entry.sock === sock)
      .filter(({ packet }) => !packet.startsWith('player'))
      .map(({ packet, data }) => ({ packet, data: normal(data) }))
  const http = traffic
    .filter(({ via }) => via === 'http')
    .map(({ status, response }) => ({ status, response: normal(response) }))
  const operations = withoutScriptState(step, step.operations) as readonly Fields[]
  return { http, A: of('A'), B: of('B'), operations: operations.map((o) => normal(o)) }
}

/** The recorded step as ours answers it on purpose. */
function better(step: Step) {
  const expected = recorded(step)
  if (step.label === BETTER) {
    const A = expected.A.filter(({ packet }) => packet === 'adminResult')
    return {
      ...expected,
      A: A.map(({ packet, data }) => ({ packet, data: { ...(data as Fields), duplicate: true } })),
      B: [],
    }
  }
  return replaced(expected, REAPPLIED.from, REAPPLIED.to) as typeof expected
}

function replaced(value: unknown, from: string, to: string): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(JSON.stringify(from), JSON.stringify(to)))
}

function withoutScriptState(step: Step, value: unknown): unknown {
  if (!SCRIPT_STATE.includes(step.label)) return value
  return JSON.parse(JSON.stringify(value).replaceAll(',"n":7,"ready":true}', '}'))
}

/** A snapshot without what differs between two servers: addresses, the scene entity's random id, a script's state. */
function comparableSnapshot(snapshot: Fields): unknown {
  const { assetsUrl, adminUrl, capabilities: _c, cursor: _n, worldId: _w, ...rest } = normal(snapshot) as Fields
  const entities = (rest.entities as Fields[]).map((entity) => ({
    ...entity,
    id: entity.blueprint === '$scene' ? '<random id>' : entity.id,
    state: {},
  }))
  return {
    ...rest,
    entities,
    assetsUrl: String(assetsUrl).replace(/^http:\/\/[^/]+/, ''),
    adminUrl: String(adminUrl).replace(/^http:\/\/[^/]+/, ''),
  }
}
