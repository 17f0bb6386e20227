/**
 * The same items in the same order, with up to `count` fetched before they are asked for; `onItem` sees each as it
 * comes. The source is asked for one item at a time. When it throws, the items before are still handed out.
 */
export async function* lookAhead<T>(
  items: AsyncIterable<T> | Iterable<T>,
  count: number,
  onItem: (item: T) => void,
): AsyncGenerator<T> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const waiting: Promise<IteratorResult<T>>[] = []
  let last: Promise<unknown> = Promise.resolve()
  let ended = false
  const fetch = (): void => {
    const next = last.then(async (): Promise<IteratorResult<T>> => {
      if (ended) return { done: true, value: undefined }
      try {
        const result = await source.next()
        if (result.done) ended = true
        else onItem(result.value)
        return result
      } catch (error) {
        ended = true
        throw error
      }
    })
    next.catch(() => {})
    waiting.push(next)
    last = next
  }
  try {
    for (let n = 0; n < count; n += 1) fetch()
    for (;;) {
      const result = await waiting.shift()
      if (!result || result.done) return
      fetch()
      yield result.value
    }
  } finally {
    // Not awaited: a source that is waiting for its next item, which nobody wants any more, may take its time.
    if (!ended) Promise.resolve(source.return?.()).catch(() => {})
    ended = true
  }
}
