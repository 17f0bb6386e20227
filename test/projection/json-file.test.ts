import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatJson, parseJsonFile } from '../../src/projection/json-file.ts'
import { findSyntaxProblem } from '../../src/projection/json-syntax.ts'
import { type JsonObject, jsonEquals } from '../../src/world/json.ts'
import { json } from './worlds.ts'

describe('parseJsonFile', () => {
  test.each([
    ['{ "a": 1, }', 1, 11, "a comma before '}' is not allowed"],
    ['{\n  "a": [1, 2,]\n}', 2, 14, "a comma before ']' is not allowed"],
    ['{\r\n  "a": tru\r\n}', 2, 8, "expected a value, found 't'"],
    ['{\n  a: 1\n}', 2, 3, "expected a key in double quotes, found 'a'"],
    ['{ "a" 1 }', 1, 7, "expected ':', found '1'"],
    ['{ "a": 1 "b": 2 }', 1, 10, "expected ',' or '}', found '\"'"],
    ['{ "a": [1 2] }', 1, 11, "expected ',' or ']', found '2'"],
    ['{ "a": "x\ny" }', 1, 10, 'a string is not closed'],
    ['{ "a": "x', 1, 8, 'a string is not closed'],
    ['{ "a": "\\x" }', 1, 9, 'an unknown escape in a string'],
    ['{ "a": "\\u12g4" }', 1, 9, 'an unknown escape in a string'],
    ['{ "a": "\t" }', 1, 9, 'a control character in a string'],
    ['{ "a": \'x\' }', 1, 8, 'strings need double quotes'],
    ['{ "a": 1 } x', 1, 12, 'unexpected text after the end of the document'],
    ['{ "a": 1', 1, 9, "expected ',' or '}' before the end of the file"],
    ['{ "a": ', 1, 8, 'unexpected end of the file'],
    ['', 1, 1, 'unexpected end of the file'],
    ['{ "a": 01 }', 1, 9, "expected ',' or '}', found '1'"],
    ['// note\n{}', 1, 1, 'comments are not allowed in JSON'],
    ['{ "a": \u0007 }', 1, 8, 'expected a value, found U+0007'],
  ])('%j', (text, line, column, message) => {
    expect(parseJsonFile('f.json', text)).toEqual({
      kind: 'invalid',
      problem: { path: 'f.json', code: 'syntax', line, column, message },
    })
  })

  test.each(['<<<<<<< ours', '||||||| base', '>>>>>>> theirs', '<<<<<<<', '>>>>>>> a\r'])(
    'conflict markers: %j',
    (marker) => {
      const read = parseJsonFile('f.json', `{\n${marker}\n  "a": 1\n}`)
      expect(read).toMatchObject({ problem: { code: 'conflict_markers', line: 2, column: 1 } })
    },
  )

  test('marker text inside a string is text', () => {
    expect(parseJsonFile('f.json', '{"a":"<<<<<<< ours"}').kind).toBe('ok')
  })

  test('a byte order mark and CRLF are tolerated, in bytes and in text', () => {
    const text = '\ufeff{\r\n"a": 1\r\n}\r\n'
    for (const content of [text, new TextEncoder().encode(text)]) {
      expect(parseJsonFile('f.json', content)).toMatchObject({ kind: 'ok', value: { a: 1 } })
    }
  })

  test.each(['[]', '1', 'null', '"x"', 'true'])('%s is no object', (text) => {
    expect(parseJsonFile('f.json', text)).toMatchObject({
      problem: { code: 'invalid', message: 'is not a JSON object' },
    })
  })

  test('depth and numbers are bounded (S3)', () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    expect(parseJsonFile('f.json', nested(200)).kind).toBe('ok')
    expect(parseJsonFile('f.json', nested(201))).toMatchObject({ problem: { message: 'is nested too deeply' } })
    expect(parseJsonFile('f.json', `{"a":${'['.repeat(500_000)}`).kind).toBe('invalid')
    expect(parseJsonFile('f.json', nested(100_000)).kind).toBe('invalid')
    expect(parseJsonFile('f.json', '{"a":1e999}')).toMatchObject({
      problem: { message: 'holds a number that is too large' },
    })
  })

  test('bytes that are no UTF-8 are refused', () => {
    expect(parseJsonFile('f.json', Uint8Array.of(0x7b, 0xff, 0x7d))).toMatchObject({
      problem: { message: 'is not UTF-8 text' },
    })
  })

  test('hostile keys are data', () => {
    const read = parseJsonFile('f.json', '{"__proto__": {"polluted": 1}, "constructor": 2, "toString": 3}')
    if (read.kind !== 'ok') throw new Error('parses')
    expect(Object.keys(read.value)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.hasOwn({}, 'polluted')).toBe(false)
  })
})

test('the scanner agrees with JSON.parse on what is JSON', () => {
  const text = fc.oneof(
    json.map((value) => JSON.stringify(value, null, 1)),
    json.chain((value) => {
      const whole = JSON.stringify(value)
      return fc
        .nat({ max: whole.length })
        .chain((at) => fc.string({ maxLength: 2 }).map((s) => whole.slice(0, at) + s + whole.slice(at + 1)))
    }),
    fc.string({ unit: fc.constantFrom(...'{}[]",:0.-e1\\ntrue '), maxLength: 12 }),
  )
  fc.assert(
    fc.property(text, (source) => {
      let parses = true
      try {
        JSON.parse(source)
      } catch {
        parses = false
      }
      expect(findSyntaxProblem(source) === undefined).toBe(parses)
    }),
    { numRuns: 3000 },
  )
})

describe('formatJson', () => {
  const object = json.filter(
    (value): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value),
  )

  test('what is written is read back, in both styles', () => {
    fc.assert(
      fc.property(object, fc.boolean(), (value, inlineNumbers) => {
        const text = formatJson(value, { inlineNumbers })
        expect(text.endsWith('}\n')).toBe(true)
        const read = parseJsonFile('f.json', text)
        expect(read.kind === 'ok' && jsonEquals(read.value, value)).toBe(true)
        if (read.kind === 'ok') expect(formatJson(read.value, { inlineNumbers })).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  test('the two styles differ in numeric arrays only', () => {
    const value = { a: [1, -2.5, 1e21], b: [], c: {}, d: [1, '2'], e: [[1], [2]] }
    expect(formatJson(value, { inlineNumbers: true })).toBe(
      '{\n  "a": [1, -2.5, 1e+21],\n  "b": [],\n  "c": {},\n  "d": [\n    1,\n    "2"\n  ],\n  "e": [\n    [1],\n    [2]\n  ]\n}\n',
    )
    expect(formatJson(value, { inlineNumbers: false })).toBe(`${JSON.stringify(value, null, 2)}\n`)
  })
})
