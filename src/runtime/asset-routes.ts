import { createReadStream } from 'node:fs'
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import type { StoredAsset, StoreOutcome } from './asset-store.ts'
import { queryOf } from './http-server.ts'
import type { RuntimeCore } from './runtime-core.ts'

/** Where the public server stops storing an upload and answers 200 nevertheless (protocol, section 7). */
const PUBLIC_TRUNCATION = 200 * 1024 * 1024

const TYPES: { readonly [extension: string]: string } = {
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  glb: 'model/gltf-binary',
  vrm: 'model/gltf-binary',
  hdr: 'image/vnd.radiance',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
}

/** Uploads, and the assets themselves, which need no code (protocol, section 7). */
export function assetRoutes(app: FastifyInstance, core: RuntimeCore): void {
  app.get('/admin/upload-check', async (request, reply) => {
    const { filename } = queryOf(request)
    if (typeof filename !== 'string' || filename === '') return reply.code(400).send({ error: 'invalid_payload' })
    return { exists: (await core.assets.find(filename)) !== undefined }
  })

  app.post('/admin/upload', async (request, reply) => {
    if (!request.isMultipart()) return reply.code(500).send()
    const fileSize = core.publicLike ? PUBLIC_TRUNCATION : Infinity
    let part: MultipartFile | undefined
    let outcome: StoreOutcome
    try {
      part = await request.file({ limits: { fileSize, files: 1, fields: 16 }, throwFileSizeLimit: false })
      if (part === undefined) return reply.code(400).send({ error: 'invalid_payload', message: 'there is no file' })
      outcome = await core.assets.put(part.filename, part.file, { verify: !core.publicLike })
    } catch (error) {
      core.metrics?.upload('malformed', 0)
      return refuseForm(error, reply)
    }
    core.metrics?.upload(outcome.kind, part.file.bytesRead)
    if (outcome.kind === 'stored') {
      // The public server repeats the client's name, whatever the content; ours says where the bytes are.
      return { ok: true, filename: core.publicLike ? part.filename : outcome.filename }
    }
    return refuse(reply, part.filename, outcome)
  })

  app.get<{ Params: { filename: string } }>('/assets/:filename', async (request, reply) => {
    const asset = await core.assets.find(request.params.filename)
    return asset === undefined ? reply.callNotFound() : sendAsset(reply, asset, request.headers.range)
  })
}

/** A form that is none, or has too much in it; failures of the disk are ours. */
function refuseForm(error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof Error && 'syscall' in error) throw error
  const { statusCode } = error as FastifyError
  if (statusCode === 413) return reply.code(413).send({ error: 'payload_too_large', message: (error as Error).message })
  return reply.code(400).send({ error: 'invalid_payload', message: 'the upload is no well-formed multipart form' })
}

function refuse(reply: FastifyReply, name: string, outcome: Exclude<StoreOutcome, { kind: 'stored' }>): FastifyReply {
  const filename = name.slice(0, 200)
  switch (outcome.kind) {
    case 'too_large':
      return reply.code(413).send({ error: 'file_too_large', filename })
    case 'hash_mismatch':
      return reply.code(400).send({ error: 'hash_mismatch', filename: outcome.filename })
    case 'invalid_filename':
      return reply.code(400).send({ error: 'invalid_filename', filename })
  }
}

function sendAsset(reply: FastifyReply, asset: StoredAsset, header: string | undefined): FastifyReply {
  const extension = asset.filename.slice(asset.filename.lastIndexOf('.') + 1).toLowerCase()
  reply
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'public, max-age=0')
    .type(TYPES[extension] ?? 'application/octet-stream')
  const range = header === undefined ? undefined : parseRange(header, asset.size)
  if (range === undefined) {
    return reply.header('content-length', asset.size).send(createReadStream(asset.path))
  }
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${asset.size}`).send()
  return reply
    .code(206)
    .header('content-range', `bytes ${range.start}-${range.end}/${asset.size}`)
    .header('content-length', range.end - range.start + 1)
    .send(createReadStream(asset.path, range))
}

/** A single byte range, both ends inclusive; undefined for anything else, which is answered in full. */
function parseRange(
  header: string,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header)
  if (match === null) return undefined
  const [, from = '', to = ''] = match
  if (from === '' && to === '') return undefined
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  return start > end ? 'unsatisfiable' : { start, end }
}
