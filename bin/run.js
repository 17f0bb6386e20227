#!/usr/bin/env node
import module from 'node:module'

// Node 22.1 and later keep compiled code between runs.
module.enableCompileCache?.()

const { execute } = await import('../dist/cli.js')
await execute({ dir: import.meta.url })
