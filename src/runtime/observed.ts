import type { Writer } from './group-writer.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'
import type { Store } from './store.ts'

/** The same writer, whose answers are counted. */
export function observedWriter<W extends Writer>(writer: W, metrics: RuntimeMetrics): Writer {
  return {
    get head() {
      return writer.head
    },
    submit(request, settle) {
      writer.submit(request, (settled) => {
        metrics.command(request.command.kind, settled)
        settle(settled)
      })
    },
    barrier: () => writer.barrier(),
    get waiting() {
      return writer.waiting
    },
    onCommit: (listener) => writer.onCommit(listener),
    drain: () => writer.drain(),
    drop: () => writer.drop(),
  }
}

/** What a writer needs of a store; its transactions are timed. */
export function observedStore(store: Store, metrics: RuntimeMetrics): Pick<Store, 'commit' | 'recorded'> {
  return {
    recorded: (opIds) => store.recorded(opIds),
    commit(changes, operations) {
      const start = performance.now()
      let failed = true
      try {
        store.commit(changes, operations)
        failed = false
      } finally {
        metrics.committed((performance.now() - start) / 1000, failed)
      }
    },
  }
}
