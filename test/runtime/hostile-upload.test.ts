import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rawConnection, rawRequest } from './raw-http.ts'
import { CODE, get, temporaryFolder, testRuntime, upload } from './support.ts'

const sha = (text: string) => createHash('sha256').update(text).digest('hex')
const CODED = `X-Admin-Code: ${CODE}`
const part = (name: string, content: string, headers = '') =>
  `--x\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n${headers}\r\n${content}\r\n`
const field = (name: string) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nvalue\r\n`
const END = '--x--\r\n'

/** Everything below a folder, but what SQLite writes when it likes. */
const files = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .filter((path) => !/\.sqlite(-wal|-shm|-journal)?$/.test(path))
    .sort()

async function hostileWorld() {
  const outside = temporaryFolder()
  const reports: unknown[] = []
  const dataDir = join(outside, 'data')
  const runtime = await testRuntime({ dataDir, maxUploadMegabytes: 1, report: (error) => reports.push(error) })
  const send = async (body: string, boundary = 'x', headers: readonly string[] = []) => {
    const type = `Content-Type: multipart/form-data; boundary=${boundary}`
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    const { status, text } = await rawRequest(runtime, 'POST /admin/upload', [CODED, type, length, ...headers], body)
    expect(text).not.toContain(outside)
    expect(text).not.toMatch(/\bat .*\.[jt]s:\d/)
    const data = /\r\n\r\n(\{.*\})$/s.exec(text)?.[1]
    return { status, data: data === undefined ? undefined : JSON.parse(data) }
  }
  return { outside, runtime, reports, send, files: () => files(outside) }
}

test('a name chooses nothing but the extension; nothing is written anywhere else', async () => {
  const { send, files, runtime } = await hostileWorld()
  const before = files()
  const stored = (extension: string) => `${sha('abc')}.${extension}`
  for (const [name, extension] of [
    ['../../escaped.js', 'js'],
    ['/etc/passwd', 'passwd'],
    ['C:\\Windows\\a.js', 'js'],
    ['a\0b.js', 'js'],
    ['.git/config.js', 'js'],
    ['.gitattributes', 'gitattributes'],
    ['aux.js', 'js'],
    ['con', 'con'],
    [`${'x'.repeat(10_000)}.JS`, 'js'],
    [`${sha('abc')}.JS`, 'js'],
    ['__proto__.js', 'js'],
  ] as const) {
    expect(await send(part(name, 'abc') + END), name).toMatchObject({
      status: 200,
      data: { filename: stored(extension) },
    })
  }
  for (const name of ['..', '.', 'a.', 'a.j s', 'ж.жж', '', 'a.js/', `a.${'x'.repeat(17)}`, 'a.js\u202e', 'a.<js>']) {
    const answer = await send(part(name, 'abc') + END)
    expect(answer, name).toMatchObject({ status: 400, data: { error: 'invalid_filename' } })
  }
  expect(await send(part(`${sha('other')}.js`, 'abc') + END)).toMatchObject({
    status: 400,
    data: { error: 'hash_mismatch' },
  })
  const extensions = ['con', 'gitattributes', 'js', 'passwd']
  expect(files().filter((path) => !before.includes(path))).toEqual(extensions.map((e) => `/data/assets/${stored(e)}`))
  for (const path of [
    '/assets/../world.sqlite',
    '/assets/..%2fworld.sqlite',
    '/assets/.incoming',
    '/assets/%2e%2e%2flock.sqlite',
    '/assets/',
    '/assets/a%00.js',
    '/assets/con%5c..%5cx',
  ]) {
    expect((await rawRequest(runtime, `GET ${path}`)).status, path).toBe(404)
  }
})

test('forms that are none, floods of parts, and huge part headers', async () => {
  const { send, files, reports, runtime } = await hostileWorld()
  const before = files()
  const bad = { status: 400, data: { error: 'invalid_payload', message: expect.any(String) } }
  expect(await send('garbage')).toMatchObject(bad)
  expect(await send('')).toMatchObject(bad)
  expect(await send(END)).toMatchObject(bad)
  expect(await send(part('a.js', 'abc'))).toMatchObject(bad)
  expect(await send(part('a.js', 'abc').slice(0, 40))).toMatchObject(bad)
  expect(await send(field('file') + END)).toMatchObject(bad)
  expect(await send(part('a.js', 'abc') + END, 'y')).toMatchObject(bad)
  expect(await send(part('a.js', 'abc') + END, '')).toMatchObject(bad)
  expect(await send('x', 'x'.repeat(8000))).toMatchObject(bad)
  expect(await send(field('__proto__') + END)).toMatchObject(bad)
  expect(await send(field('constructor').repeat(3) + END)).toMatchObject(bad)
  expect(await send(field('f').repeat(5000) + part('a.js', 'abc') + END)).toMatchObject({
    status: 413,
    data: { error: 'payload_too_large' },
  })
  expect(files()).toEqual(before)

  // The first file counts, whatever is around and behind it.
  const ok = { status: 200, data: { ok: true, filename: `${sha('abc')}.js` } }
  expect(await send(part('a.js', 'abc', `X: ${'y'.repeat(1_000_000)}\r\n`) + END)).toMatchObject(ok)
  expect(await send(part('a.js', 'abc') + part('b.js', 'def').repeat(3000) + END)).toMatchObject(ok)
  expect(await send(part('a.js', 'abc') + field('f').repeat(3000) + END)).toMatchObject(ok)
  expect(files().filter((path) => !before.includes(path))).toEqual([`/data/assets/${sha('abc')}.js`])
  expect(reports).toEqual([])
  expect((await upload(runtime, 'b.js', 'after')).status).toBe(200)
})

test('files beyond the limit, announced or not, and uploads that break off leave nothing behind', async () => {
  const { send, files, runtime, reports } = await hostileWorld()
  const before = files()
  const large = part('a.bin', 'x'.repeat(3 * 1024 * 1024)) + END
  expect(await send(large)).toMatchObject({ status: 413, data: { error: 'file_too_large', filename: 'a.bin' } })
  const chunk = `${Buffer.byteLength(large).toString(16)}\r\n${large}\r\n0\r\n\r\n`
  const head = ['Content-Type: multipart/form-data; boundary=x', 'Transfer-Encoding: chunked']
  expect((await rawRequest(runtime, 'POST /admin/upload', [CODED, ...head], chunk)).status).toBe(413)

  const broken = await Promise.all(Array.from({ length: 20 }, () => rawConnection(runtime)))
  const started = broken.map(async ({ write, socket, ended }, index) => {
    write(
      `POST /admin/upload HTTP/1.1\r\nHost: w\r\n${CODED}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n`,
    )
    write(part('a.js', 'abc'.repeat(1000 * index)).slice(0, -2))
    await get(runtime, '/health')
    socket.destroy()
    await ended
  })
  await Promise.all(started)
  await expect.poll(files).toEqual(before)
  expect(reports).toEqual([])
  expect((await upload(runtime, 'b.js', 'after')).status).toBe(200)
})

test('a file without end is heard to its limit and a bit, then cut', async () => {
  const runtime = await testRuntime({ maxUploadMegabytes: 1, limits: { lingerMs: 50 } })
  const endless = await rawConnection(runtime)
  endless.write(
    `POST /admin/upload HTTP/1.1\r\nHost: w\r\n${CODED}\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  const send = (text: string) => endless.socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
  send(part('a.bin', ''))
  const block = 'x'.repeat(1024 * 1024)
  const pour = () => {
    while (!endless.socket.destroyed && send(block));
  }
  endless.socket.on('drain', pour)
  pour()
  const { status, text } = await endless.ended
  expect(status, text).toBe(413)
  expect((await upload(runtime, 'b.js', 'after')).status).toBe(200)
})

