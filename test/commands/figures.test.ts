import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import Check from '../../src/commands/sync/check.ts'
import Clone from '../../src/commands/sync/clone.ts'
import Conflicts from '../../src/commands/sync/conflicts.ts'
import Fetch from '../../src/commands/sync/fetch.ts'
import Metrics from '../../src/commands/sync/metrics.ts'
import Pull from '../../src/commands/sync/pull.ts'
import Push from '../../src/commands/sync/push.ts'
import Status from '../../src/commands/sync/status.ts'
import Targets from '../../src/commands/sync/targets.ts'
import { isExported } from '../../src/sync/figures/export-wanted.ts'
import { exportFigures } from '../../src/sync/figures/otlp.ts'
import { Secrets } from '../../src/sync/figures/secrets.ts'
import { Sums } from '../../src/sync/figures/sums.ts'
import { addLamps, CODE, cloneWorld, startWorld, temporaryFolder } from '../sync/support.ts'
import { run } from './run.ts'

const VARIABLES = ['LOG_LEVEL', 'LOG_FILE', 'CI']
const set = (env: Readonly<Record<string, string>>) => {
  for (const [name, value] of Object.entries(env)) process.env[name] = value
}
const OUTSIDE = VARIABLES.map((name) => [name, process.env[name]] as const)
for (const name of VARIABLES) delete process.env[name]
afterAll(() => {
  for (const [name, value] of OUTSIDE) if (value !== undefined) process.env[name] = value
})

afterEach(() => {
  for (const name of Object.keys(process.env))
    if (name.startsWith('OTEL_') || VARIABLES.includes(name)) delete process.env[name]
})

