import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { fromWire } from '../../src/projection/wire.ts'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { CODE, closeAll, failure, json, SNAPSHOT, track, world } from './fake-server.ts'

afterEach(closeAll)

const HEAD = { cursor: 7, headCursor: 7, operations: [], hasMore: false }

describe('requests', () => {
  test('go below the base path and carry the code', async () => {
    const { runtime, server } = await world((_, response) => json(response, HEAD), { path: '/worlds/plaza/' })
    expect(await runtime.head()).toBe(7)
    expect(server.asked[0]).toMatchObject({ path: '/worlds/plaza/admin/changes', headers: { 'x-admin-code': CODE } })
  })

  test('without a code send no header', async () => {
    const { runtime, server } = await world((_, response) => json(response, HEAD), { code: '' })
    await runtime.head()
    expect(server.asked[0]?.headers).not.toHaveProperty('x-admin-code')
  })

  test('reuse one connection', async () => {
    const sockets = new Set<unknown>()
    const { runtime } = await world((_, response, socket) => {
      sockets.add(socket)
      json(response, HEAD)
    })
    for (let i = 0; i < 5; i++) await runtime.head()
    expect(sockets.size).toBe(1)
  })

  test('many may run at once', async () => {
    const { runtime } = await world((_, response) => json(response, HEAD))
    const heads = await Promise.all(Array.from({ length: 100 }, () => runtime.head()))
    expect(new Set(heads)).toEqual(new Set([7]))
  })

  test('a code that no header can carry is refused at once', () => {
    const address = { url: 'http://localhost:1', worldId: undefined, adminCode: 'hunter2\n' }
    expect(() => openRuntime(address)).toThrow(/characters/)
    expect(() => openRuntime(address)).not.toThrow(/hunter2/)
  })
})

describe('reads are tried again', () => {
  test.each([
    ['a 503', (_: unknown, response: import('node:http').ServerResponse) => json(response, {}, 503)],
    ['an empty 500', (_: unknown, response: import('node:http').ServerResponse) => response.writeHead(500).end()],
    ['a cut connection', (_: unknown, response: import('node:http').ServerResponse) => response.destroy()],
    [
      'a connection cut in the middle of the body',
      (_: unknown, response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'content-length': 1000 })
        response.write('{"cursor":', () => response.destroy())
      },
    ],
    [
      'a chunked body cut in the middle',
      (_: unknown, response: import('node:http').ServerResponse) => {
        response.writeHead(200)
        response.write('{"cursor":', () => response.destroy())
      },
    ],
    [
      'a truncated gzip',
      (_: unknown, response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        response.end(gzipSync(JSON.stringify(HEAD)).subarray(0, 30))
      },
    ],
  ] as const)('after %s', async (_, bad) => {
    let calls = 0
    const { runtime, slept, warnings } = await world((asked, response) =>
      ++calls <= 2 ? void bad(asked, response) : json(response, HEAD),
    )
    expect(await runtime.head()).toBe(7)
    expect(slept).toEqual([125, 250])
    expect(warnings).toHaveLength(2)
    expect(warnings.join()).not.toContain(CODE)
  })

  test('with doubled delays and jitter, then they give up', async () => {
    const { runtime, server, slept } = await world((_, response) => json(response, { error: CODE }, 502), {
      retries: 8,
      random: () => 0.5,
    })
    expect(await failure(runtime.head())).toMatchObject({
      code: 'unreachable',
      exitCode: 4,
      data: { url: server.url, reason: 'HTTP 502' },
    })
    expect(slept).toEqual([188, 375, 750, 1500, 3000, 6000, 7500, 7500])
    expect(server.asked).toHaveLength(9)
  })

  test('after a time-out', async () => {
    let calls = 0
    const { runtime, slept } = await world((_, response) => (++calls === 1 ? undefined : json(response, HEAD)), {
      timeoutMs: 100,
    })
    expect(await runtime.head()).toBe(7)
    expect(slept).toEqual([125])
  })

  test('also when the body stalls', async () => {
    const { runtime } = await world(
      (_, response) => {
        response.writeHead(200)
        response.write('{')
      },
      { timeoutMs: 50, retries: 1 },
    )
    expect(await failure(runtime.head())).toMatchObject({ code: 'unreachable', data: { reason: 'timeout' } })
  })

  test('but not after a 4xx', async () => {
    const { runtime, server } = await world((_, response) => json(response, { error: 'invalid_cursor' }, 400))
    const error = await failure(runtime.head())
    expect(error).toMatchObject({ code: 'invalid_response', exitCode: 1 })
    expect(error.message).toContain('HTTP 400 (invalid_cursor)')
    expect(server.asked).toHaveLength(1)
  })
})

