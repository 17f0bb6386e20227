import type { CleaningRules } from '../git-bridge/native/cleaner.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { isJsonObject } from '../world/json.ts'
import { withoutDriverAttributes } from './merge-driver-setup.ts'
import type { Session } from './session.ts'

/** A line in the message of a line's root that holds its rules. */
const MARK = 'Cleaning-Rules: '

/** The rules that a new line gets: the `.gitattributes` of the repository and of the project's folder, as committed (G5). */
export async function rulesOfProject(session: Session, head: Oid | undefined): Promise<CleaningRules> {
  const { repository, prefix } = session
  if (head === undefined) return {}
  const rules: Record<string, string> = {}
  for (const path of new Set(['.gitattributes', `${prefix}.gitattributes`])) {
    const found = await repository.lookup(head, path)
    if (found === undefined || found.mode === '40000') continue
    const text = withoutDriverAttributes(
      new TextDecoder().decode((await repository.readBlobs([found.oid])).get(found.oid)),
    )
    if (/^\s*[^#\s]/m.test(text)) rules[path] = text
  }
  return rules
}

/** The rules as a paragraph of the root's message; empty when there are none. */
export function describeRules(rules: CleaningRules): string {
  return Object.keys(rules).length === 0 ? '' : `${MARK}${JSON.stringify(rules)}\n\n`
}

/** The rules that a line was begun with, from its root. */
export async function rulesOfLine(session: Session, tip: Oid): Promise<CleaningRules> {
  const { repository } = session
  const roots = (await repository.run(['rev-list', '--max-parents=0', tip])).stdout
    .toString('latin1')
    .trim()
    .split('\n')
  const root = roots.at(-1)
  if (root === undefined || root === '') return {}
  const { message } = await repository.readCommit(root as Oid)
  const line = message.split('\n').find((candidate) => candidate.startsWith(MARK))
  if (line === undefined) return {}
  const rules: unknown = JSON.parse(line.slice(MARK.length))
  if (!isJsonObject(rules)) return {}
  return Object.fromEntries(
    Object.entries(rules).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && /(?:^|\/)\.gitattributes$/.test(entry[0]) && !entry[0].includes('..'),
    ),
  )
}
