import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { spelled } from './words.ts'

export type Wire = Readonly<Record<string, unknown>>

/** A world to come back to. */
export interface SavedWorld {
  readonly settings: Wire
  readonly spawn: Wire
  readonly blueprints: readonly (readonly [string, Wire])[]
  readonly entities: readonly (readonly [string, Wire])[]
  readonly operations: readonly Wire[]
}

/** One request, as a test may want to answer it itself. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Buffer
}

/** What is answered: JSON, or bytes as they are. */
export interface Answered {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers a request instead of the world, or writes to the response by itself; undefined lets the world answer. */
export type Tamper = (asked: Asked, honest: () => Answered, response: ServerResponse) => Answered | 'done' | undefined

/**
 * A world that is whatever a test wants it to be: its objects are sent as they stand, its feed as it was told, and any
 * answer can be another one. It checks nothing and stores everything; only its HTTP is proper.
 */
export class HostileWorld {
  worldId: unknown = 'plaza'
  assetsUrl: unknown = 'assets'
  capabilities: unknown = ['snapshot.cursor', 'ops.batch']
  settings: Wire = { title: 'Plaza', voice: 'spatial', ao: true }
  spawn: Wire = { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }
  readonly blueprints = new Map<string, Wire>()
  readonly entities = new Map<string, Wire>()
  readonly operations: Wire[] = []
  /** By the last part of the URL, as it was asked for. */
  readonly assets = new Map<string, Uint8Array>()
  tamper: Tamper | undefined
  /** How many requests came. */
  asked = 0
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response))
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return this.url
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get head(): number {
    return Number(this.operations.at(-1)?.cursor ?? 0)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  save(): SavedWorld {
    const { settings, spawn, blueprints, entities, operations } = this
    return { settings, spawn, blueprints: [...blueprints], entities: [...entities], operations: [...operations] }
  }

  restore(saved: SavedWorld): void {
    this.settings = saved.settings
    this.spawn = saved.spawn
    for (const of of ['blueprints', 'entities'] as const) {
      this[of].clear()
      for (const [id, object] of saved[of]) this[of].set(id, object)
    }
    this.operations.splice(0, this.operations.length, ...saved.operations)
  }

  /** Adds an operation to the feed; what it says may be anything. */
  announce(kind: string, more: Wire = {}): void {
    const cursor = this.head + 1
    this.operations.push({
      cursor,
      opId: `op-${cursor}`,
      ts: new Date(Date.UTC(2026, 0, 1) + cursor * 1000).toISOString(),
      actor: 'mallory',
      source: 'admin',
      kind,
      objectUid: 'uid',
      ...more,
    })
  }

  /** Puts an object into the world and announces it. */
  put(of: 'blueprint' | 'entity', id: string, fields: Wire, said: Wire = {}): void {
    const objects = of === 'blueprint' ? this.blueprints : this.entities
    const before = objects.get(id)
    // As every runtime does; without it, whatever differs from the line looks lost (G11).
    const object = { ...fields, ...rising(fields, before), lastOpId: said.opId ?? `op-${this.head + 1}` }
    objects.set(id, object)
    // All that was there is named, so that nothing looks as if it had gone back unannounced (G11).
    const named =
      before === undefined
        ? {}
        : { patch: { ...Object.fromEntries(Object.keys(before).map((key) => [key, null])), ...fields } }
    this.announce(before === undefined ? `${of}.add` : `${of}.update`, { snapshot: object, ...named, ...said })
  }

  remove(of: 'blueprint' | 'entity', id: string, said: Wire = {}): void {
    const objects = of === 'blueprint' ? this.blueprints : this.entities
    const snapshot = objects.get(id)
    objects.delete(id)
    this.announce(`${of}.remove`, { patch: { id }, ...(snapshot === undefined ? {} : { snapshot }), ...said })
  }

  /** Stores bytes under the name that their content has, and returns the URL. */
  asset(content: string | Uint8Array, extension: string): string {
    const bytes = Buffer.from(content as string)
    const name = `${createHash('sha256').update(bytes).digest('hex')}.${extension}`
    this.assets.set(name, bytes)
    return `asset://${name}`
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      this.asked++
      const url = new URL(request.url ?? '/', 'http://world')
      const asked: Asked = {
        method: request.method ?? '',
        path: (request.url ?? '').replace(/\?.*/s, ''),
        query: url.searchParams,
        body: Buffer.concat(chunks),
      }
      const honest = () => this.#answer(asked)
      const answer = this.tamper?.(asked, honest, response) ?? honest()
      if (answer === 'done') return
      const { status, body, headers } = answer
      const bytes = body instanceof Uint8Array ? body : Buffer.from(body === undefined ? '' : spelled(body))
      const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json'
      response.writeHead(status, { 'content-type': type, ...headers })
      response.end(bytes)
    })
  }

  #answer({ method, path, query, body }: Asked): Answered {
    const ok = (answer: unknown): Answered => ({ status: 200, body: answer })
    if (path === '/status') return ok({ ok: true, worldId: this.worldId, title: 'Plaza' })
    if (path === '/admin/snapshot') return ok(this.snapshot())
    if (path === '/admin/changes') return ok(this.page(query.get('cursor'), Number(query.get('limit') ?? 200)))
    if (path === '/admin/upload-check') return ok({ exists: this.assets.has(query.get('filename') ?? '') })
    if (path === '/admin/upload') return ok({ ok: true, filename: this.#upload(body) })
    if (path === '/admin/ops') return ok(this.#batch(JSON.parse(body.toString('utf8')) as Batch))
    if (path === '/admin/deploy-lock')
      return ok(method === 'POST' ? { ok: true, token: 'token', ttlMs: 120_000 } : { ok: true })
    const blueprint = /^\/admin\/blueprints\/(.+)$/s.exec(path)?.[1]
    const found = blueprint === undefined ? undefined : this.blueprints.get(decodeURIComponent(blueprint))
    if (found !== undefined) return ok({ blueprint: found })
    const asset = /^\/assets\/(.+)$/s.exec(path)?.[1]
    const bytes = asset === undefined ? undefined : this.assets.get(decodeURIComponent(asset))
    if (bytes !== undefined) return ok(bytes)
    return { status: 404, body: { message: 'no', error: 'Not Found', statusCode: 404 } }
  }

  snapshot(): Wire {
    return {
      worldId: this.worldId,
      assetsUrl: this.assetsUrl,
      maxUploadSize: '12',
      settings: this.settings,
      spawn: this.spawn,
      blueprints: [...this.blueprints.values()],
      entities: [...this.entities.values()],
      players: [],
      hasAdminCode: true,
      capabilities: this.capabilities,
      cursor: this.head,
    }
  }

  page(cursor: string | null, limit: number): Wire {
    if (cursor === null || cursor === 'latest') {
      return { cursor: this.head, headCursor: this.head, operations: [], hasMore: false }
    }
    const after = this.operations.filter((operation) => Number(operation.cursor) > Number(cursor))
    const operations = after.slice(0, limit)
    return {
      cursor: Number(operations.at(-1)?.cursor ?? cursor),
      headCursor: this.head,
      operations,
      hasMore: after.length > operations.length,
    }
  }

  #upload(body: Buffer): string {
    const head = body.indexOf('\r\n\r\n')
    const name = /filename="([^"]*)"/.exec(body.subarray(0, head).toString('latin1'))?.[1] ?? 'none'
    this.assets.set(name, body.subarray(head + 4, body.lastIndexOf('\r\n--')))
    return name
  }

  /** Takes every operation of a batch as it comes. */
  #batch({ operations }: Batch): Wire {
    const results = operations.map(({ opId, actor, source, kind, ...said }) => {
      const about = { opId, actor, source }
      const of = kind.startsWith('blueprint') ? ('blueprint' as const) : ('entity' as const)
      const objects = of === 'blueprint' ? this.blueprints : this.entities
      if (kind.endsWith('.add')) this.put(of, String(said[of]?.id), said[of] ?? {}, about)
      else if (kind.endsWith('.remove')) this.remove(of, String(said.id), about)
      else if (kind === 'settings.update') {
        this.settings = { ...this.settings, [String(said.key)]: said.value }
        this.announce(kind, { ...about, patch: { key: said.key, value: said.value } })
      } else if (kind === 'spawn.update') {
        this.spawn = { position: said.position, quaternion: said.quaternion }
        this.announce(kind, { ...about, snapshot: this.spawn })
      } else
        this.put(of, String(said.id), patched(objects.get(String(said.id)) ?? {}, said.patch ?? {}, said.remove), {
          ...about,
          patch: said.patch,
        })
      return { opId, cursor: this.head }
    })
    return { ok: true, cursor: this.head, results }
  }
}

