/**
 * Has git flush to disk what a ref will name before the ref moves, and the ref itself (G1). Indexes of packs are named
 * although git's default has them: a user's own setting must not take them away.
 */
export const DURABLE = ['-c', 'core.fsync=committed,derived-metadata,loose-object,reference'] as const

/**
 * Up to this many objects become loose files, more stay a pack. Each loose file is flushed by itself: a hundred take
 * three times as long as a pack of them, while a pack for every few objects would slow all reading until maintenance.
 */
export const MOST_LOOSE = 32
