import { figuresFolder, readKept } from './figures/kept.ts'
import { type Reading, readOut } from './figures/read-out.ts'
import { type Context, openProject } from './session.ts'

export interface MetricsReport {
  /** When counting began, ISO 8601. */
  readonly since: string
  readonly readings: readonly Reading[]
  /** Files of figures that could not be read and were put aside: what they held is counted anew. */
  readonly damaged: readonly string[]
}

/** The figures of this clone, of all runs so far, or those of one target. Asks no world. Throws `not_a_project`. */
export async function metrics(context: Context, target?: string | undefined): Promise<MetricsReport> {
  const project = await openProject(context)
  await project.repository.close()
  const { sums, damaged } = await readKept(figuresFolder(project))
  return { since: sums.since, readings: readOut(sums, target), damaged }
}
