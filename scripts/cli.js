// What bin/run.js starts, bundled into dist/cli.js: oclif from one file instead of two hundred.
export { execute } from '@oclif/core'
