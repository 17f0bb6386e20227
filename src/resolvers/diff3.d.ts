declare module 'diff3' {
  type Hunk<T> =
    | { readonly ok: readonly T[] }
    | { readonly conflict: { readonly a: readonly T[]; readonly o: readonly T[]; readonly b: readonly T[] } }
  /** Three-way merge of sequences: ours, base, theirs. */
  export default function diff3Merge<T>(a: readonly T[], o: readonly T[], b: readonly T[]): readonly Hunk<T>[]
}
