import { type Context, openProject } from './session.ts'
import { chooseTarget, type Target, targetNames } from './target.ts'

/** A world that a project can sync with. */
export interface ListedTarget {
  /** Undefined: the environment or `.env` names a world that has no name here. */
  readonly name: string | undefined
  /** What commands take that name none. */
  readonly isDefault: boolean
  readonly worldUrl: string
  readonly worldId: string | undefined
  /** Pushing asks first (P7). */
  readonly confirm: boolean
  /** Whether a code is known; the code itself is never shown (S2). */
  readonly hasCode: boolean
  /** Where it stands. */
  readonly from: string
}

/**
 * All targets of the current project, and which of them a command without `--target` takes: `chosen` is undefined when it
 * would refuse. Sends nothing. Throws `not_a_project`, `invalid_lobby_file`, `invalid_targets_file`.
 */
export async function listTargets(
  context: Context,
): Promise<{ readonly targets: readonly ListedTarget[]; readonly chosen: ListedTarget | undefined }> {
  const { repository, folder, lobby } = await openProject(context)
  await repository.close()
  const targets: ListedTarget[] = []
  for (const name of await targetNames(folder, lobby)) {
    targets.push(listed(await chooseTarget(folder, lobby, name, context.env)))
  }
  const unsaid = await chooseTarget(folder, lobby, undefined, context.env).then(listed, () => undefined)
  if (unsaid !== undefined && unsaid.name === undefined) targets.push(unsaid)
  return { targets, chosen: unsaid }
}

function listed({ name, isDefault, address, confirm, from }: Target): ListedTarget {
  return {
    name,
    isDefault,
    worldUrl: address.url,
    worldId: address.worldId,
    confirm,
    hasCode: address.adminCode !== undefined,
    from,
  }
}
