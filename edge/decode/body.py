"""Values taken out of a message's JSON, with what is wrong with them in words. Pure."""

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Collection
from typing import Any, Final

import msgspec

from contract.causes import Cause
from contract.profile.bits import taken
from contract.profile.messages import Field, Topic
from contract.profile.words import Fact, code
from edge.errors import Unusable

LONGEST_PAYLOAD: Final = 16 * 1024
LONGEST_TEXT: Final = 128
_UNIT_MS: Final = {"ms": 1, "s": 1_000}
_DECIMAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_HEX: Final = re.compile(r"(0[xX])?[0-9A-Fa-f]{1,16}")
_NO_NUMBER: Final = re.compile(
    r'("(?:[^"\\]|\\.)*(?:"|\Z))|[+-]?\b(?:nan|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL
)
"""What C libraries print for what is no number, outside of texts."""
_EPOCH_TIME: Final = "1764547200"
_LOCAL_TIME: Final = "2026-11-30 08:15:00"
_OFFSET_TIME: Final = "2026-11-30T08:15:00+08:00"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def json_body(payload: bytes) -> object:
    """The object or list that a payload is.

    A value of it that JSON does not have, such as NaN or a text in another encoding, spoils none of the others.

    Raises:
        Unusable: It is none, or too long.
    """
    if len(payload) > LONGEST_PAYLOAD:
        raise Unusable(Cause.TOO_LONG, count=len(payload))
    try:
        body: object = msgspec.json.decode(payload, type=dict[str, Any] | list[Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        body = _odd_body(payload)
        if body is None:
            raise Unusable(Cause.NO_JSON, detail=str(error)) from error
    return body


def _odd_body(payload: bytes) -> object:
    """What is nearly JSON, read as what it means; None where that is no object or list."""
    text = payload.decode("utf-8", "replace").strip("\ufeff\0 \r\n\t")
    plain = _NO_NUMBER.sub(lambda found: found[1] or "NaN", text)
    try:
        body = json.loads(plain, strict=False)
        # Halves of a character written as \ud800 could not be stored.
        body = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict | list) else None


def at(body: object, path: str) -> object:
    """What stands at dotted names; a number is that element of a list. A name that has dots itself is found, too.

    Raises:
        Unusable: Nothing does.
    """
    found: object = body
    rest = path.split(".") if path else []
    while rest:
        taken = _step(found, rest)
        if taken == 0:
            raise Unusable(Cause.MISSING, at=path)
        name = ".".join(rest[:taken])
        found = (
            found[name] if isinstance(found, dict) else found[int(name)] if isinstance(found, list) else None
        )
        rest = rest[taken:]
    return found


def _step(found: object, rest: list[str]) -> int:
    """How many of the names are that of the next thing; 0 when nothing is there."""
    if isinstance(found, list):
        return int(rest[0].isdecimal() and int(rest[0]) < len(found))
    if isinstance(found, dict):
        return next((size for size in range(1, len(rest) + 1) if ".".join(rest[:size]) in found), 0)
    return 0


def has(body: object, path: str) -> bool:
    """Whether anything stands there."""
    try:
        return at(body, path) is not None
    except ValueError:
        return False


def text(value: object, path: str) -> str:
    """A short text, or a number as one.

    Raises:
        Unusable: It is neither.
    """
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= LONGEST_TEXT:
        raise Unusable(Cause.EXPECTED_TEXT, at=path, found=str(value)[:LONGEST_TEXT])
    return str(value)


def fact(value: object, path: str) -> Fact:
    """A number, a short text, true or false.

    Raises:
        Unusable: It is none of these.
    """
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= LONGEST_TEXT):
        return value
    raise Unusable(Cause.EXPECTED_FACT, at=path)


