const texts = new WeakMap<object, string>()

/** `JSON.stringify` of an object that never changes, made once: snapshots and pages of the feed repeat most of theirs. */
export function jsonText(object: object): string {
  let text = texts.get(object)
  if (text === undefined) {
    text = JSON.stringify(object)
    texts.set(object, text)
  }
  return text
}
