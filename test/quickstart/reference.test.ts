import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

interface Reference {
  reference(manifest: unknown): string
}

const { reference } = (await import(pathToFileURL(resolve('scripts/reference.js')).href)) as Reference

test('docs/reference.md says what the commands say; "npm run reference" writes it anew', () => {
  const manifest: unknown = JSON.parse(readFileSync('oclif.manifest.json', 'utf8'))
  expect(readFileSync('docs/reference.md', 'utf8')).toBe(reference(manifest))
})

test('a command is told with its arguments, flags, exit codes and examples', () => {
  const command = {
    summary: 'Do it',
    description: 'With <%= config.bin %>\nand care.',
    args: { what: { name: 'what', description: 'A | or B', required: true } },
    flags: {
      json: { name: 'json', type: 'boolean', description: 'As JSON', helpGroup: 'GLOBAL' },
      fast: { name: 'fast', type: 'boolean', char: 'f', description: 'Hurry', allowNo: true },
      place: { name: 'place', type: 'option', summary: 'Where', required: true, default: 'here' },
    },
    examples: ['<%= config.bin %> <%= command.id %> this --place there'],
  }
  const page = reference({ commands: { 'sync:it': command } })
  expect(page.slice(page.indexOf('## gamedev sync it'))).toBe(`## gamedev sync it

Do it.

With gamedev and care.

\`\`\`sh
gamedev sync it <what> --place <value>
\`\`\`

| argument or flag  | meaning                           |
| ----------------- | --------------------------------- |
| \`what\`            | A \\| or B                         |
| \`-f, --[no-]fast\` | Hurry.                            |
| \`--place <value>\` | Where. Required. Default: \`here\`. |

Also: \`--json\`.

Exit codes: 0, 1, 4, 5.

\`\`\`sh
gamedev sync it this --place there
\`\`\`
`)
})
