/** `node:crypto` in the bundle: hashes as they are, randomness from the seed. */
export { createHash, hash, timingSafeEqual } from 'node:crypto'
export { randomBytes, randomUUID } from '../environment.ts'
