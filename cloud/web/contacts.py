"""How long a client was really out of reach: what it says was done meanwhile can be believed to have waited for it.

Every answer gives the client a signed note of this contact, which it shows with its next request. A silence between
the two is an outage: acts that are sent after it may have been done since it began. The note needs no store and
outlives a restart; what this process remembers of a client goes before an older note that is shown again.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import Final

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.web.stream import Clocks

COOKIE: Final = "sitewarden-contact"
OUTAGE_MS: Final = 90_000
"""A client that was heard within so long was not out of reach. A broken connection is noticed within a minute."""
SENDING_MS: Final = 3_600_000
"""So long after an outage a client may still be sending what was done during it, photos first."""
_RENEW_MS: Final = 5_000
_MOST_CLIENTS: Final = 10_000
_COOKIE_S: Final = 400 * 86_400
_STATE: Final = "contact"
_OF_SITES: Final = ("/api/v1/sites", "/api/v1/stream")
"""Where only those come who were let in."""


class Contact(msgspec.Struct, frozen=True):
    """A client by a random name: when it was heard last, and its latest outage; ms, `0..0`: there was none."""

    client: str
    last: int
    lost_at: int = 0
    back_at: int = 0

    def heard(self, now: int) -> "Contact":
        """The same client, heard again."""
        if now <= self.last:
            return self
        if now - self.last <= OUTAGE_MS:
            return msgspec.structs.replace(self, last=now)
        return Contact(self.client, now, lost_at=self.last, back_at=now)

    def earliest(self, now: int) -> int:
        """What is said now to have been done before this moment could have been said before."""
        if self.back_at and now - self.back_at <= SENDING_MS:
            return min(self.lost_at, now - OUTAGE_MS)
        return now - OUTAGE_MS


class Contacts:
    """Signs and knows them; remembers the clients that were heard last."""

    def __init__(self, token: str) -> None:
        self._key = hmac.new(token.encode(), b"sitewarden contact 1", hashlib.sha256).digest()
        self._known: OrderedDict[str, Contact] = OrderedDict()

    def hear(self, shown: str, now: int) -> Contact:
        """A request came; `shown` is the note that came with it, if any."""
        noted = self._read(shown)
        if noted is None:
            return self._keep(Contact(secrets.token_hex(8), now))
        known = self._known.get(noted.client)
        newest = noted if known is None or noted.last > known.last else known
        return self._keep(newest.heard(now))

    def _keep(self, contact: Contact) -> Contact:
        self._known[contact.client] = contact
        self._known.move_to_end(contact.client)
        while len(self._known) > _MOST_CLIENTS:
            self._known.popitem(last=False)
        return contact

    def reached(self, client: str, now: int) -> None:
        """A stream of the client still takes what it is sent: it was there a minute ago at the latest."""
        if (known := self._known.get(client)) is not None:
            self._keep(known.heard(now - OUTAGE_MS // 2))

    def note(self, contact: Contact) -> str:
        """What the client is to show next time."""
        text = f"{contact.client}.{contact.last}.{contact.lost_at}.{contact.back_at}"
        return f"{text}.{self._sign(text)}"

    def _read(self, shown: str) -> Contact | None:
        text, _, signature = shown.rpartition(".")
        if not text or not hmac.compare_digest(signature.encode(), self._sign(text).encode()):
            return None
        client, last, lost_at, back_at = text.split(".")
        return Contact(client, int(last), int(lost_at), int(back_at))

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]


def contact_in(scope: Scope) -> Contact | None:
    """The contact of a request to the API."""
    found = scope.get("state", {}).get(_STATE)
    return found if isinstance(found, Contact) else None


class Reach:
    """ASGI middleware: notes each contact of the API's clients."""

    def __init__(self, app: ASGIApp, contacts: Contacts, clocks: Clocks) -> None:
        self._app = app
        self._contacts = contacts
        self._clocks = clocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not scope["path"].startswith(_OF_SITES):
            await self._app(scope, receive, send)
            return
        shown = _shown(Headers(scope=scope).get("cookie", ""))
        contact = self._contacts.hear(shown, self._clocks.now())
        scope.setdefault("state", {})[_STATE] = contact
        note = self._contacts.note(contact)

        async def send_with_note(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_newer(contact, shown):
                secure = "; Secure" if scope["scheme"] == "https" else ""
                value = f"{COOKIE}={note}; Path=/; Max-Age={_COOKIE_S}; HttpOnly; SameSite=Strict{secure}"
                MutableHeaders(scope=message).append("Set-Cookie", value)
            await send(message)

        await self._app(scope, receive, send_with_note)


def _is_newer(contact: Contact, shown: str) -> bool:
    client, last, *_ = (*shown.split("."), "", "")
    noted = int(last) if client == contact.client and last.isdecimal() else 0
    return contact.last - noted >= _RENEW_MS or contact.back_at > noted


def _shown(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
