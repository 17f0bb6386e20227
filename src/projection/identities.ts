/** What a file says about whose file it is (M8). */
export interface Claim {
  readonly kind: 'blueprint' | 'entity'
  readonly path: string
  /** The id of its object; undefined for an entity's file that says none. A blueprint's has a default (protocol, section 8). */
  readonly id: string | undefined
  /** False where the id does not stand in the file. */
  readonly said: boolean
  readonly uid: string | undefined
}

/** What is known better than the files say it. */
export interface Identities {
  /** File → the id of its object, whatever the file says. */
  readonly ids: ReadonlyMap<string, string>
  /** Files whose `uid` is another object's, and is not read. */
  readonly foreignUids: ReadonlySet<string>
}

/** The files say it all. */
export const AS_SAID: Identities = { ids: new Map(), foreignUids: new Set() }

/**
 * The id of a blueprint whose file says none (protocol, section 8), and the name of its file, `.json` left out.
 *
 * @example blueprintDefaults('apps/Lamp/Big.json') // { id: 'Lamp__Big', base: 'Big' }
 */
export function blueprintDefaults(
  path: string,
  folder: string = path.split('/')[1] ?? '',
): { readonly id: string; readonly base: string } {
  const file = path.slice(path.lastIndexOf('/') + 1, -'.json'.length)
  // The public tool writes `apps/$scene/-scene.json`.
  const base = file === folder.replace(/[^A-Za-z0-9._ -]+/g, '-') ? folder : file
  return { id: base === folder ? folder : `${folder}__${file}`, base }
}
