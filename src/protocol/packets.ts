/** The packet table of the admin WebSocket (protocol, section 5). Unknown ids are ignored. */
export const PACKETS = {
  snapshot: 0,
  blueprintAdded: 4,
  blueprintModified: 5,
  entityAdded: 6,
  entityModified: 7,
  entityRemoved: 9,
  settingsModified: 16,
  spawnModified: 17,
  blueprintRemoved: 22,
  adminAuth: 23,
  adminAuthOk: 24,
  adminAuthError: 25,
  adminCommand: 26,
  adminResult: 27,
  playerJoined: 28,
  playerUpdated: 29,
  playerLeft: 30,
} as const

export type PacketName = keyof typeof PACKETS

const NAMES = new Map<number, PacketName>(Object.entries(PACKETS).map(([name, id]) => [id, name as PacketName]))

export function packetName(id: number): PacketName | undefined {
  return NAMES.get(id)
}
