"""What is asked of screens, and what they answer: nonces without memory, and pulses for the worker.

A nonce is signed, so that any web process takes what another one asked. What a screen answers is gathered and said
every `PULSE_S` in one message for each site.
"""

import asyncio
import hashlib
import hmac
from typing import Final

import msgspec
import structlog

from cloud.errors import BrokerUnavailableError
from cloud.operations.screen import Pulse, Sign
from cloud.web.post import Post

PULSE_S: Final = 5.0
NONCE_MS: Final = 15_000
"""So old may a nonce be when it is answered; so far may the clocks of two web processes be apart."""
FROZEN_MS: Final = 10_000
"""A screen that painted nothing for longer shows nothing that is true."""

_log = structlog.get_logger(__name__)


class Nonces:
    """Makes and knows them. Whoever has the access token may ask for one, so its digest is key enough."""

    def __init__(self, token: str) -> None:
        self._key = hmac.new(token.encode(), b"sitewarden nonce 1", hashlib.sha256).digest()

    def issue(self, site: str, screen: str, now: int) -> str:
        """What a screen must send back."""
        return f"{now}.{self._sign(site, screen, now)}"

    def problem(self, nonce: str, site: str, screen: str, now: int) -> str | None:
        """Why a nonce proves nothing, or None."""
        issued, _, signature = nonce.partition(".")
        if not (issued.isascii() and issued.isdecimal() and len(issued) < 20):
            return "this is no nonce of this server"
        if not hmac.compare_digest(signature.encode(), self._sign(site, screen, int(issued)).encode()):
            return "the nonce was not made here, or for another screen"
        if abs(now - int(issued)) > NONCE_MS:
            return f"the nonce is older than {NONCE_MS // 1_000} s; answer the latest one"
        return None

    def _sign(self, site: str, screen: str, issued: int) -> str:
        text = f"{site}\x1f{screen}\x1f{issued}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]


class Pulses:
    """Gathers what screens answer while `run` runs, and says it on. `away`: at the last attempt it could not be said."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._gathered: dict[str, dict[str, Sign]] = {}
        self.away = False

    def take(self, site: str, sign: Sign) -> None:
        """A screen answered; its latest answer counts, and nobody's word of the sound is lost."""
        signs = self._gathered.setdefault(site, {})
        before = signs.get(sign.screen)
        if before is not None and before.heard_by and not sign.heard_by:
            sign = msgspec.structs.replace(sign, heard_by=before.heard_by)
        signs[sign.screen] = sign

    async def run(self) -> None:
        """Say it every `PULSE_S`, for ever."""
        while True:
            await asyncio.sleep(PULSE_S)
            await self.flush()

    async def flush(self) -> None:
        """Say now what was gathered. What can't be said is let go of: screens answer again."""
        gathered, self._gathered = self._gathered, {}
        try:
            for site, signs in gathered.items():
                await self._post.tell(site, Pulse(tuple(signs.values())))
                self.away = False
        except BrokerUnavailableError as error:
            if not self.away:
                _log.warning("what screens answer can't be said on", action="pulses_lost", why=str(error))
            self.away = True