describe('writes are sent once', () => {
  test.each(['503', 'cut', 'timeout'])('%s', async (how) => {
    const { runtime, server, slept } = await world(
      (_, response) => {
        if (how === '503') json(response, { error: 'db_unavailable' }, 503)
        else if (how === 'cut') response.destroy()
      },
      { timeoutMs: 60 },
    )
    expect(await failure(runtime.removeBlueprint('lamp'))).toMatchObject({
      code: 'unreachable',
      data: { outcome: 'unknown' },
    })
    expect(server.asked).toHaveLength(1)
    expect(slept).toEqual([])
  })

  test('and say when they were never sent', async () => {
    const runtime = openRuntime({ url: await unused(), worldId: undefined, adminCode: CODE })
    track(runtime)
    expect(await failure(runtime.removeBlueprint('lamp'))).toMatchObject({
      code: 'unreachable',
      data: { outcome: 'not_sent', reason: 'ECONNREFUSED' },
    })
  })
})

describe('a runtime that cannot be reached', () => {
  test('refuses connections', async () => {
    const url = await unused()
    const runtime = openRuntime({ url, worldId: undefined, adminCode: CODE }, { sleep: async () => {} })
    track(runtime)
    const error = await failure(runtime.identify())
    expect(error).toMatchObject({ code: 'unreachable', exitCode: 4, data: { url, reason: 'ECONNREFUSED' } })
    expect(error.message).toContain(`${url} cannot be reached: ECONNREFUSED`)
  })

  test('does not speak TLS', async () => {
    const { server } = await world((_, response) => json(response, HEAD))
    const runtime = openRuntime({
      url: server.url.replace('http:', 'https:'),
      worldId: undefined,
      adminCode: CODE,
    })
    track(runtime)
    const error = await failure(runtime.head())
    expect(error.code).toBe('unreachable')
    expect(error.message).toMatch(/TLS/)
  })

  test('does not speak HTTP', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.resume()
      socket.end('hello\r\n\r\n')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const runtime = openRuntime(
      { url: `http://127.0.0.1:${port}`, worldId: undefined, adminCode: CODE },
      { sleep: async () => {} },
    )
    track(runtime)
    expect(await failure(runtime.head())).toMatchObject({ code: 'unreachable', exitCode: 4 })
    await new Promise((done) => server.close(done))
  })

  test('redirects, which is not followed', async () => {
    const { runtime, server } = await world((_, response) => response.writeHead(302, { location: '/login' }).end())
    expect(await failure(runtime.head())).toMatchObject({ code: 'invalid_response' })
    expect(server.asked).toHaveLength(1)
  })

  test('refuses the code, whatever it says about it', async () => {
    for (const status of [401, 403]) {
      const { runtime } = await world((_, response) => json(response, { error: `bad ${CODE}\u001b[2J` }, status))
      const error = await failure(runtime.snapshot())
      expect(error).toMatchObject({ code: 'unauthorized', exitCode: 4 })
      expect(error.message).not.toContain('\u001b')
    }
  })
})

