import { createHash } from 'node:crypto'

/**
 * A project as the public tool writes it (protocol, section 8), straight from a snapshot: written for the tests from the
 * protocol's page, so that our own projection cannot agree with itself.
 */

export interface PublicSnapshot {
  readonly settings: Wire
  readonly spawn: Wire
  readonly blueprints: readonly Wire[]
  readonly entities: readonly Wire[]
}

type Wire = Readonly<Record<string, unknown>>

export interface PublicOptions {
  /** Leave out the `id` of blueprints whose id follows from their file, as older projects do. */
  readonly withoutIds?: boolean
  /** Leave out these keys of blueprints. */
  readonly without?: readonly string[]
}

const ENTITY = ['id', 'blueprint', 'position', 'quaternion', 'scale', 'pinned', 'props', 'state']
const BLUEPRINT =
  'id uid name scope script createdAt author url desc preload public locked frozen unique disabled scene keep scriptFormat scriptEntry model image props'.split(
    ' ',
  )

/** Path → content. `bytesOf` gives the bytes of an `asset://` URL, undefined where the server has none. */
export async function publicProject(
  snapshot: PublicSnapshot,
  bytesOf: (url: string) => Promise<Uint8Array | undefined>,
  options: PublicOptions = {},
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>()
  const byHash = new Map<string, string>()
  const asset = async (url: unknown, name: string): Promise<unknown> => {
    if (typeof url !== 'string' || !url.startsWith('asset://')) return url
    const bytes = await bytesOf(url)
    if (bytes === undefined) return url
    const hash = createHash('sha256').update(bytes).digest('hex')
    const extension = url.slice(url.lastIndexOf('.'))
    const known = byHash.get(hash + extension)
    if (known !== undefined) return known
    const base = sane(name.endsWith(extension) ? name.slice(0, -extension.length) : name)
    let path = `assets/${base}${extension}`
    for (let n = 1; files.has(path); n++) path = `assets/${base}_${n}${extension}`
    files.set(path, bytes)
    byHash.set(hash + extension, path)
    return path
  }
  const props = async (value: unknown): Promise<unknown> => {
    if (!isRecord(value)) return value
    const entries = Object.entries(value).map(async ([key, prop]) => {
      if (!isRecord(prop) || typeof prop.url !== 'string') return [key, prop] as const
      return [key, { ...prop, url: await asset(prop.url, typeof prop.name === 'string' ? prop.name : key) }] as const
    })
    return Object.fromEntries(await Promise.all(entries))
  }

  const entities: unknown[] = []
  for (const entity of snapshot.entities) {
    if (entity.type !== 'app') continue
    entities.push(picked({ ...entity, props: await props(entity.props) }, ENTITY))
  }
  const { settings, spawn } = snapshot
  files.set('world.json', json({ formatVersion: 2, settings, spawn, entities }))

  for (const blueprint of snapshot.blueprints) {
    const id = String(blueprint.id)
    const root = snapshot.blueprints.find(
      (other) => other !== blueprint && other.id === blueprint.scriptRef && other.script === blueprint.script,
    )
    const [own, file = own] = split(id)
    const folder = root === undefined ? own : split(String(root.id))[0]
    const scripts = isRecord(blueprint.scriptFiles) ? blueprint.scriptFiles : {}
    for (const [path, url] of Object.entries(scripts)) {
      const bytes = await bytesOf(String(url))
      const shared = /^@?shared\/(.*)$/.exec(path)?.[1]
      if (bytes !== undefined) files.set(shared === undefined ? `apps/${folder}/${path}` : `shared/${shared}`, bytes)
    }
    const image = isRecord(blueprint.image)
      ? { ...blueprint.image, url: await asset(blueprint.image.url, `${folder}__image`) }
      : blueprint.image
    const whole: Wire = {
      ...blueprint,
      model: await asset(blueprint.model, String(blueprint.name ?? file)),
      image,
      props: await props(blueprint.props),
    }
    const left = new Set(options.without)
    const follows = id === (file === own && folder === own ? folder : `${folder}__${file}`)
    if (options.withoutIds === true && follows) left.add('id')
    if (whole.scriptEntry === 'index.js' || whole.scriptEntry === null) left.add('scriptEntry')
    if (whole.scriptFormat === null) left.add('scriptFormat')
    const keys = BLUEPRINT.filter((key) => !left.has(key))
    files.set(`apps/${folder}/${sane(file)}.json`, json(picked(whole, keys)))
  }
  return files
}

function split(id: string): [string, string | undefined] {
  const at = id.indexOf('__')
  return at < 0 ? [id, undefined] : [id.slice(0, at), id.slice(at + 2)]
}

function sane(name: string): string {
  return name.replace(/[^A-Za-z0-9._ -]+/g, '-')
}

function picked(object: Wire, keys: readonly string[]): Wire {
  return Object.fromEntries(keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]]))
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function isRecord(value: unknown): value is Wire {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
