"""What of an endpoint's URL nobody reads: a mistake of its writer, not to be passed over. Pure."""

import urllib.parse

from edge.errors import SettingsError


def nothing_else(url: str, parts: urllib.parse.SplitResult, *used: str) -> None:
    """Refuse a URL that says more than is `used`: `login`, `place` (host and port), `path`, `query`.

    Raises:
        SettingsError: It does; the message says what to leave out.
    """
    given = {
        "login": f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else "",
        "place": parts.netloc.rpartition("@")[2],
        "path": parts.path.strip("/"),
        "query": f"?{parts.query}" if parts.query else "",
        "fragment": f"#{parts.fragment}" if parts.fragment else "",
    }
    for name, text in given.items():
        if text and name not in used:
            shown = "a name and password" if name == "login" else repr(text)
            raise SettingsError(
                f"{_without_login(url)}: nobody reads {shown} of it: leave that out{_three(parts)}"
            )
    if any(letter.isspace() for letter in url):
        raise SettingsError(f"{_without_login(url)}: has a space in it; write %20 for one that belongs there")


def _three(parts: urllib.parse.SplitResult) -> str:
    """A path with two slashes before it is a host's."""
    if parts.scheme in {"modbus-rtu", "dlt645", "jwm", "csv"} and parts.netloc:
        return f", or write it with three slashes: {parts.scheme}:///{parts.netloc}{parts.path}"
    return ""


def _without_login(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"
