/** `npm run test:long` runs every case of what `npm test` only samples. */
export const LONG = process.env.LONG === 'all'

/** Milliseconds for a test that begins many processes, on a machine that is busy. */
export const PATIENCE = LONG ? 7_200_000 : 240_000
