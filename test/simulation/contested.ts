/** What a contested file that is no object's decides. */
export function scriptPlaces(path: string): readonly string[] | undefined {
  if (path.startsWith('shared/')) return [`shared:${path.slice('shared/'.length)}`]
  return path.endsWith('.js') ? ['script'] : undefined
}
