"""What a QR code or an NFC tag says: the place or thing that it stands at.

A tag holds the address of a page, `https://host/t/<site>/<id>`, so that any phone that reads it opens the right one;
`SW1:<site>:<id>` where a tag has no room for that; or the bare id. Whoever photographs a code can scan it elsewhere:
a scan of a tag is told with `by: tablet`, and counts as what it is.
"""

import re
from typing import Final

import msgspec

from cloud.errors import RefusedError
from contract.site import Site

_ADDRESS: Final = re.compile(r"^(?:https?://[^/\s]+)?/t/(?P<site>[\w-]+)/(?P<id>[\w-]+)/?$")
_SHORT: Final = re.compile(r"^SW1:(?P<site>[\w-]+):(?P<id>[\w-]+)$", re.IGNORECASE)


class Tag(msgspec.Struct, frozen=True):
    """What a tag names; `site` None where it does not say."""

    site: str | None
    id: str


def read_tag(text: str) -> Tag:
    """The tag that a scanned or typed text stands for; any other text is an id itself."""
    found = _ADDRESS.match(text.strip()) or _SHORT.match(text.strip())
    return Tag(found["site"], found["id"]) if found else Tag(None, text.strip())


def check_site(tag: Tag, site: Site) -> None:
    """That a tag is one of this site's.

    Raises:
        RefusedError: It names another.
    """
    if tag.site is not None and tag.site != site.id:
        raise RefusedError(
            "unusable", f"该标签属于另一小区 {tag.site}", f"this tag belongs to another site, {tag.site}"
        )


def tag_address(site: str, thing: str) -> str:
    """The path that a printed code holds."""
    return f"/t/{site}/{thing}"
