/** What a case found, and what it did: the same for the same seed. */
export interface CaseReport {
  readonly findings: readonly string[]
  readonly story: readonly string[]
}