interface Batch {
  readonly operations: readonly {
    readonly opId: string
    readonly actor: string
    readonly source: string
    readonly kind: string
    readonly id?: unknown
    readonly blueprint?: Wire
    readonly entity?: Wire
    readonly patch?: Wire
    readonly remove?: readonly string[]
    readonly key?: unknown
    readonly value?: unknown
    readonly position?: unknown
    readonly quaternion?: unknown
  }[]
}

/** An object after a patch, whose fields may be dotted below `props` (protocol, section 9). */
function patched(object: Wire, patch: Wire, remove: readonly string[] = []): Wire {
  const next: Record<string, unknown> = { ...object }
  const props: Record<string, unknown> = { ...(next.props as Wire | undefined) }
  for (const [key, item] of Object.entries(patch)) {
    if (key.startsWith('props.')) props[key.slice('props.'.length)] = item
    else if (key === 'props') Object.assign(props, item)
    else next[key] = item
  }
  for (const key of remove) {
    if (key.startsWith('props.')) delete props[key.slice('props.'.length)]
    else delete next[key]
  }
  return { ...next, props }
}

/** A version that does not rise says that an operation was lost (G11); what is no version says nothing. */
function rising({ version }: Wire, before: Wire | undefined): Wire {
  const was = before?.version
  if (typeof was !== 'number' || typeof version !== 'number' || version > was) return {}
  return { version: Number.isSafeInteger(was) ? was + 1 : 'x' }
}
