import type { NativeRepository } from '../git-bridge/native/native-repository.ts'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { parseAssetValue } from '../projection/asset-value.ts'
import type { FieldValue } from '../world/state.ts'

/** Lines shown of a text that is wholly new or wholly gone. */
const WHOLE_LINES = 200

/**
 * How two contents differ, as the lines of a unified diff without its head; undefined for values that are no content.
 * An absent side is an empty text; content that is no text is said to differ.
 */
export async function textDiff(
  repository: NativeRepository,
  before: FieldValue,
  after: FieldValue,
): Promise<readonly string[] | undefined> {
  const [old, next] = [oidOf(before), oidOf(after)]
  if (old === undefined || next === undefined) {
    if (before !== undefined && old === undefined) return undefined
    if (after !== undefined && next === undefined) return undefined
    if (old !== undefined) return wholeText(repository, old, '-')
    return next === undefined ? undefined : wholeText(repository, next, '+')
  }
  const args = ['diff', '--no-color', '--no-ext-diff', '--no-textconv', '--unified=3', old, next]
  const { stdout } = await repository.run(args)
  const lines = linesOf(stdout.toString('utf8'))
  const first = lines.findIndex((line) => line.startsWith('@@'))
  return first < 0 ? ['(content that is no text)'] : lines.slice(first)
}

function oidOf(value: FieldValue): Oid | undefined {
  const asset = parseAssetValue(value)
  return asset === undefined ? undefined : parseOid(asset.oid)
}

async function wholeText(repository: NativeRepository, oid: Oid, sign: '+' | '-'): Promise<readonly string[]> {
  const bytes = (await repository.readBlobs([oid])).get(oid)!
  if (bytes.includes(0)) return ['(content that is no text)']
  const lines = linesOf(new TextDecoder().decode(bytes))
  const shown = lines.slice(0, WHOLE_LINES).map((line) => sign + line)
  return lines.length > WHOLE_LINES ? [...shown, `(and ${lines.length - WHOLE_LINES} more lines)`] : shown
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}
