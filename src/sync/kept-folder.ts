/** Where conflicts are committed that a pull kept open, relative to the project (C6, G13). */
export const KEPT_FOLDER = 'lobby.conflicts'
