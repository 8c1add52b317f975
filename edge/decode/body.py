"""Values taken out of a message's JSON, with what is wrong with them in words. Pure."""

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from contract.profile.model import Fact, Topic

LONGEST_PAYLOAD: Final = 16 * 1024
LONGEST_TEXT: Final = 128
_UNIT_MS: Final = {"ms": 1, "s": 1_000}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def json_object(payload: bytes) -> Mapping[str, Any]:
    """The object that a payload is.

    Raises:
        ValueError: It is none, or too long.
    """
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes are too many")
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no JSON object: {error}") from error


def at(body: Mapping[str, Any], path: str) -> object:
    """What stands at dotted names.

    Raises:
        ValueError: Nothing does.
    """
    found: object = body
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"{path} is missing")
        found = found[name]
    return found


def has(body: Mapping[str, Any], path: str) -> bool:
    """Whether anything stands there."""
    try:
        return at(body, path) is not None
    except ValueError:
        return False


def text(value: object, path: str) -> str:
    """A short text, or a number as one.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= LONGEST_TEXT:
        raise ValueError(f"{path}: expected a short text, found {str(value)[:LONGEST_TEXT]!r}")
    return str(value)


def fact(value: object, path: str) -> Fact:
    """A number, a short text, true or false.

    Raises:
        ValueError: It is none of these.
    """
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= LONGEST_TEXT):
        return value
    raise ValueError(f"{path}: expected a number, a short text or true or false")


def number(value: object, codes: Mapping[str, int], path: str) -> float:
    """A number; of a text, or of true and false, the code.

    Raises:
        ValueError: It has none.
    """
    if codes:
        word = str(value).lower() if isinstance(value, bool) else str(value)[:LONGEST_TEXT]
        if word in codes:
            return codes[word]
        raise ValueError(f"{path}: expected {' or '.join(codes)}, found {word!r}")
    if isinstance(value, bool | int | float) and abs(value) < 2**63:
        return value
    raise ValueError(f"{path}: expected a number, found {str(value)[:LONGEST_TEXT]!r}")


def stamp(value: object, topic: Topic) -> int:
    """A time of the device's own clock, in ms since the epoch.

    Raises:
        ValueError: It is none.
    """
    if topic.at_unit == "rfc3339":
        return _rfc3339(value, topic)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise ValueError(f"{topic.at}: expected a time, found {str(value)[:LONGEST_TEXT]!r}")
    return round(value * _UNIT_MS[topic.at_unit])


def _rfc3339(value: object, topic: Topic) -> int:
    try:
        moment = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError as error:
        shown = str(value)[:LONGEST_TEXT]
        raise ValueError(f"{topic.at}: expected a time by RFC 3339, found {shown!r}") from error
    if moment.tzinfo is None:
        raise ValueError(f"{topic.at}: expected a time with its offset, found {value!r}")
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def unpacked(value: object, path: str) -> bytes:
    """The bytes that a base64 text writes.

    Raises:
        ValueError: It is none.
    """
    try:
        return base64.b64decode(str(value)[:LONGEST_PAYLOAD], validate=True)
    except binascii.Error as error:
        raise ValueError(f"{path}: no base64") from error