def number(value: object, path: str, field: Field | None = None) -> float:
    """A number, or a text that writes one, as `field` has it; of a text, or of true and false, the code.

    Raises:
        Unusable: It has none.
    """
    if field is not None and field.codes:
        word = _word(value)
        if word in field.codes:
            return field.codes[word]
        if isinstance(value, bool):
            for name in field.codes:
                if name.lower() == word:
                    return field.codes[name]
        raise Unusable(Cause.EXPECTED_WORD, at=path, wanted=" / ".join(field.codes), found=word)
    if isinstance(value, str) and field is not None:
        value = _written(value, field, path)
    if isinstance(value, bool):
        value = int(value)  # a row of readings holds numbers, and true is none there
    if isinstance(value, int | float) and abs(value) < 2**63:
        return _unpacked_bits(value, field, path)
    raise Unusable(Cause.EXPECTED_NUMBER, at=path, found=str(value)[:LONGEST_TEXT])


def _word(value: object) -> str:
    """A value as `codes` and `where` write it: true and false in small letters, as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)[:LONGEST_TEXT]


def is_one_of(value: object, words: Collection[str]) -> bool:
    """Whether a value is one of some words."""
    return _word(value) in words or str(value) in words


def _written(value: str, field: Field, path: str) -> float:
    """The number that a text writes."""
    shown = value[:LONGEST_TEXT].strip()
    if field.pattern is not None:
        found = re.search(field.pattern, shown)
        if found is None:
            raise Unusable(Cause.EXPECTED_FORM, at=path, wanted=field.pattern, found=shown)
        shown = found[1].strip()
    if field.text == "comma":
        shown = shown.replace(".", "").replace(",", ".")
    form, base = (_HEX, 16) if field.text == "hex" else (_DECIMAL, 10)
    if not form.fullmatch(shown):
        raise Unusable(Cause.EXPECTED_NUMBER, at=path, found=shown)
    return float(shown) if base == 10 and any(sign in shown for sign in ".eE") else int(shown, base)


def _unpacked_bits(value: float, field: Field | None, path: str) -> float:
    if field is None or field.mask is None:
        return value
    if value != int(value):
        raise Unusable(Cause.EXPECTED_WHOLE, at=path, found=str(value))
    return taken(int(value), code(field.mask), signed=field.signed)


def stamp(value: object, topic: Topic, zone: dt.tzinfo) -> int:
    """A time of the device's own clock, in ms since the epoch; of a local one in that time zone.

    Raises:
        Unusable: It is none.
    """
    if topic.at_unit == "rfc3339":
        return _rfc3339(value, topic)
    if topic.at_unit == "local":
        return _local(value, topic, zone)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise _no_time(topic, _EPOCH_TIME, value)
    return round(value * _UNIT_MS[topic.at_unit])


def _no_time(topic: Topic, wanted: str, value: object) -> Unusable:
    return Unusable(Cause.EXPECTED_TIME, at=topic.at or "", wanted=wanted, found=str(value)[:LONGEST_TEXT])


def _local(value: object, topic: Topic, zone: dt.tzinfo) -> int:
    shown = str(value)[:LONGEST_TEXT].strip().replace("T", " ").replace("/", "-")
    if not _LOCAL.fullmatch(shown):
        raise _no_time(topic, _LOCAL_TIME, shown)
    try:
        moment = dt.datetime.fromisoformat(shown).replace(tzinfo=zone)
    except ValueError as error:
        raise _no_time(topic, _LOCAL_TIME, shown) from error
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _rfc3339(value: object, topic: Topic) -> int:
    try:
        moment = msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError as error:
        raise _no_time(topic, _OFFSET_TIME, value) from error
    if moment.tzinfo is None:
        raise _no_time(topic, _OFFSET_TIME, value)
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def unpacked(value: object, path: str, written: str = "base64") -> bytes:
    """The bytes that a text writes, in base64 or hexadecimal.

    Raises:
        Unusable: It does not.
    """
    shown = str(value)[:LONGEST_PAYLOAD]
    if written == "hex":
        try:
            return bytes.fromhex(shown.removeprefix("0x"))
        except ValueError as error:
            raise Unusable(Cause.EXPECTED_BYTES, at=path, wanted="hexadecimal") from error
    try:
        return base64.b64decode(shown, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unusable(Cause.EXPECTED_BYTES, at=path, wanted="base64") from error


def bare(payload: bytes) -> str:
    """The word that a payload is, without the quotes that some put around it."""
    return payload[:LONGEST_TEXT].decode("utf-8", "replace").strip().strip('"')
