import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files whose tests start git all the time: by their beginnings. */
const STARTING = [
  'test/e2e/',
  'test/sync/',
  'test/commands/',
  'test/hostile/',
  'test/quickstart/',
  'test/git-bridge/native',
]

/**
 * Files that start many processes before those that compute: a process is started in time that grows with the memory of
 * the one that starts it, and laws that are tried ten thousand times leave a worker twice as large as they found it.
 * Among each other, as vitest has them: the longest first.
 */
export default class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const rank = ({ moduleId, project }: TestSpecification): number => {
      if (project.config.isolate) return 0
      const path = relative(root, moduleId).replaceAll('\\', '/')
      return STARTING.some((beginning) => path.startsWith(beginning)) ? 1 : 2
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
