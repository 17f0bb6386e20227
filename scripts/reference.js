// Writes docs/reference.md from the commands themselves: every command with its arguments, flags and exit codes.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensure } from './ensure.js'

/** What each exit code means; the same table stands in docs/architecture.md. */
const EXIT_CODES = {
  0: 'done, or nothing to do',
  1: 'an error, invalid files included',
  2: 'conflicts are open',
  3: 'rejected: the world changed the same fields; pull first',
  4: 'the world cannot be reached, or does not accept the admin code',
  5: 'refused by a safety rule or a switch',
}

/** The codes that a command can end with; those that are not named here are {@link USUAL}. */
const CODES = {
  'runtime:seed': [0, 1, 5],
  'runtime:start': [0, 1, 5],
  'sync:check': [0, 1, 2, 5],
  'sync:conflicts': [0, 1, 2],
  'sync:doctor': [0, 1, 4, 5],
  'sync:hooks:install': [0, 1],
  'sync:hooks:uninstall': [0, 1],
  'sync:init': [0, 1, 2, 4, 5],
  'sync:layout': [0, 1, 2, 4, 5],
  'sync:log': [0, 1],
  'sync:merge-driver': [0, 1],
  'sync:metrics': [0, 1],
  'sync:policy:explain': [0, 1],
  'sync:pull': [0, 1, 2, 4, 5],
  'sync:promote': [0, 1, 2, 3, 4, 5],
  'sync:push': [0, 1, 2, 3, 4, 5],
  'sync:resolve': [0, 1, 2, 5],
  'sync:revert': [0, 1, 2, 3, 4, 5],
  'sync:rollback': [0, 1, 3, 4, 5],
  'sync:targets': [0, 1],
}
const USUAL = [0, 1, 4, 5]

/** Flags that mean the same everywhere stand in one place. */
const isGlobal = (flag) => flag.helpGroup === 'GLOBAL'

/**
 * The text of docs/reference.md.
 *
 * @param {{ readonly commands: Readonly<Record<string, any>> }} manifest as the build writes it
 * @returns {string}
 */
export function reference(manifest) {
  const ids = Object.keys(manifest.commands)
    .filter((id) => !manifest.commands[id].hidden)
    .sort()
  const commands = ids.map((id) => manifest.commands[id])
  const globals = new Map(
    commands.flatMap((command) =>
      Object.values(command.flags)
        .filter(isGlobal)
        .map((flag) => [flag.name, flag]),
    ),
  )
  return `${[
    '# Commands',
    'This page is made by `npm run reference` from the commands themselves; `gamedev <command> --help` says the same.',
    '## Exit codes',
    table(['code', 'meaning'], Object.entries(EXIT_CODES)),
    'A command line that cannot be parsed ends with 2 as well, and says what is wrong with it. Ctrl-C ends a command at a safe place with 130 (SIGTERM: 143); the next run completes what is half done.',
    '## Flags of several commands',
    table(['flag', 'meaning'], [...globals.values()].sort(byName).map(flagRow)),
    'With `--json` a command prints one JSON document with the same facts, errors as `{ "error": { "code", "message", "hint", "data" } }`; warnings and progress go to standard error.',
    ...ids.flatMap((id) => section(id, manifest.commands[id])),
  ].join('\n\n')}\n`
}

function section(id, command) {
  const name = id.replaceAll(':', ' ')
  const args = Object.values(command.args)
  const flags = Object.values(command.flags)
  const own = flags.filter((flag) => !isGlobal(flag) && !flag.hidden).sort(byName)
  const globals = flags.filter(isGlobal).sort(byName)
  const usage = ['gamedev', name, ...args.map(({ name, required }) => (required ? `<${name}>` : `[${name}]`))]
  const required = own.filter((flag) => flag.required).map((flag) => `--${flag.name} <value>`)
  const rows = [...args.map(({ name, description }) => [`\`${name}\``, cell(description)]), ...own.map(flagRow)]
  const also = globals.length === 0 ? [] : [`Also: ${globals.map((flag) => `\`--${flag.name}\``).join(', ')}.`]
  const examples = (command.examples ?? []).map((example) => text(String(example), name))
  return [
    `## gamedev ${name}`,
    sentence(command.summary),
    ...(command.description ? [text(command.description, name)] : []),
    fence([[...usage, ...required].join(' ')]),
    ...(rows.length === 0 ? [] : [table(['argument or flag', 'meaning'], rows)]),
    ...also,
    `Exit codes: ${(CODES[id] ?? USUAL).join(', ')}.`,
    ...(examples.length === 0 ? [] : [fence(examples)]),
  ]
}

function flagRow(flag) {
  const names = [flag.char && `-${flag.char}`, flag.allowNo ? `--[no-]${flag.name}` : `--${flag.name}`].filter(Boolean)
  const value = flag.type === 'option' ? ` <${flag.helpValue ?? 'value'}>` : ''
  const notes = [
    sentence(flag.summary ?? flag.description ?? ''),
    flag.required && 'Required.',
    flag.multiple && 'May be given several times.',
    flag.default !== undefined &&
      flag.default !== false &&
      !Array.isArray(flag.default) &&
      `Default: \`${flag.default}\`.`,
  ]
  return [`\`${names.join(', ')}${value}\``, cell(notes.filter(Boolean).join(' '))]
}

/** Columns are padded, as the formatter wants them. */
function table(head, rows) {
  const widths = head.map((name, column) =>
    Math.max(3, ...[name, ...rows.map((row) => row[column])].map((cell) => cell.length)),
  )
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function fence(lines) {
  return ['```sh', ...lines, '```'].join('\n')
}

function text(template, name) {
  return template
    .replaceAll('<%= config.bin %>', 'gamedev')
    .replaceAll('<%= command.id %>', name)
    .replace(/(?<=[^\n])\n(?=[^\n])/g, ' ')
}

function cell(value) {
  return String(value ?? '')
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ')
}

function sentence(value) {
  return /[.!?]$/.test(value) || value === '' ? value : `${value}.`
}

function byName(a, b) {
  return a.name < b.name ? -1 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  ensure(root)
  const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'))
  writeFileSync(join(root, 'docs', 'reference.md'), reference(manifest))
}
