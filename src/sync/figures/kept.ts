/**
 * What is counted, and where it is kept. Imported as a whole, by every command, so that the build makes one file of it: many
 * small ones cost more to find than to run.
 */
export { type Attributes, type Count, countsOf } from './count.ts'
export { BOUNDS, FIGURES, type Figure, type FigureName } from './figures.ts'
export { figuresFolder, type Kept, keepRun, readKept } from './store.ts'
export { type Histogram, type Point, Sums } from './sums.ts'
