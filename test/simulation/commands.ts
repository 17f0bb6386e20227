import type { Oid } from '../../src/git-bridge/repository.ts'
import { clone } from '../../src/sync/clone.ts'
import { openConflicts } from '../../src/sync/conflicts.ts'
import { type InitOptions, type InitReport, init } from '../../src/sync/init.ts'
import { changeLayout, type LayoutReport } from '../../src/sync/layout.ts'
import type { LossChoice } from '../../src/sync/lost-state.ts'
import { type PullReport, pull } from '../../src/sync/pull.ts'
import { type PushReport, push } from '../../src/sync/push.ts'
import { resolve, type Use } from '../../src/sync/resolve.ts'
import { type Context, openSession, type Session } from '../../src/sync/session.ts'
import { scriptPlaces } from './contested.ts'
import { place } from './values.ts'

/** The product's commands as a machine calls them: the use cases behind `gamedev sync …`, with nobody at the terminal. */

export interface Machinery {
  readonly context: Context
  readonly target: string | undefined
}

async function inSession<T>({ context, target }: Machinery, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(context, { target })
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

export function cloneWorld(context: Context, url: string, folder: string): Promise<unknown> {
  return clone(context, { url, folder, worldId: undefined })
}

/** Connects a project that exists with a world; `name`: what the project is to call it. */
export function adoptWorld(
  context: Context,
  url: string,
  options: Pick<InitOptions, 'name' | 'mirror' | 'prefer'>,
): Promise<InitReport> {
  const yes = async () => true
  return init(context, { ...options, url, worldId: undefined, confirm: yes, mergeDriver: yes })
}

export function pullWorld(
  machinery: Machinery,
  options: { readonly loss?: LossChoice | undefined; readonly yes: boolean; readonly verify?: boolean | undefined },
): Promise<PullReport> {
  return inSession(machinery, (session) =>
    pull(session, { autostash: false, confirm: async () => options.yes, loss: options.loss, verify: options.verify }),
  )
}

export function pushWorld(
  machinery: Machinery,
  options: { readonly yes: boolean; readonly noBatch?: boolean; readonly dryRun?: boolean },
): Promise<PushReport> {
  return inSession(machinery, (session) =>
    push(session, {
      dryRun: options.dryRun ?? false,
      allowMassDelete: options.yes,
      autostash: false,
      confirm: async (question) => {
        machinery.context.progress.warn(question)
        return options.yes
      },
      ...(options.noBatch === undefined ? {} : { noBatch: options.noBatch }),
    }),
  )
}

export function changeLayoutOf(machinery: Machinery, layout: 'split' | 'manifest'): Promise<LayoutReport> {
  return inSession(machinery, (session) =>
    changeLayout(session, layout, { dryRun: false, autostash: false, confirm: async () => true }),
  )
}

/** An open conflict, as somebody who settles it sees it. */
export interface Contested {
  readonly id: string
  readonly object: string | undefined
  readonly path: string
  /** Fields and objects of the oracle that are to be decided. */
  readonly decides: readonly string[]
}

export function listConflicts(machinery: Machinery): Promise<readonly Contested[]> {
  return inSession(machinery, async (session) => {
    const { conflicts } = await openConflicts(session)
    return conflicts.map(({ id, object, path, fields }) => ({
      id,
      object,
      path,
      decides: decides(object, path, fields),
    }))
  })
}

/** Settles conflicts one after the other, each as `use` decides. */
export function settle(machinery: Machinery, use: (conflict: Contested) => Use): Promise<void> {
  return inSession(machinery, async (session) => {
    for (let round = 0; round < 100; round++) {
      const { conflicts } = await openConflicts(session)
      const [first] = conflicts
      if (first === undefined) return
      const contested = { ...first, decides: decides(first.object, first.path, first.fields) }
      await resolve(session, session.switches, {
        names: [first.object === undefined ? first.path : first.id],
        all: false,
        use: use(contested),
        field: undefined,
      })
    }
    throw new Error('conflicts that do not close')
  })
}

/** What the oracle calls the contested fields. */
export function decides(
  object: string | undefined,
  path: string,
  fields: readonly { readonly path: readonly string[] }[],
): readonly string[] {
  if (object === undefined || fields.length === 0) return scriptPlaces(path) ?? [object ?? path, 'script']
  if (object.startsWith('shared:')) return [object]
  return fields.flatMap((field) => {
    const [first] = field.path
    if (first === undefined) return [object, 'script']
    if (/script/i.test(first)) return ['script']
    return [place(object, field.path.join('.')), place(object, String(first))]
  })
}

export type { Oid }
