import { createHash } from 'node:crypto'
import { Agent } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { testRuntime } from '../runtime/support.ts'
import { CODE } from './case.ts'
import { caseOf } from './cases.ts'
import { openLedger } from './ledger.ts'
import { perform } from './perform.ts'

test('a seed says what is sent', () => {
  const cases = Array.from({ length: 100 }, (_, index) => caseOf(7, index))
  const digest = (one: unknown) => createHash('sha256').update(JSON.stringify(one)).digest('hex')
  expect(cases.map((_, index) => digest(caseOf(7, index)))).toEqual(cases.map(digest))
  expect(new Set(cases.map(digest)).size).toBeGreaterThan(95)
  expect(new Set(cases.map(({ kind }) => kind)).size).toBe(3)
})

test('a short storm: every refusal has its reason, and the world is what the feed says', async () => {
  const reports: unknown[] = []
  const limits = { headMs: 200, requestMs: 400, lingerMs: 50 }
  const runtime = await testRuntime({ adminCode: CODE, limits, metrics: true, report: (error) => reports.push(error) })
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  const target = { url: runtime.url, agent, secrets: [] }
  const ledger = openLedger()
  expect(await ledger.audit(target)).toEqual([])
  const problems = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      const outcome = await perform(target, caseOf(1, index))
      ledger.acknowledge(outcome.acknowledged)
      return outcome.problems
    }),
  )
  expect(problems.flat()).toEqual([])
  expect(await ledger.audit(target)).toEqual([])
  expect(ledger.head).toBeGreaterThan(20)
  expect(reports).toEqual([])
})
