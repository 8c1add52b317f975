/** What people do: one action, sent once however often it is tried. */
import { api, ApiError } from './client'
import type { Action, Answer } from './types'

export interface Doing {
  person: string
  action: Action
  /** When it was done, ms of the server's time; now, where it is left out. */
  at?: number
  /** Makes it happen once. */
  id?: string
  /** The revision that the person had before their eyes. */
  expects?: number
}

/**
 * Does it, and gives the server's answer; null: taken, not decided within its three seconds.
 *
 * @throws ApiError it was refused, or nobody answered.
 */
export async function send(site: string, doing: Doing): Promise<Answer | null> {
  const { person, action, at, expects, id = crypto.randomUUID() } = doing
  const { data, response } = await api.POST('/api/v1/sites/{site}/actions', {
    params: { path: { site }, header: { 'idempotency-key': id, ...(expects === undefined ? {} : { 'if-match': `"${expects}"` }) } },
    body: { person, action, ...(at === undefined ? {} : { at }) } as never,
  })
  if (response.status === 202) return null
  if (!data) throw new ApiError(response.status, { zh: '服务器应答异常', en: 'The server answers oddly' })
  return data as Answer
}
