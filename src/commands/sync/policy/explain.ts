import { Args } from '@oclif/core'
import { fieldName, oneLine } from '../../../cli/render.ts'
import { SyncCommand } from '../../../cli/sync-command.ts'
import type { CitedRule, ExplainedField, PolicyExplanation } from '../../../sync/policy-explain.ts'

export default class Explain extends SyncCommand<unknown> {
  static override summary = 'Say which side wins what both sides changed, and which rule says so'
  static override description =
    'Reads the policy of lobby.json and the object as it is in the last commit; asks no server. Without a field, the object as a whole is explained, and the fields that are treated otherwise.'
  static override examples = [
    '<%= config.bin %> sync policy explain lamp-entrance',
    '<%= config.bin %> sync policy explain settings title',
    '<%= config.bin %> sync policy explain blueprint:Lamp scriptFiles.index.js --json',
    '<%= config.bin %> sync policy explain entity:not-there-yet props.color',
  ]
  static override args = {
    id: Args.string({
      required: true,
      description:
        'Id of an entity or a blueprint ("entity:" or "blueprint:" tells them apart, and is needed for one that does not exist yet), "shared:<path>", "settings" or "spawn"',
    }),
    field: Args.string({ description: 'Only this field: keys with dots between them, or a list of keys as JSON' }),
  }

  override async run(): Promise<unknown> {
    const { args } = await this.parse(Explain)
    const { explainPolicy } = await import('../../../sync/policy-explain.ts')
    const explanation = await explainPolicy(this.context(), args.id, args.field)
    this.#show(explanation)
    return json(explanation)
  }

  #show({ key, path, scope, managedBy, asked, present, exceptions, alike }: PolicyExplanation): void {
    this.say(oneLine(key, 200))
    if (path === undefined) {
      this.say('  not in the last commit: scope and managedBy are unknown, and no rule about a scope applies')
    } else {
      this.say(`  file: ${oneLine(path, 300)}`)
      this.say(`  scope: ${scope === undefined ? 'none' : oneLine(scope, 200)}`)
      this.say(`  managedBy: ${managedBy === undefined ? 'none' : oneLine(managedBy, 200)}`)
    }
    this.#field(asked)
    if (path !== undefined && !present) this.say('    (The object does not have this field now.)')
    if (alike.length > 0) this.say(`    So ${alike.length === 1 ? 'is' : 'are'} ${oneLine(alike.join(', '), 500)}.`)
    for (const exception of exceptions) this.#field(exception)
  }

  #field(field: ExplainedField): void {
    const name = field.path.length === 0 ? 'the object' : oneLine(fieldName(field.path), 200)
    this.say(`  ${name}: ${field.owner}, by ${reason(field)}`)
    if (field.mergeRule !== undefined) this.say(`    merged as a set, by ${cited(field.mergeRule)}`)
    this.say(`    ${field.meaning}`)
  }
}

function reason({ because, rule, owner }: ExplainedField): string {
  if (rule !== undefined) return cited(rule)
  if (because === 'managedBy') return `managedBy of the object, which is ${owner}`
  if (because === 'state' || because === 'uid') return 'what it is: no rule can change that'
  return 'default: no rule says otherwise, nor does managedBy of the object'
}

/** People count from one. */
function cited({ index, rule }: CitedRule): string {
  return `rule ${index + 1} of lobby.json: ${JSON.stringify(rule, null, 1).replace(/\n\s*/g, ' ')}`
}

function json(explanation: PolicyExplanation): unknown {
  const { key, kind, id, path, scope, managedBy, asked, present, exceptions, alike } = explanation
  return {
    object: key,
    type: kind,
    id,
    path: path ?? null,
    scope: scope ?? null,
    managedBy: managedBy ?? null,
    present,
    ...fieldJson(asked),
    alike,
    exceptions: exceptions.map(fieldJson),
  }
}

function fieldJson({ path, owner, because, rule, merge, mergeRule, meaning }: ExplainedField) {
  return {
    field: path.length === 0 ? null : fieldName(path),
    owner,
    because,
    rule: rule ?? null,
    merge: merge ?? null,
    mergeRule: mergeRule ?? null,
    meaning,
  }
}
