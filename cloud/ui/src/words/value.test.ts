import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figureIn, inLanguage, spanIn, valueIn, wordsOf, type Shown } from './value.ts'

const BREAKER: Shown[] = [
  { value: 0, words: { zh: '分闸', en: 'open' } },
  { value: 1, words: { zh: '合闸', en: 'closed' } },
  { value: -1, words: { zh: '故障', en: '' } },
]

const shown = (value: number | null, unit = '') => (['zh', 'en'] as const).map((one) => valueIn(one, value, unit, wordsOf(value, BREAKER)))

for (const [value, unit, zh, en] of [
  [0, '', '分闸', 'open'],
  [1, '', '合闸', 'closed'],
  [1, 'm', '合闸', 'closed'],
  [-1, '', '故障', '故障'],
  [2, '', '2', '2'],
  [0.5, '', '0.5', '0.5'],
  [12, 'm', '12 m', '12 m'],
  [null, '', '–', '–'],
] as const)
  test(`${value} ${unit} is shown by its words in both languages, or as its number`, () => assert.deepEqual(shown(value, unit), [zh, en]))

test('no value has the words of another, however near it is', () => {
  for (let value = -3; value <= 3; value += 0.125) {
    const known = BREAKER.find((one) => one.value === value)
    assert.equal(wordsOf(value, BREAKER), known?.words ?? null)
    if (!known) assert.equal(valueIn('en', value, 'V', wordsOf(value, BREAKER)), figureIn('en', value, 'V'))
  }
})

test('words without a language are no words', () => {
  assert.equal(inLanguage({ zh: '', en: '' }, 'zh'), '')
  assert.equal(valueIn('zh', 3, 'V', { zh: '', en: '' }), '3 V')
  assert.equal(valueIn('zh', 3, 'V'), '3 V')
})

test('a while in which a switch moved is shown from one to the other', () => {
  assert.equal(spanIn('zh', 0, 1, '', BREAKER), '分闸 – 合闸')
  assert.equal(spanIn('en', 1, 1, '', BREAKER), 'closed')
  assert.equal(spanIn('en', 1, 3, '', BREAKER), 'closed – 3')
})
