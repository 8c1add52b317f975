"""How deep and how large JSON from outside may be, so that whatever is taken can be shown again. Pure."""

import math
import re
from typing import Any, Final

MOST_DEPTH: Final = 32
"""Levels of lists and objects; real devices and pages send three or four."""
MOST_DATA: Final = 16 * 1024
"""Bytes of the data of one event."""
MOST_NUMBER: Final = (1 << 53) - 1
"""Beyond it a browser reads another number than the one that was written."""
TOO_DEEP: Final = "…"
"""Stands for what lies too deep to be shown."""

_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def is_deep(text: bytes) -> bool:
    """Whether JSON has more than `MOST_DEPTH` levels. Nearly always two counts of bytes say that it has not."""
    if text.count(b"{") + text.count(b"[") <= MOST_DEPTH:
        return False
    depth = 0
    for byte in _TEXT.sub(b"", text):
        if byte in b"{[":
            depth += 1
            if depth > MOST_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def cut(value: Any, levels: int = MOST_DEPTH) -> Any:  # noqa: ANN401 - JSON
    """The same value, with `TOO_DEEP` for what lies deeper than so many levels."""
    if isinstance(value, dict):
        return {name: cut(one, levels - 1) for name, one in value.items()} if levels else TOO_DEEP
    if isinstance(value, list):
        return [cut(one, levels - 1) for one in value] if levels else TOO_DEEP
    return value


def number_problem(value: Any, place: str = "") -> str | None:  # noqa: ANN401 - JSON
    """The place of the first number that is none or beyond `MOST_NUMBER`, with what is wrong; None when all are good."""
    if isinstance(value, dict):
        inner = ((one, f"{place}.{name}" if place else str(name)) for name, one in value.items())
    elif isinstance(value, list):
        inner = ((one, f"{place}[{index}]") for index, one in enumerate(value))
    elif isinstance(value, float) and not math.isfinite(value):
        return f"{place}: expected a number, found {value}"
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > MOST_NUMBER:
        return f"{place}: expected a number of at most 2^53, found {value:.3g}"
    else:
        return None
    return next((problem for one, at in inner if (problem := number_problem(one, at))), None)
