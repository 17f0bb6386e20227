import type { Said } from './doctor-finding.ts'
import type { Patient } from './doctor-patient.ts'
import type { Project } from './session.ts'

/** A patient that has a project. */
export type ProjectPatient = Patient & { readonly project: Project }

export interface DoctorCheck {
  readonly name: string
  run(patient: ProjectPatient): Promise<readonly Said[]> | readonly Said[]
}

const clone = () => import('./doctor-clone.ts')
const config = () => import('./doctor-config.ts')
const left = () => import('./doctor-leftovers.ts')
const files = () => import('./doctor-project.ts')

/** What can be seen of a project without asking anybody, in this order. */
export const CHECKS: readonly DoctorCheck[] = [
  {
    name: 'targets',
    run: async ({ project, context }) => (await config()).examineTargets(project.folder, project.prefix, context.env),
  },
  {
    name: 'policy',
    run: async ({ project: { lobby }, files }) =>
      lobby === undefined ? [] : (await import('./doctor-policy.ts')).examinePolicy(lobby.policy, files?.objects),
  },
  {
    name: 'switches',
    run: async ({ project, context }) => (await config()).examineSwitches(project.folder, context.env),
  },
  {
    name: 'secrets',
    run: async ({ project, quick }) => (await import('./doctor-secrets.ts')).examineSecrets(project, { quick }),
  },
  {
    name: 'merge-driver',
    run: async ({ project, context }) => (await clone()).examineMergeDriver(project, context.env),
  },
  { name: 'hooks', run: async ({ project }) => (await clone()).examineHooks(project) },
  { name: 'pull.rebase', run: async ({ project }) => (await clone()).examineRebase(project) },
  { name: 'shallow', run: async ({ project, session }) => (await clone()).examineShallow(project, session) },
  { name: 'leftovers', run: async ({ project }) => (await left()).examineLeftovers(project) },
  { name: 'conflicts', run: async ({ project }) => (await left()).examineConflicts(project) },
  {
    name: 'layout',
    run: async ({ project, files: read }) =>
      read === undefined ? [] : (await files()).examineLayout(read, project.prefix),
  },
  { name: 'ids', run: async ({ files: read }) => (read === undefined ? [] : (await files()).examineIds(read)) },
]
