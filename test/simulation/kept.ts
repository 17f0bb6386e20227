import type { Case } from './shrink.ts'

/** Runs that failed once, as small as they could be made, and what was wrong. */
export const KEPT: readonly (Case & { readonly was: string })[] = [
  {
    seed: 190,
    steps: [
      2, 3, 4, 12, 13, 14, 15, 16, 17, 19, 21, 22, 23, 24, 26, 27, 32, 33, 34, 36, 44, 49, 50, 51, 53, 54, 55, 60, 61,
      63, 65, 66, 67, 68, 70, 71, 72, 88,
    ],
    losses: true,
    plain: true,
    was: 'scripts that a crash took, and that somebody deployed over, gave way without a word',
  },
  {
    seed: 2003684,
    steps: [13, 14, 19, 20, 21, 22, 23, 24, 26, 30],
    was: 'an object that was pushed, and removed in the world, came back with the next push of something else',
  },
  {
    seed: 1002025,
    steps: [2, 5, 10, 11, 14, 25, 28, 31, 33, 35, 37, 38, 39, 40, 41, 42, 43, 48, 49, 50, 51, 55],
    was: 'a crash left half of MERGE_HEAD, and the merge was forgotten',
  },
  {
    seed: 2001995,
    steps: [10, 15, 22, 26, 32, 35, 38, 49],
    was: 'a push on its way brought back what a colleague had brought and somebody removed',
  },
  {
    seed: 4002944,
    steps: [4, 6, 7, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 25, 26, 27, 28, 29, 37, 41, 42, 48, 54],
    was: 'an object that git took for another, which both sides had deleted, went with a choice about that one',
  },
  {
    seed: 6010434,
    steps: [2, 5, 7, 8, 9, 12, 13, 14, 16, 17, 18, 28, 30, 31, 36, 37, 38, 39],
    plain: true,
    was: 'a file that a killed recovery had restored by half was taken for an edit, and committed',
  },
  {
    seed: 6000296,
    steps: [0, 1, 2],
    was: 'of an address that a crash had written by half, a push made the script of a blueprint',
  },
  {
    seed: 10000311,
    steps: [6, 8, 16, 17, 18, 19, 20, 21, 23, 25, 29, 30, 31, 32, 33, 34, 35, 36, 38, 40, 43, 54],
    plain: true,
    was: "what somebody had removed and git's merge kept, for its file was moved, a push brought back without a word",
  },
  {
    seed: 2558,
    steps: [2, 5, 7, 9, 10, 11, 12, 17, 24, 25, 26, 28, 40, 41, 45, 46],
    was: 'of two conflicts in one file, a resolve that was killed at the first left what no later one took for its own',
  },
  {
    seed: 4394,
    steps: [2, 34, 43, 44, 47, 48],
    was: 'an edition of a shared module that was deployed while a push was on its way gave way to the one it brought',
  },
]
