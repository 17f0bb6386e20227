import { gitVersion } from '../git-bridge/native/open-native-repository.ts'
import { SyncError } from '../world/errors.ts'
import { ok, problemOf, type Said } from './doctor-finding.ts'
import { type ExaminedProject, examineProject, findProject } from './doctor-project.ts'
import { type Context, type Project, type Session, sessionFor } from './session.ts'
import { chooseTarget, type Target, targetNames } from './target.ts'
import type { World } from './world-target.ts'

/** What a doctor looks at. */
export interface Patient {
  readonly context: Context
  readonly quick: boolean
  /** Undefined where there is none, not even a repository. */
  readonly project: Project | undefined
  /** Undefined where the files were not read. */
  readonly files: ExaminedProject | undefined
  /** Undefined where the world is none of the project's, or none is known. */
  readonly session: Session | undefined
  close(): Promise<void>
}

export interface PatientOptions {
  readonly quick?: boolean
  readonly target?: string | undefined
}

/** Opens what is here, as far as it can be opened; says what git makes of it. Nothing is sent. */
export async function openPatient(
  context: Context,
  world: World | SyncError,
  options: PatientOptions,
  say: (check: string, said: readonly Said[]) => void,
): Promise<Patient> {
  const quick = options.quick === true
  const nobody = { context, quick, project: undefined, files: undefined, session: undefined, close: async () => {} }
  let project: Project | undefined
  try {
    const found = await gitVersion({ cwd: context.cwd, signal: context.signal })
    say('git', [ok(`${found}; 2.39 or newer is needed`)])
    project = await findProject(context)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    say('git', [problemOf(error)])
  }
  if (project === undefined) return nobody
  const { repository } = project
  try {
    const session = await sessionOf(context, project, world, options.target)
    const close = () => session?.close() ?? repository.close()
    const files = quick ? undefined : await filesOf(project, context, say)
    return { context, quick, project, files, session, close: async () => close() }
  } catch (error) {
    await repository.close()
    throw error
  }
}

async function filesOf(
  project: Project,
  context: Context,
  say: (check: string, said: readonly Said[]) => void,
): Promise<ExaminedProject | undefined> {
  try {
    return await examineProject(project, context)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    say('files', [problemOf(error)])
    return undefined
  }
}

/** The project together with the target of it that a world is. */
async function sessionOf(
  context: Context,
  project: Project,
  world: World | SyncError,
  wanted: string | undefined,
): Promise<Session | undefined> {
  const target = await targetOf(context, project, world, wanted).catch((error: unknown) => {
    // What is wrong with the targets is a check's to say.
    if (error instanceof SyncError) return undefined
    throw error
  })
  if (target === undefined) return undefined
  return sessionFor(context, project, target).catch((error: unknown) => {
    if (error instanceof SyncError) return undefined
    throw error
  })
}

async function targetOf(
  { env }: Context,
  { folder, lobby }: Project,
  world: World | SyncError,
  wanted: string | undefined,
): Promise<Target | undefined> {
  const usual = await chooseTarget(folder, lobby, wanted, env).catch((error: unknown) => {
    if (error instanceof SyncError) return undefined
    throw error
  })
  if (world instanceof SyncError || wanted !== undefined || usual?.address.url === world.url) return usual
  for (const name of await targetNames(folder, lobby)) {
    const target = await chooseTarget(folder, lobby, name, env)
    if (target.address.url === world.url) return target
  }
  return undefined
}
