import { Command, Flags } from '@oclif/core'

export default class RuntimeStart extends Command {
  static override summary = 'Run the reference runtime: a lobby world server on this machine.'
  static override description =
    `Serves one world from a data folder, which is made when it is not there. The admin code comes from the environment
variable ADMIN_CODE; without one, everything is accepted. SIGINT and SIGTERM stop it cleanly.`
  static override examples = [
    'ADMIN_CODE=… <%= config.bin %> <%= command.id %> --data ./world-data --world-id my-world',
  ]
  static override flags = {
    data: Flags.string({ summary: 'Folder that holds the world.', required: true }),
    'world-id': Flags.string({
      summary: 'Identity of the world; a folder that holds another one is refused.',
      required: true,
    }),
    port: Flags.integer({ summary: 'Port to listen on; 0 takes a free one.', default: 3000, min: 0, max: 65535 }),
    host: Flags.string({ summary: 'Address to listen on.', default: '127.0.0.1' }),
    'public-url': Flags.string({ summary: 'Base URL that clients reach it under, behind a proxy.' }),
    retain: Flags.integer({ summary: 'Operations that the feed keeps; all by default.', min: 1 }),
    'max-upload': Flags.integer({ summary: 'Megabytes of one upload.', default: 12, min: 1 }),
    metrics: Flags.boolean({
      summary: 'Serve figures for Prometheus at /metrics, without a code.',
      default: true,
      allowNo: true,
    }),
    capabilities: Flags.string({
      summary: "Capabilities to offer, comma-separated, or 'none' to answer like a server without them.",
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(RuntimeStart)
    const { startRuntime } = await import('../../runtime/index.ts')
    const { capabilities } = flags
    const runtime = await startRuntime({
      dataDir: flags.data,
      worldId: flags['world-id'],
      port: flags.port,
      host: flags.host,
      adminCode: process.env.ADMIN_CODE,
      publicUrl: flags['public-url'],
      retention: flags.retain,
      maxUploadMegabytes: flags['max-upload'],
      metrics: flags.metrics,
      capabilities: capabilities === 'none' ? [] : capabilities?.split(',').map((name) => name.trim()),
    })
    this.log(`World '${flags['world-id']}' is served at ${runtime.url}`)
    if (!process.env.ADMIN_CODE) this.log('No ADMIN_CODE is set: everybody who can reach it may change the world.')
    await new Promise<void>((resolve) => {
      process.once('SIGINT', () => resolve())
      process.once('SIGTERM', () => resolve())
    })
    await runtime.close()
  }
}
