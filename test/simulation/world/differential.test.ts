/**
 * The model against the real runtime: the same random traffic to both, the same answers, packets, feeds and snapshots.
 * `DIFF_RUNS=100` plays as many sequences, `DIFF_SEED` begins elsewhere.
 */
import { describe, expect, test } from 'vitest'
import { type Runtime, type RuntimeOptions, startRuntime } from '../../../src/runtime/index.ts'
import { type AdminClient, CODE, call, openSocket, temporaryFolder, upload } from '../../runtime/support.ts'
import { seeded } from '../host.ts'
import { type Deed, randomTraffic } from './random-traffic.ts'
import { startModel } from './served.ts'

const RUNS = Number(process.env.DIFF_RUNS ?? 1)
const FIRST = Number(process.env.DIFF_SEED ?? 1)
const DEEDS = process.env.DIFF_RUNS === undefined ? 60 : 120

/** One of the two servers, its clients, and names for what it makes at random. */
class Side {
  readonly #start: (options: RuntimeOptions) => Promise<Runtime>
  readonly #options: RuntimeOptions
  readonly #names = new Map<string, string>()
  readonly #given = new Map<string, string[]>()
  #runtime!: Runtime
  #sockets: (AdminClient | undefined)[] = []

  constructor(start: (options: RuntimeOptions) => Promise<Runtime>, options: RuntimeOptions) {
    this.#start = start
    this.#options = options
  }

  async open(): Promise<void> {
    this.#runtime = await this.#start(this.#options)
    this.#sockets = []
    for (const socket of [0, 1]) await this.#connect(socket, { code: CODE })
  }

  async do(index: number, deed: Deed): Promise<object> {
    const answer = await this.#answer(deed, `q${index}`)
    const packets = []
    for (const [to, socket] of this.#sockets.entries()) {
      for (const { packet, data } of (await socket?.drain()) ?? []) packets.push({ to, packet, data })
    }
    return this.#named({ answer, packets })
  }

  async look(): Promise<object> {
    const snapshot = await call(this.#runtime, 'GET', '/admin/snapshot')
    const feed = await call(this.#runtime, 'GET', '/admin/changes?cursor=0&limit=1000')
    return this.#named({ snapshot: snapshot.data, feed: feed.data })
  }

  close(): Promise<void> {
    return this.#runtime.close()
  }

  async #answer(deed: Deed, requestId: string): Promise<unknown> {
    switch (deed.kind) {
      case 'http': {
        const body = this.#revived(deed.body)
        const headers = deed.code === undefined ? {} : { 'x-admin-code': deed.code }
        const { status, text, data } = await call(
          this.#runtime,
          deed.method,
          this.#revived(deed.path) as string,
          body,
          headers,
        )
        if (deed.path === '/admin/deploy-lock') this.#give('token', data?.token)
        if (deed.path === '/admin/deploy-snapshots') this.#give('snapshot', data?.id)
        return { status, data: typeof data === 'object' ? data : text }
      }
      case 'upload': {
        const { status, data } = await upload(this.#runtime, deed.name, deed.content)
        this.#give('upload', data?.filename)
        return { status, data }
      }
      case 'command':
        return this.#sockets[deed.socket]?.command({ ...(this.#revived(deed.command) as object), requestId })
      case 'connect':
        return this.#connect(deed.socket, deed.auth)
      case 'save':
        return this.#runtime.save()
      case 'restart':
        await (deed.crash ? this.#runtime.kill() : this.#runtime.close())
        return this.open()
    }
  }

  async #connect(index: number, auth: Readonly<Record<string, unknown>>): Promise<unknown> {
    const socket = await openSocket(this.#runtime)
    socket.send('adminAuth', auth)
    const first = await socket.next(({ packet }) => packet.startsWith('adminAuth'))
    if (first.packet === 'adminAuthOk') {
      this.#sockets[index] = socket
      return undefined
    }
    return [await socket.closed, socket.received]
  }

  #give(what: string, value: unknown): void {
    if (typeof value === 'string') this.#given.set(what, [...(this.#given.get(what) ?? []), value])
  }

  #revived(value: unknown): unknown {
    if (typeof value === 'string') {
      return value.replace(
        /\$(token|snapshot|upload):(\d)/,
        (text, what: string, n: string) => this.#given.get(what)?.at(-1 - Number(n)) ?? text,
      )
    }
    if (Array.isArray(value)) return value.map((item) => this.#revived(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.#revived(member)]))
  }

  /** Random ids by the order in which they appear, addresses without their port. */
  #named(value: unknown): object {
    const name = (id: string): string => {
      const known = this.#names.get(id) ?? `random ${this.#names.size}`
      this.#names.set(id, known)
      return known
    }
    const text = JSON.stringify(value, (key, member: unknown) => {
      if (member === undefined) return '<undefined>'
      if (key === 'serverTime') return 0
      if (typeof member !== 'string') return member
      const isRandom = UUID.test(member) || (ID_KEYS.has(key) && SHORT_ID.test(member))
      return isRandom ? name(member) : member.replaceAll(this.#runtime.url, 'http://world')
    })
    return JSON.parse(text) as object
  }
}

const ID_KEYS = new Set(['id', 'opId', 'lastOpId', 'objectUid'])
const SHORT_ID = /^[0-9A-Za-z]{10}$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe.each([{ publicLike: false }, { publicLike: true }])('publicLike: $publicLike', ({ publicLike }) => {
  test.each(Array.from({ length: RUNS }, (_, run) => FIRST + run))('as the runtime does: seed %i', async (seed) => {
    const random = seeded(seed * 2 + Number(publicLike))
    // That of the files, whose age decides what a cleaning spares.
    let now = Date.now()
    const retention = random() < 0.3 ? 25 : undefined
    const options = { port: 0, worldId: 'plaza', adminCode: CODE, publicLike, retention, clock: () => now }
    const real = new Side(startRuntime, { ...options, dataDir: temporaryFolder() })
    const model = new Side(startModel, { ...options, dataDir: temporaryFolder() })
    await real.open()
    await model.open()
    for (const [index, deed] of randomTraffic(random, DEEDS, publicLike).entries()) {
      now += Math.floor(random() * 5_000) + 1
      const [expected, found] = [await real.do(index, deed), await model.do(index, deed)]
      expect({ index, deed, ...found }).toEqual({ index, deed, ...expected })
      if (index % 10 === 9) expect({ index, ...(await model.look()) }).toEqual({ index, ...(await real.look()) })
    }
    expect(await model.look()).toEqual(await real.look())
    await real.close()
    await model.close()
  })
})