test('ranges and conditions that make no sense are answered in full, or refused', async () => {
  const { runtime, send } = await hostileWorld()
  await send(part('a.js', 'abc') + END)
  await send(part('e.js', '') + END)
  const asset = `GET /assets/${sha('abc')}.js`
  for (const range of [
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=0-0,1-1',
    'lines=0-1',
    `bytes=0-${'9'.repeat(400)}`,
    'bytes=1-0x10',
  ])
    expect((await rawRequest(runtime, asset, [`Range: ${range}`])).text.endsWith('\r\n\r\nabc'), range).toBe(true)
  for (const range of ['bytes=3-', 'bytes=999999999999999-', 'bytes=2-1', 'bytes=-0'])
    expect((await rawRequest(runtime, asset, [`Range: ${range}`])).status, range).toBe(416)
  expect((await rawRequest(runtime, asset, ['Range: bytes=-99999'])).text).toMatch(/^HTTP\/1.1 206.*\r\n\r\nabc$/s)
  expect((await rawRequest(runtime, `GET /assets/${sha('')}.js`, ['Range: bytes=0-'])).status).toBe(416)
  const conditions = ['If-None-Match: *', 'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT', 'If-Range: "x"']
  expect((await rawRequest(runtime, asset, conditions)).status).toBe(200)
  expect((await rawRequest(runtime, asset.replace('GET', 'HEAD'), ['Range: bytes=0-1'])).text).toMatch(/\r\n\r\n$/)
})

test('a refused form does not keep its connection from the next request', async () => {
  const runtime = await testRuntime({ maxUploadMegabytes: 1 })
  const forms = [
    `no form at all${'x'.repeat(500_000)}`,
    field('__proto__') + part('a.js', 'abc') + field('f').repeat(5000) + END,
    field('f').repeat(20) + part('a.js', 'x'.repeat(500_000)) + END,
    part('a.<js>', 'x'.repeat(500_000)) + END,
    part('a.bin', 'x'.repeat(3_000_000)) + END,
    `${part('a.js', 'abc')}--x\r\nbroken${'x'.repeat(500_000)}`,
  ]
  for (const form of forms) {
    const connection = await rawConnection(runtime)
    connection.write(
      `POST /admin/upload HTTP/1.1\r\nHost: w\r\n${CODED}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${Buffer.byteLength(form)}\r\n\r\n`,
    )
    connection.write(form)
    connection.write('GET /health HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n')
    expect((await connection.ended).text, form.slice(0, 60)).toMatch(/^HTTP\/1.1 [24].*HTTP\/1.1 200 OK.*"ok":true/s)
  }
})
