"""The door: who may come in, how much they may bring, and what every answer tells the browser to refuse."""

import asyncio
import hashlib
import hmac
import urllib.parse
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.web.options import WebOptions, is_loopback
from cloud.web.problems import problem_response

SESSION_COOKIE: Final = "__Host-sitewarden"
MOST_BODY: Final = 64 * 1024
PIECE_S: Final = 30.0
"""So long may the next piece of a request's body need."""
MOST_FILE: Final = 20 * 1024 * 1024

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/api/v1/session"})
_GUARDED: Final = ("/api/", "/metrics")
"""Behind everything else there is the shell of the pages only, which holds nothing of a site."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
_HSTS: Final = "max-age=31536000"


def session_value(token: str) -> str:
    """What a browser shows that signed in with the token: it does not give the token away."""
    return hmac.new(token.encode(), b"sitewarden session 1", hashlib.sha256).hexdigest()


class Door:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, options: WebOptions) -> None:
        self._app = app
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = _refusal(scope, self._options)
        app = problem_response(*refused, scope["path"]) if refused else self._app
        most = MOST_FILE if scope["path"].endswith("/files") else MOST_BODY
        await app(scope, _at_most(receive, most), _with_headers(scope, send))


def _refusal(scope: Scope, options: WebOptions) -> tuple[int, str] | None:
    headers = Headers(scope=scope)
    if scope["method"] not in _READS and _is_foreign(headers):
        return 403, "a page of another site may not do this"
    if not options.token:
        # A page of another site can make a browser on this machine ask here under its own name; it is
        # refused by that name (DNS rebinding).
        if is_loopback(_host_name(headers.get("host", ""))):
            return None
        return 403, "only this machine is served; ask for localhost or 127.0.0.1"
    path: str = scope["path"]
    if path in _OPEN_PATHS or not path.startswith(_GUARDED) or _shows_token(headers, options.token):
        return None
    return 401, "an access token is needed"


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another site asks. What is no browser says nothing of it."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urllib.parse.urlsplit(origin).netloc != headers.get("host")


def _host_name(host: str) -> str:
    return host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _shows_token(headers: Headers, token: str) -> bool:
    kind, _, shown = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode()):
        return True
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(SESSION_COOKIE)
    except CookieError:
        return False
    return cookie is not None and hmac.compare_digest(cookie.value.encode(), session_value(token).encode())


def _at_most(receive: Receive, most: int) -> Receive:
    taken, whole = 0, False

    async def receive_some() -> Message:
        nonlocal taken, whole
        try:
            async with asyncio.timeout(None if whole else PIECE_S):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, f"nothing more came within {PIECE_S:.0f} s") from error
        whole = not message.get("more_body", False)
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413, f"more than {most} bytes")
        return message

    return receive_some


def _with_headers(scope: Scope, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            if scope["scheme"] == "https":
                headers["Strict-Transport-Security"] = _HSTS
        await send(message)

    return send_with_headers