describe('answers are bounded and checked', () => {
  test('content-length is believed when it is too large', async () => {
    const { runtime, server } = await world(
      (_, response) => {
        response.writeHead(200, { 'content-length': 5000 })
        response.write('{')
      },
      { limits: { jsonBytes: 1000 } },
    )
    expect(await failure(runtime.head())).toMatchObject({ code: 'invalid_response' })
    expect(server.asked).toHaveLength(1)
  })

  test('an endless body is cut off', async () => {
    const { runtime } = await world(
      (_, response) => {
        response.writeHead(200)
        const more = () => {
          while (!response.destroyed && response.write(' '.repeat(64 * 1024)));
        }
        response.on('drain', more)
        more()
      },
      { limits: { jsonBytes: 1_000_000 } },
    )
    expect(await failure(runtime.head())).toMatchObject({ code: 'invalid_response' })
  })

  test('so is one that grows only when decompressed', async () => {
    const { runtime } = await world(
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(' '.repeat(5_000_000))),
      { limits: { jsonBytes: 1_000_000 } },
    )
    expect(await failure(runtime.head())).toMatchObject({ code: 'invalid_response' })
  })

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('%s is read', async (encoding, compress) => {
    const { runtime } = await world((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(compress(JSON.stringify(HEAD))),
    )
    expect(await runtime.head()).toBe(7)
  })

  test.each([
    ['nothing', '', /empty body/],
    ['HTML', '<html>', /no JSON/],
    ['half of it', '{"cursor":7,', /no JSON/],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
    ['deep arrays', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /the whole/],
    ['deep objects', `${'{"a":'.repeat(201)}1${'}'.repeat(201)}`, /cursor/],
    ['depth that never ends', `{"cursor":7,"a":${'['.repeat(100_000)}`, /no JSON/],
    ['more values than anybody needs', `[${','.repeat(10_000_001)}`, /more than 10000000 values/],
    ['another type', '[]', /the whole/],
    ['a missing field', JSON.stringify({ ...HEAD, hasMore: undefined }), /hasMore/],
    ['a negative cursor', JSON.stringify({ ...HEAD, headCursor: -1 }), /headCursor/],
    ['a broken cursor', JSON.stringify({ ...HEAD, cursor: 1.5 }), /cursor/],
    ['an unsafe cursor', JSON.stringify({ ...HEAD, headCursor: 2 ** 60 }), /headCursor/],
    ['a broken operation', JSON.stringify({ ...HEAD, operations: [{ cursor: 1, opId: 'x' }] }), /operations\[0\]\.ts/],
  ])('%s is an invalid response that names the endpoint', async (_, body, why) => {
    const { runtime, server } = await world((_asked, response) => response.writeHead(200).end(body))
    const error = await failure(runtime.head())
    expect(error).toMatchObject({ code: 'invalid_response', exitCode: 1 })
    expect(error.message).toMatch(why)
    expect(error.message).toContain('GET /admin/changes')
    expect(server.asked).toHaveLength(1)
  })

  test('brackets within strings are no depth, and 200 levels are fine', async () => {
    const deep = `${'['.repeat(197)}"${'[{\\"'.repeat(1000)}"${']'.repeat(197)}`
    const entity = `{"id":"e","props":${deep.slice(1, -1)}}`
    const body = JSON.stringify(SNAPSHOT).replace('"entities":[]', `"entities":[${entity}]`)
    const { runtime } = await world((_, response) => response.writeHead(200).end(body))
    expect((await runtime.snapshot()).entities).toHaveLength(1)
  })

  test('S1, S3: what nests deeper is cut off there, so that it spoils nothing but its own object', async () => {
    const brackets = (depth: number) => `${'[{"a":'.repeat(depth / 2)}"]}"${'}]'.repeat(depth / 2)}`
    const entities = [100_000, 4, 100_000].map(
      (depth, n) => `{"id":"e${n}","props":{"p":${brackets(depth)},"q":"[\\"["}}`,
    )
    const body = JSON.stringify(SNAPSHOT).replace('"entities":[]', `"entities":[${entities.join()}]`)
    const { runtime } = await world((_, response) => response.writeHead(200).end(body))
    const read = (await runtime.snapshot()).entities
    expect(read.map(({ id }) => id)).toEqual(['e0', 'e1', 'e2'])
    const props = read.map((entity) => entity.props as JsonObject)
    expect(props.map(({ q }) => q)).toEqual(['["[', '["[', '["['])
    expect(props[1]).toMatchObject({ p: [{ a: [{ a: ']}' }] }] })
    const refused = read.map((entity) => fromWire('entity', entity, () => undefined))
    expect(refused).toMatchObject([
      { reason: 'is nested too deeply' },
      { reason: 'blueprint is missing' },
      { reason: 'is nested too deeply' },
    ])
  })

  test('the value is the original: __proto__ is data, the order of keys stays', async () => {
    const body = JSON.stringify(SNAPSHOT).replace(
      '"entities":[]',
      '"entities":[{"z":1,"id":"e","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}]',
    )
    const { runtime } = await world((_, response) => response.writeHead(200).end(body))
    const [entity] = (await runtime.snapshot()).entities
    expect(Object.keys(entity!)).toEqual(['z', 'id', '__proto__', 'constructor'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(entity)).toBe(Object.prototype)
  })
})

describe('ending', () => {
  test('a signal ends requests and waits with its reason', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const { runtime } = await world(() => stop.abort(reason), { signal: stop.signal })
    await expect(runtime.head()).rejects.toBe(reason)
    await expect(runtime.head()).rejects.toBe(reason)
    const waiting = new AbortController()
    const { runtime: other } = await world((_, response) => json(response, {}, 503), {
      signal: waiting.signal,
      sleep: async () => waiting.abort(reason),
    })
    await expect(other.head()).rejects.toBe(reason)
  })

  test('close ends what is under way', async () => {
    let runtimeClose: Promise<void> | undefined
    const { runtime } = await world(() => {
      runtimeClose = runtime.close()
    })
    expect(await failure(runtime.head())).toMatchObject({ code: 'unreachable' })
    await runtimeClose
  })
})

async function unused(): Promise<string> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return `http://127.0.0.1:${port}`
}
