/**
 * What tells git where its repository is, and what changes the meaning of its objects and paths. Hooks and aliases
 * export these; a child of ours must find the repository it was opened for. Configuration (`GIT_CONFIG_*`), identity
 * and ssh settings stay: they are the user's.
 */
const LEAKED = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_COMMON_DIR',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_QUARANTINE_PATH',
  'GIT_NAMESPACE',
  'GIT_PREFIX',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_GRAFT_FILE',
  'GIT_REPLACE_REF_BASE',
  'GIT_CONFIG',
  'GIT_DEFAULT_HASH',
  'GIT_LITERAL_PATHSPECS',
  'GIT_GLOB_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_ICASE_PATHSPECS',
  'GIT_REFLOG_ACTION',
]

/** The environment of every git child: this process's, without what leaks from hooks, speaking plain English. */
export function gitEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env }
  for (const name of LEAKED) delete env[name]
  return {
    ...env,
    LC_ALL: 'C',
    // Reading must not take locks that a user's own git would trip over.
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    // An id means the object of that id, whatever refs/replace says.
    GIT_NO_REPLACE_OBJECTS: '1',
    ...extra,
  }
}
