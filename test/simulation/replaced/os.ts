/** `node:os` in the bundle: every machine has the same name, so that locks are told apart by process. */
export const hostname = (): string => 'simulated'
export const tmpdir = (): string => '/tmp'
export const userInfo = (): { readonly username: string } => ({ username: 'somebody' })
export const homedir = (): string => '/home'
