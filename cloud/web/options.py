"""How the web part is offered to the world, checked before anything listens."""

import ipaddress
from typing import Final

import msgspec

from cloud.errors import SettingsError

LEAST_TOKEN: Final = 16
"""Characters of the shortest access token that is taken."""


class WebOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server listens and who may read.

    `token`: asked of everyone when set; without one only this machine is served. `metrics` and `docs` open
    `/metrics` and the API's description beyond this machine (to those with the token).
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    metrics: bool = False
    docs: bool = False

    @property
    def local(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)


def check_options(options: WebOptions) -> None:
    """Refuses to be offered to a network without a secret.

    Raises:
        SettingsError: The server would be open to everyone, or the token is too short to be one.
    """
    if not options.token and not options.local:
        raise SettingsError(
            f"web host {options.host}: without web_token only this machine is served; "
            "set web_token, or bind to 127.0.0.1"
        )
    if options.token and len(options.token) < LEAST_TOKEN:
        raise SettingsError(f"web_token: expected at least {LEAST_TOKEN} characters")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    bare = host.strip("[]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare.lower() == "localhost"
