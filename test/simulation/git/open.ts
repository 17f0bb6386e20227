/** Stands for src/git-bridge/native/open-native-repository.ts in the bundle of the simulation. */
import { SyncError } from '../../../src/world/errors.ts'
import { look } from '../host.ts'
import { findRepository } from './registry.ts'
import type { ModelRepository } from './repository.ts'

/** As the module that this one stands for. */
export function parseGitVersion(text: string): readonly [number, number] | undefined {
  const match = /^git version (\d+)\.(\d+)/.exec(text)
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

export function openNativeRepository(
  cwd: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<ModelRepository> {
  return look(() => {
    const model = findRepository(cwd)
    if (model === undefined || model.repo.disk.find(cwd)?.kind !== 'folder') {
      throw new SyncError('not_a_repository', `There is no git repository at ${cwd}.`, {
        hint: 'Run `git init` there, or run this in the folder of your project.',
        data: { cwd, stderr: '' },
      })
    }
    return model.repository(options.signal)
  })
}
