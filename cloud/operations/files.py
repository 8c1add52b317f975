"""What files people may attach, and how their content shows what they are. Pure."""

from collections.abc import Mapping
from typing import Final

FILE_TYPES: Final[Mapping[str, tuple[bytes, ...]]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF-",),
}
"""The types that are taken, each with what its content begins with. Source: the formats' specifications."""


def content_type(start: bytes) -> str | None:
    """The type that a file's first bytes show; None when it is none of those that are taken."""
    for name, beginnings in FILE_TYPES.items():
        if start.startswith(beginnings) and (name != "image/webp" or start[8:12] == b"WEBP"):
            return name
    return None
