import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentenceOf } from './sentences.ts'

const CAUSES: [string, string, Record<string, string>][] = [
  ['silent', 'cause.silent', {}],
  ['numbers 3 to 9 are missing', 'cause.numbers', { first: '3', last: '9' }],
  ['numbers 4, 7-9 are lost: its spool was damaged', 'cause.lost', { ranges: '4, 7-9' }],
  ['its disk is full: it keeps taking alarms, but refuses the rest', 'cause.disk_full', {}],
  ['the site has no agent gw-9', 'cause.no_agent', { agent: 'gw-9' }],
  ['gw-2 told of fire-panel, which is read by gw-1', 'cause.other_agent', { agent: 'gw-2', device: 'fire-panel', owner: 'gw-1' }],
  ['gw-2 told of desk, which only people at their screens tell of', 'cause.desk_only', { agent: 'gw-2', device: 'desk' }],
  ['gw-2 told of cp-9, which is on no line of any agent', 'cause.no_line', { agent: 'gw-2', device: 'cp-9' }],
  ['gw-2 told operator.closed of cp-1, which only people at their screens tell', 'cause.desk_event', { agent: 'gw-2', event: 'operator.closed', device: 'cp-1' }],
  ["says it is of 'gw-1' but was sent by 'gw-2'", 'cause.other_name', { said: 'gw-1', agent: 'gw-2' }],
]
for (const [cause, word, gaps] of CAUSES)
  test(`a cause is known by its sentence: ${cause}`, () => assert.deepEqual(sentenceOf(cause), { word, gaps }))

test('another cause is none of the sentences', () => assert.equal(sentenceOf('fire.alarm'), null))
