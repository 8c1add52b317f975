import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { pointsOf, reasonsOf, type Data } from './reasons.ts'

const words = JSON.parse(readFileSync(new URL('./why.json', import.meta.url), 'utf8')) as Record<string, [string, string]>
const has = (word: string) => word in words
const fill = (text: string, gaps: Record<string, string | number>) => text.replace(/\{(\w+)\}/g, (gap, name: string) => String(gaps[name] ?? gap))
const said = (data: Data) =>
  [0, 1].map((language) => reasonsOf(data, has).map((one) => (one.word ? fill(words[one.word]![language]!, one.gaps) : one.text)).join('; '))

const TOLD: [string, Data, string, string][] = [
  ['a poll that is too slow', { state: 'active', points: 'input_1', causes: 'read_too_rarely', count: 1 }, '读取太慢，可能漏掉变化', 'read too rarely to see each change'],
  ['a refusal', { causes: 'exception_2, out_of_range', points: 'a, b', count: 2 }, '设备拒绝读取（异常码 2）; 超出合理范围', 'the device refuses to be read (exception 2); out of its range'],
  ['a message', { state: 'active', cause: 'expected_number', at: 't', found: 'x', why: "t: expected a number, found 'x'" }, 't 应为数字，收到“x”', 't: expected a number, found “x”'],
  ['a blind while', { cause: 'restart', why: 'the agent was started again', blind_ms: 4_000 }, '网关重新启动', 'the agent was started again'],
  ['a blind while told by an agent of earlier days', { why: 'spool_full' }, '网关磁盘写不下', "the agent's disk could not take it"],
  ['a sentence of an agent of earlier days', { why: 'line down: /dev/ttyUSB0' }, 'line down: /dev/ttyUSB0', 'line down: /dev/ttyUSB0'],
  ["a profile's own word", { causes: 'sensor_wet' }, 'sensor wet', 'sensor wet'],
  ['an agent that is not acknowledged', { what: 'uplink', state: 'active', silent_ms: 9 }, '网关的数据长时间没有得到平台确认', 'the cloud has not acknowledged what the agent sends'],
  ['a time that can not be', { clock: 'impossible', device_at: 4 }, '设备时间不可能，按收到时间记', 'its own time can\'t be; dated when it was heard'],
  ['nothing', { state: 'cleared' }, '', ''],
  ['what is not of reasons', { what: 'main_power', why: '' }, '', ''],
]
for (const [name, data, zh, en] of TOLD) test(`${name} is told in both languages`, () => assert.deepEqual(said(data), [zh, en]))

test('the points that a reason is about are named, with how many more there are', () => {
  assert.deepEqual(pointsOf({ point: 'battery_level', count: 7 }), { names: ['battery_level'], count: 1 })
  assert.deepEqual(pointsOf({ points: 'a, b', count: 9 }), { names: ['a', 'b'], count: 9 })
  assert.deepEqual(pointsOf({}), { names: [], count: 0 })
})
