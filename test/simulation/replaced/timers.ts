/** `node:timers/promises` in the bundle. */
export { delay as setTimeout } from '../environment.ts'
