/** The API, typed by its own description. Every call either gives data or throws an `ApiError` in both languages. */
import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './schema'
import { session } from './session.svelte'
import type { Words } from './types'

export class ApiError extends Error {
  constructor(
    /** The answer's status; 0: there was no answer. */
    readonly status: number,
    readonly said: Words,
    /** Fields that could not be used, as the server names them. */
    readonly fields: { field: string; message: string }[] = [],
  ) {
    super(said.en)
  }

  /** Nobody answered, or only for now: sending it again later may do. */
  get isAway(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

const AWAY: Words = {
  zh: '服务器没有应答，请检查网络后重试',
  en: 'The server does not answer. Look at the network and try again.',
}
const TIMEOUT_MS = 15_000

interface ProblemBody {
  detail?: string
  detail_zh?: string
  title?: string
  errors?: { field: string; message: string }[] | null
}

/** What an answer that is no success says. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body: ProblemBody = await response.json().catch(() => ({}))
  const en = body.detail ?? body.title ?? `${response.status}`
  return new ApiError(response.status, { zh: body.detail_zh ?? en, en }, body.errors ?? [])
}

const refusals: Middleware = {
  async onResponse({ response }) {
    if (response.status === 401) session.ended = true
    if (!response.ok) throw await errorOf(response)
  },
  onError({ error }) {
    return error instanceof ApiError ? error : new ApiError(0, AWAY)
  },
}

/** The typed client: `await api.GET('/api/v1/sites/{site}/devices', {params: {path: {site}}})`. */
export const api = createClient<paths>({
  baseUrl: '',
  fetch: (request) => globalThis.fetch(new Request(request, { signal: AbortSignal.timeout(TIMEOUT_MS) })),
})
api.use(refusals)

/** Lists named by a path of a site, for the many that need nothing but a query. Untyped names do not compile. */
export type SitePath = keyof paths & `/api/v1/sites/{site}/${string}`

/** Signs in with the access token. */
export async function signIn(token: string): Promise<void> {
  await api.POST('/api/v1/session', { body: { token } })
}
