/** What a contested file that is no object's decides. */
export function scriptPlaces(path: string): readonly string[] | undefined {
  return path.endsWith('.js') ? ['script'] : undefined
}
