// The API's lists. A refusal for want of a token is told apart, since then somebody has to sign in.

export class NoAccess extends Error {}

export async function get(path, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [].concat(value)) search.append(name, one);
  }
  const response = await fetch(`/api/v1/${path}?${search}`, { signal: AbortSignal.timeout(10000) });
  if (response.status === 401) throw new NoAccess(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

export async function signIn(token) {
  const response = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  return response.status;
}
