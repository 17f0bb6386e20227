import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import { afterEach, describe, expect, test } from 'vitest'
import { PACKETS, type PacketName } from '../../src/protocol/packets.ts'
import { readChanges } from '../../src/remote-runtime/changes.ts'
import { loadReplies } from '../../src/remote-runtime/checked.ts'
import { asJson, decodeFrame } from '../../src/remote-runtime/frames.ts'
import { refusedOf } from '../../src/remote-runtime/writes.ts'
import { isJsonObject } from '../../src/world/json.ts'
import { closeAll, failure, json, world } from './fake-server.ts'

const FOLDER = join(import.meta.dirname, '../../../shared/fixtures/lobby-runtime')
const present = existsSync(FOLDER)

afterEach(closeAll)

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T
}

interface Page {
  readonly cursor: number
  readonly headCursor: number
  readonly operations: readonly { readonly cursor: number }[]
  readonly hasMore: boolean
}
interface Message {
  readonly via: 'http' | 'ws'
  readonly dir?: string
  readonly packet?: PacketName
  readonly data?: unknown
}

describe.skipIf(!present)('what a real server answered', () => {
  const names = present ? readdirSync(FOLDER).filter((name) => name.startsWith('snapshot-')) : []
  test.each(names)('%s', async (name) => {
    const recorded = read<{ readonly worldId: string }>(name)
    const { runtime } = await world((_, response) => json(response, recorded), { worldId: recorded.worldId })
    expect(await runtime.snapshot()).toEqual(recorded)
  })

  test('changes-all.json', async () => {
    const recorded = read<Page>('changes-all.json')
    const { runtime } = await world((_, response) => json(response, recorded))
    expect(await runtime.changes(0)).toEqual({ kind: 'page', page: recorded })
    expect(await runtime.head()).toBe(recorded.headCursor)
  })

  test('changes-pages-limit10.json, page by page', async () => {
    const pages = read<readonly Page[]>('changes-pages-limit10.json')
    const { runtime, server } = await world((_, response) => json(response, pages[server.asked.length - 1]))
    const operations = []
    for await (const batch of readChanges(runtime, 0, { limit: 10 })) {
      if (batch.kind === 'page') operations.push(...batch.operations)
    }
    expect(operations).toEqual(pages.flatMap((page) => page.operations))
    expect(operations).toEqual(read<Page>('changes-all.json').operations)
  })

  test('changes-fresh-head.json', async () => {
    const { runtime } = await world((_, response) => json(response, read('changes-fresh-head.json')))
    expect(await runtime.head()).toBe(0)
  })

  test('changes-errors.json', async () => {
    for (const { status, data } of read<readonly { readonly status: number; readonly data: object }[]>(
      'changes-errors.json',
    )) {
      const { runtime } = await world((_, response) => json(response, data, status))
      if (status === 200) expect(await runtime.changes(999_999)).toEqual({ kind: 'page', page: data })
      else expect((await failure(runtime.head())).code).toBe(status === 403 ? 'unauthorized' : 'invalid_response')
    }
  })

  test('every packet is read, every adminResult understood', async () => {
    const replies = await loadReplies()
    const packr = new Packr({ structuredClone: true })
    const packets = read<readonly Message[]>('ws-packets.json').filter(
      ({ via, dir, packet }) => via === 'ws' && dir === 'server->client' && packet !== undefined && packet in PACKETS,
    )
    expect(packets.length).toBeGreaterThan(100)
    const errors = new Set<string>()
    for (const { packet, data } of packets) {
      const payload = revived(data)
      const frame = decodeFrame(packr.pack([PACKETS[packet!], payload]))
      expect(frame).toEqual({ name: packet, payload })
      if (packet !== 'adminResult') continue
      const result = asJson(frame?.payload)
      if (!isJsonObject(result)) throw new Error('no adminResult')
      expect(typeof result.requestId).toBe('string')
      if (result.ok === true) continue
      const outcome = refusedOf(String(result.error), result, replies, undefined)
      if (outcome.kind !== 'refused') throw new Error('not refused')
      errors.add(outcome.error)
      expect(outcome.error).toBe(result.error)
      if (outcome.error === 'version_mismatch') expect(outcome.current?.id).toBe('plain')
      if (outcome.error === 'deploy_locked') expect(outcome.lock?.locked).toBe(true)
    }
    expect(errors).toContain('version_mismatch')
    expect(errors).toContain('deploy_locked')
  })
})

/** `"__undefined__"` marks what was undefined on the wire. */
function revived(value: unknown): unknown {
  if (value === '__undefined__') return undefined
  if (Array.isArray(value)) return value.map(revived)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revived(inner)]))
}
