import { fieldName } from '../resolvers/fields.ts'

/** A name for a field of an object that is contested as a whole, too. */
export function contestedName(path: readonly string[]): string {
  return path.length === 0 ? '(object)' : fieldName(path)
}
