import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { refSegment, type Session } from './session.ts'

/**
 * What a runtime advertised when a snapshot of it was last read (protocol, section 9): a push of a few values need not
 * read the whole world only to learn that again. A cache: whoever is refused because of it forgets it and asks anew.
 */

function offersPath(session: Session): string {
  return join(session.stateFolder, `offers-${refSegment(session.ref)}`)
}

/** Undefined when nothing is known yet. */
export async function loadOffers(session: Session): Promise<readonly string[] | undefined> {
  try {
    const { url, offers } = JSON.parse(await readFile(offersPath(session), 'utf8')) as { url: unknown; offers: unknown }
    if (url !== session.target.address.url || !Array.isArray(offers)) return undefined
    return offers.filter((offer) => typeof offer === 'string')
  } catch {
    return undefined
  }
}

export async function saveOffers(session: Session, offers: readonly string[]): Promise<void> {
  const path = offersPath(session)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify({ url: session.target.address.url, offers }))
  await rename(`${path}.new`, path)
}

export async function forgetOffers(session: Session): Promise<void> {
  await rm(offersPath(session), { force: true })
}
