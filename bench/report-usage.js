// Preloaded into a command whose memory is measured (node --import).
import { writeFileSync } from 'node:fs'

process.on('exit', () => {
  writeFileSync(process.env.GAMEDEV_BENCH_USAGE, String(process.resourceUsage().maxRSS * 1024))
})
