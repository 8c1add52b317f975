import assert from 'node:assert/strict'
import { test } from 'node:test'
import { telling, type Value } from './values.ts'

const value = (point: string, words: Value['words']) => ({ point, words }) as Value

test('what has words comes before numbers, and either keeps its order', () => {
  const on = { zh: '合闸', en: 'closed' }
  const values = [value('voltage', null), value('breaker', on), value('current', null), value('mode', on)]
  assert.deepEqual(telling(values).map((one) => one.point), ['breaker', 'mode', 'voltage', 'current'])
})
