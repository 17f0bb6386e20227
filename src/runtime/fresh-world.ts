import type { JsonObject } from '../world/json.ts'

/** Settings of a fresh world; the snapshot carries exactly these keys (protocol, section 4). */
export const DEFAULT_SETTINGS: JsonObject = {
  desc: null,
  title: null,
  image: null,
  avatar: null,
  customAvatars: false,
  voice: 'spatial',
  rank: 0,
  playerLimit: 0,
  ao: true,
}

export const DEFAULT_SPAWN: JsonObject = { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }

/** True for a key that snapshots carry; any other is acknowledged and recorded, but never kept. */
export function isSettingsKey(key: string): boolean {
  return Object.hasOwn(DEFAULT_SETTINGS, key)
}

/** The `$scene` singleton of every fresh world, with our built-in assets. */
export function sceneBlueprint(now: string, uid: string): JsonObject {
  return {
    id: '$scene',
    version: 0,
    name: 'Scene',
    image: null,
    author: null,
    url: null,
    desc: null,
    model: 'asset://Model.glb',
    script: 'asset://scene.js',
    scriptEntry: 'scene.js',
    scriptFiles: { 'scene.js': 'asset://scene.js' },
    scriptFormat: 'module',
    props: {
      hour: 4,
      period: 'pm',
      intensity: 1,
      sky: { url: 'asset://sky.jpg' },
      hdr: { url: 'asset://sky.hdr' },
      verticalRotation: 40,
      horizontalRotation: 230,
      rotationY: 0,
      fogNear: 450,
      fogFar: 1000,
      fogColor: '#97b4d3',
    },
    preload: true,
    public: false,
    locked: false,
    frozen: false,
    unique: true,
    scene: true,
    disabled: false,
    keep: true,
    createdAt: now,
    uid,
    scope: 'global',
    managedBy: 'shared',
    ...byRuntime(now),
  }
}

/** The one entity of a fresh world. */
export function sceneEntity(now: string, id: string, uid: string): JsonObject {
  return {
    id,
    type: 'app',
    blueprint: '$scene',
    position: [0, 0, 0],
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    mover: null,
    uploader: null,
    pinned: false,
    props: {},
    state: {},
    uid,
    scope: 'global',
    managedBy: 'shared',
    ...byRuntime(now),
  }
}

function byRuntime(now: string): JsonObject {
  return { updatedAt: now, updatedBy: 'runtime', updateSource: 'runtime', lastOpId: null }
}