/** A collector that keeps what it is sent. */
async function startCollector(answer: (server: Server) => void = () => {}) {
  const requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) })
      response.setHeader('content-type', request.headers['content-type'] ?? '')
      response.end(request.headers['content-type'] === 'application/json' ? '{}' : undefined)
    })
  })
  answer(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** A world that says who it is, and has no snapshot. */
async function startHollowWorld(): Promise<string> {
  const server = createServer((request, response) => {
    const found =
      request.url === '/status'
        ? { ok: true, worldId: 'hollow' }
        : { cursor: 0, headCursor: 0, operations: [], hasMore: false }
    response.statusCode = request.url === '/admin/snapshot' ? 404 : 200
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(found))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Sent {
  readonly resourceMetrics: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[]
    }
    readonly scopeMetrics: readonly { readonly metrics: readonly SentMetric[] }[]
  }[]
}

interface SentMetric {
  readonly name: string
  readonly unit: string
  readonly sum?: {
    readonly aggregationTemporality: number
    readonly isMonotonic: boolean
    readonly dataPoints: readonly { readonly asDouble?: number }[]
  }
}

function sentIn(body: Buffer) {
  const [all] = (JSON.parse(body.toString()) as Sent).resourceMetrics
  const attributes = Object.fromEntries(all!.resource.attributes.map(({ key, value }) => [key, value.stringValue]))
  const metrics = new Map(all!.scopeMetrics.flatMap(({ metrics }) => metrics.map((metric) => [metric.name, metric])))
  const value = (name: string) =>
    metrics.get(name)?.sum?.dataPoints.reduce((sum, { asDouble = 0 }) => sum + asDouble, 0)
  return { attributes, metrics, value }
}

const NAMES = [
  'sync.ops.local_to_remote',
  'sync.ops.remote_to_local',
  'sync.conflicts.total',
  'sync.conflicts.auto_resolved',
  'sync.overwrites.prevented',
  'sync.overwrites.startup',
  'sync.version_mismatches',
  'sync.lock_failures',
  'sync.cursor.lag',
  'sync.handshake.duration_ms',
]

describe('figures and logs of commands', () => {
  test('are kept across runs, shown, exported; and neither disturbs a command', async () => {
    const world = await startWorld()
    await addLamps(world)
    const checkout = await cloneWorld(world)
    const env = { ADMIN_CODE: CODE }
    const at = (command: Parameters<typeof run>[0], ...argv: string[]) => run(command, checkout.folder, argv, env)

    // Nothing was counted: all names are there, for whoever looks.
    const nothing = JSON.parse((await at(Metrics, '--json')).out)
    expect(nothing.metrics.map(({ name }: { name: string }) => name)).toEqual(NAMES)
    expect(existsSync(join(checkout.folder, '.git/lobby/logs'))).toBe(false)

    await world.edit('ada', 'lamp0001', { position: [5, 0, 0] })
    expect((await at(Pull)).code).toBe(0)
    await world.edit('ada', 'lamp0001', { position: [6, 0, 0] })
    expect((await at(Fetch)).code).toBe(0)
    const table = await at(Metrics)
    expect(table.out).toMatch(/^sync\.ops\.remote_to_local +2 {2}plaza \(main\)$/m)
    expect(table.out).toMatch(/^sync\.handshake\.duration_ms +\d+ ms × 2 {2}plaza \(main\)$/m)
    expect(table.out).toMatch(/^sync\.conflicts\.auto_resolved +0 {2}plaza \(main\)$/m)
    expect((await at(Metrics, '--target', 'main')).out).toBe(table.out)
    const json = JSON.parse((await at(Metrics, '--json')).out)
    expect(json.metrics[1]).toMatchObject({
      name: NAMES[1],
      kind: 'counter',
      points: [{ attributes: { world: 'plaza', target: 'main' }, value: 2 }],
    })
    expect(json.metrics[9].points[0].buckets).toHaveLength(12)

    const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
    await at(Metrics, '--format', 'prometheus')
    const text = stdout.mock.calls.map(([chunk]) => String(chunk)).join('')
    stdout.mockRestore()
    const lines = text.trimEnd().split('\n')
    expect(
      lines.filter((line) => !/^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+\{(?:[a-z_]+="[^"]*",?)+\} [\d.]+)$/.test(line)),
    ).toEqual([])
    expect(lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.slice('# TYPE '.length))).toEqual([
      ...NAMES.slice(0, 8).map((name) => `${name.replaceAll('.', '_').replace(/_total$/, '')}_total counter`),
      'sync_cursor_lag gauge',
      'sync_handshake_duration_ms histogram',
    ])
    expect(text).toMatch(/^sync_ops_remote_to_local_total\{.*world="plaza".*\} 2$/m)
    expect(text).toMatch(/^sync_handshake_duration_ms_bucket\{.*le="\+Inf"\} 2$/m)
    expect(text).toMatch(/^sync_overwrites_startup_total\{.*\} 0$/m)

    // A log on standard error: the document on standard output is the same.
    const quiet = await at(Status, '--json')
    const loud = await at(Status, '--json', '--log-level', 'trace', '--log-file', join(checkout.folder, '.git/x.log'))
    expect(JSON.parse(loud.out)).toEqual(JSON.parse(quiet.out))
    expect([quiet.err, loud.err]).toEqual(['', ''])
    const logged = readFileSync(join(checkout.folder, '.git/x.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(logged.map(({ event }) => event)).toEqual(['began', 'handshake', 'lag', 'ended'])
    for (const line of logged)
      expect(line).toMatchObject({
        level: expect.any(String),
        time: expect.any(String),
        command: 'status',
        run: logged[0].run,
      })
    expect(logged[1]).toMatchObject({ level: 'info', world: 'plaza', target: 'main', ms: expect.any(Number) })

    // The environment turns it on as well, into the project's own log, which git never sees.
    set({ LOG_LEVEL: 'INFO' })
    await at(Pull)
    const own = readFileSync(join(checkout.folder, '.git/lobby/logs/sync.log'), 'utf8')
    expect(own).toContain('"event":"merged"')
    expect(own).not.toContain('"level":"debug"')
    expect(checkout.git('status', '--porcelain', '--ignored')).toBe('')
    expect(statSync(join(checkout.folder, '.git/lobby/logs/sync.log')).mode & 0o777).toBe(0o600)
    // It begins anew when it is large, and keeps the one before.
    appendFileSync(join(checkout.folder, '.git/lobby/logs/sync.log'), 'x'.repeat(6 * 1024 * 1024))
    await at(Status)
    expect(readdirSync(join(checkout.folder, '.git/lobby/logs')).sort()).toEqual(['sync.log', 'sync.log.1'])
    expect(statSync(join(checkout.folder, '.git/lobby/logs/sync.log')).size).toBeLessThan(10_000)
    set({ LOG_LEVEL: 'chatty' })
    const chatty = await at(Status)
    expect([chatty.code, chatty.err]).toEqual([
      0,
      'warning: LOG_LEVEL is "chatty", none of trace, debug, info, warn, error, fatal, silent; nothing is logged.\n',
    ])
    delete process.env.LOG_LEVEL
    const unfit = await at(Status, '--log-file', join(checkout.folder, 'no/such/folder.log'))
    expect([unfit.code, unfit.err]).toEqual([
      1,
      expect.stringMatching(/^error: The log file .* cannot be written \(ENOENT\)\.\nhint: /),
    ])

    // OTLP: cumulative, whole, and who says it.
    const collector = await startCollector()
    set({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'my-game',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
    })
    await at(Status)
    const first = sentIn(collector.requests[0]!.body)
    expect(collector.requests[0]!.path).toBe('/v1/metrics')
    expect([...first.metrics.keys()]).toEqual(NAMES)
    expect(first.value('sync.ops.remote_to_local')).toBe(2)
    expect(first.metrics.get('sync.ops.remote_to_local')?.sum).toMatchObject({
      aggregationTemporality: 2,
      isMonotonic: true,
    })
    expect(first.attributes).toMatchObject({
      'service.name': 'my-game',
      'deployment.environment': 'test',
      'service.instance.id': expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    // What this run added only, where that is asked for; and protobuf by default.
    set({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' })
    await world.edit('ada', 'lamp0001', { position: [7, 0, 0] })
    await at(Fetch)
    const second = sentIn(collector.requests[1]!.body)
    expect(second.value('sync.ops.remote_to_local')).toBe(1)
    expect(second.metrics.get('sync.ops.remote_to_local')?.sum).toMatchObject({ aggregationTemporality: 1 })
    delete process.env.OTEL_EXPORTER_OTLP_PROTOCOL
    await at(Status)
    expect(collector.requests[2]!.headers['content-type']).toBe('application/x-protobuf')
    for (const name of NAMES) expect(collector.requests[2]!.body.includes(name)).toBe(true)

    // Nobody there, or somebody who never answers: the command does not mind.
    const log = join(checkout.folder, '.git/y.log')
    const silent = await startCollector((server) => server.removeAllListeners('request'))
    for (const [variables, reason] of [
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, /ECONNREFUSED|Export|retryable/],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: silent.url }, /./],
    ] as const) {
      rmSync(log, { force: true })
      set({ ...variables, LOG_LEVEL: 'warn', LOG_FILE: log })
      const ran = await at(Status, '--json')
      expect([ran.code, ran.err, JSON.parse(ran.out).kind]).toEqual([0, '', 'status'])
      const [line] = readFileSync(log, 'utf8')
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text))
      expect(line).toMatchObject({ level: 'warn', event: 'export-failed', reason: expect.stringMatching(reason) })
    }
  })

  test('OTLP: what the variables ask for', async () => {
    for (const [env, exported] of [
      [{}, false],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a' }, true],
      [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://a' }, true],
      [{ OTEL_METRICS_EXPORTER: 'console, otlp' }, true],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_METRICS_EXPORTER: 'none' }, false],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_SDK_DISABLED: 'TRUE' }, false],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, false],
    ] as const) {
      expect([env, isExported(env)]).toEqual([env, exported])
    }
    const sums = () => new Sums('2026-01-01T00:00:00.000Z')
    const all = { before: sums(), now: sums(), run: sums() }
    for (const [variables, reason] of [
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'no url' }, 'the endpoint is no URL'],
      [
        { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
        expect.stringContaining('http/json'),
      ],
      [
        {
          OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:1',
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
          OTEL_EXPORTER_OTLP_CERTIFICATE: '/no/such.pem',
        },
        expect.stringContaining('ENOENT'),
      ],
    ] as const) {
      set(variables)
      expect(await exportFigures(all, { version: '1', folder: '/x' })).toEqual({ kind: 'failed', reason })
    }
  })

  test('what failed and took its folder away leaves no figures behind', async () => {
    const url = await startHollowWorld()
    const parent = temporaryFolder()
    for (const level of ['silent', 'trace']) {
      const { code, err } = await run(Clone, parent, [url, 'project', '--log-level', level])
      expect([code, err]).toEqual([4, expect.stringContaining('HTTP 404')])
      expect(readdirSync(parent)).toEqual([])
    }
  })

  test('S2: no secret is anywhere, whatever fails', async () => {
    const world = await startWorld()
    await addLamps(world)
    const checkout = await cloneWorld(world)
    const planted = Object.fromEntries(
      ['code', 'dotenv', 'targets', 'other', 'header', 'remote', 'url', 'query'].map((place) => [
        place,
        `planted-${place}-2b7e1516`,
      ]),
    ) as Readonly<Record<string, string>>
    // Nothing reads the values of these commands' own arguments: secrets are never among them.
    const concealed = new Set(Object.values(planted))
    const add = Secrets.prototype.add
    vi.spyOn(Secrets.prototype, 'add').mockImplementation(function (this: Secrets, value) {
      // The world's own code is a short word of every page; what it is replaced by is seen elsewhere.
      if (value !== undefined && value.length > 12) concealed.add(value)
      add.call(this, value)
    })
    onTestFinished(() => {
      vi.restoreAllMocks()
    })
    const collector = await startCollector()
    set({
      LOG_LEVEL: 'trace',
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}?token=${planted.query}`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${planted.header},x-team=a`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    })
    writeFileSync(join(checkout.folder, '.env'), `ADMIN_CODE=${planted.dotenv}\n`)
    const url = world.runtime.url
    checkout.write('.lobby/targets.json', {
      main: { worldUrl: url, worldId: 'plaza', adminCode: planted.targets },
      other: { worldUrl: 'http://127.0.0.1:1', worldId: 'other', adminCode: planted.other },
    })
    checkout.git('remote', 'add', 'origin', `https://me:${planted.remote}@127.0.0.1:1/x.git`)

    let output = ''
    const runs = async (command: Parameters<typeof run>[0], env: Record<string, string>, ...argv: string[]) => {
      const { out, err, code } = await run(command, checkout.folder, argv, env)
      output += `${out}\n${err}\n`
      return code
    }
    const right = { ADMIN_CODE: CODE }
    // Wrong codes, from the file and from the environment.
    for (const command of [Status, Pull, Push]) expect(await runs(command, {})).toBe(4)
    expect(await runs(Status, { ADMIN_CODE: planted.code!, WORLD_URL: url, WORLD_ID: 'plaza' })).toBe(4)
    expect(await runs(Fetch, {}, '--target', 'other')).toBe(4)
    for (const command of [Check, Conflicts, Targets, Metrics]) await runs(command, right)
    // A push of scripts takes a lock, and its token is a secret like any other.
    rmSync(join(checkout.folder, '.lobby/targets.json'))
    writeFileSync(join(checkout.folder, '.env'), `ADMIN_CODE=${CODE}\n`)
    checkout.write('apps/Lamp/index.js', 'export default () => {}\n')
    checkout.commit('script')
    const known = concealed.size
    expect(await runs(Push, right, '--json')).toBe(0)
    expect(concealed.size).toBeGreaterThan(known)
    // An edit that fails, and a URL with credentials in lobby.json, which is refused.
    checkout.write('apps/Lamp/index.js', 'import "./gone.js"\n')
    checkout.commit('broken')
    await runs(Push, right)
    checkout.change('lobby.json', (lobby) => {
      lobby.targets = { main: { worldUrl: url.replace('//', `//me:${planted.url}@`), worldId: 'plaza' } }
    })
    expect(await runs(Pull, right)).toBe(1)
    checkout.git('checkout', '--quiet', '--', 'lobby.json')
    expect(await runs(Metrics, right, '--json')).toBe(0)

    expect(collector.requests.length).toBeGreaterThan(3)
    expect(collector.requests[0]?.headers.authorization).toBe(`Bearer ${planted.header}`)
    const log = readFileSync(join(checkout.folder, '.git/lobby/logs/sync.log'), 'utf8')
    expect(log).toContain('"event":"landed"')
    expect(log).toContain('"error":"unauthorized"')
    const objects = execFileSync('git', ['cat-file', '--batch-all-objects', '--batch'], {
      cwd: checkout.folder,
      maxBuffer: 1e9,
    })
    const places: Record<string, string> = {
      output,
      log,
      otlp: collector.requests.map(({ body }) => body.toString('latin1')).join('\n'),
      objects: objects.toString('latin1'),
      reflogs: checkout.git('reflog', '--all'),
    }
    for (const folder of ['.git/lobby', '.lobby']) {
      if (!existsSync(join(checkout.folder, folder))) continue
      for (const file of readdirSync(join(checkout.folder, folder), { recursive: true, withFileTypes: true })) {
        if (file.isFile()) places[join(folder, file.name)] = readFileSync(join(file.parentPath, file.name), 'latin1')
      }
    }
    expect(Object.keys(places).length).toBeGreaterThan(6)
    const found = Object.entries(places).flatMap(([place, text]) =>
      [...concealed].filter((secret) => text.includes(secret)).map((secret) => `${secret} in ${place}`),
    )
    expect(found).toEqual([])
  })

  test('S2: what is known to be secret is replaced in any text, and what looks like one', () => {
    const secrets = new Secrets({
      ADMIN_CODE: 'abc',
      API_TOKEN: 'tok-123456',
      SHORT_KEY: '1',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=x%20y%20z1234,b=two',
    })
    secrets.add('p@ss/word')
    secrets.add('p@ss')
    secrets.add('  ')
    expect(secrets.hide('abc abcd 1 tok-123456 p@ss/word p%40ss%2Fword x y z1234 two')).toBe(
      '*** abcd 1 *** *** *** *** two',
    )
    expect(secrets.hide('https://me:pw@host/x?token=abcd&n=1 //u@h')).toBe('https://***@host/x?token=***&n=1 //***@h')
    expect(secrets.hide('Authorization: Bearer zzz\nCookie: a=b')).toBe('Authorization: ***\nCookie: ***')
    expect(secrets.hide('{"x-admin-code":"zzz"} bearer 12345678')).toBe('{"x-admin-code":"***"} bearer ***')
  })
})
