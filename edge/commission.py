"""Looking at devices by hand: one read of everything, and who answers on a bus. Reads only, one request at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from contract.profile.model import Identity
from contract.profile.points import DeviceMap, Point
from edge.decode.values import Value, read_value
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import ModbusLine
from edge.errors import NoAnswer, Refused, Suspect
from edge.plan import Request, plan

SCAN_PAUSE_S: Final = 0.05
_ASKED: Final = ((3, 0), (4, 0), (1, 0), (2, 0))
"""What a unit is asked that nobody knows: one value by each function. Any answer, a refusal too, is somebody."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A point as it was read. `value` None: `why` says what is amiss. `word`: what its code is called."""

    name: str
    raw: int | None
    value: float | None
    unit: str
    word: str = ""
    why: str = ""
    verified: bool = True


class Found(msgspec.Struct, frozen=True):
    """A unit that answered on a bus, and to what: `function` values, or exception `code`."""

    unit: int
    function: int
    code: int = 0


async def read_once(line: ModbusLine, device: DeviceMap) -> list[Shown]:
    """Every point of a device, read once in the order of its requests.

    Raises:
        LineLost: The line can't be opened, or ended.
    """
    shown: list[Shown] = []
    for request in plan(device.points, device.limits):
        shown += await _read(line, device, request)
        await asyncio.sleep(device.limits.pause_ms / 1_000)
    return shown


async def identify(line: ModbusLine, device: DeviceMap, identities: Iterable[Identity]) -> list[str]:
    """In what a device says that it is another than its profile's, in words for people; nothing of what it won't say.

    Raises:
        LineLost: The line can't be opened, or ended.
    """
    found = []
    for one in identities:
        await line.open()
        ask = Ask(device.unit, one.function, one.address, one.count)
        try:
            words = (await line.read(ask, device.limits.response_timeout_ms, ())).words
        except (NoAnswer, Refused, Suspect):
            continue
        finally:
            await asyncio.sleep(device.limits.pause_ms / 1_000)
        if why := differs(one, words):
            found.append(why)
    return found


def differs(identity: Identity, words: Sequence[int]) -> str:
    """How the registers of an identity differ from it; nothing if they don't."""
    if identity.text:
        text = (
            b"".join(word.to_bytes(2, "big") for word in words).replace(b"\0", b"").decode("latin-1").strip()
        )
        return (
            ""
            if text.startswith(identity.text)
            else f"{identity.name}: expected {identity.text}, found {text!r}"
        )
    number = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big")
    if number in identity.numbers:
        return ""
    wanted = " or ".join(map(str, identity.numbers))
    return f"{identity.name}: expected {wanted}, found {number}"


async def _read(line: ModbusLine, device: DeviceMap, request: Request) -> list[Shown]:
    await line.open()
    ask = Ask(device.unit, request.function, request.address, request.count)
    try:
        answered = await line.read(ask, device.limits.response_timeout_ms, ())
    except Refused as refused:
        return [_without(point, f"exception {refused.code}") for point in request.points]
    except NoAnswer as error:
        return [_without(point, str(error)) for point in request.points]
    except Suspect:
        return [_without(point, "no answer") for point in request.points]
    shown = []
    for point in request.points:
        start = point.address - request.address
        shown.append(_shown(point, read_value(point, answered.words[start : start + point.width])))
    return shown


def _without(point: Point, why: str) -> Shown:
    return Shown(name=point.name, raw=None, value=None, unit=point.unit, why=why, verified=point.verified)


def _shown(point: Point, value: Value) -> Shown:
    return Shown(
        name=point.name,
        raw=value.raw,
        value=value.number,
        unit=point.unit,
        word=_word(point, value),
        why=value.cause,
        verified=point.verified,
    )


def _word(point: Point, value: Value) -> str:
    """What the code is called; of several codes in one register those that are so, with their names."""
    said = []
    for rule in point.states:
        if rule.mask and value.number is not None:
            code = (value.raw & rule.mask) >> rule.shift
            word = rule.words.get(code, "" if not rule.words else f"unknown code {code}")
            if word and (code in rule.codes or len(point.states) == 1):
                said.append(f"{rule.name}: {word}" if len(point.states) > 1 else word)
    return ", ".join(said)


async def scan(line: ModbusLine, units: Iterable[int], timeout_ms: int) -> AsyncIterator[Found | int]:
    """Ask each unit in turn; yields who answered, and the number of each that did not.

    Raises:
        LineLost: The line can't be opened, or ended.
    """
    for unit in units:
        found: Found | int = unit
        for function, address in _ASKED:
            await line.open()
            try:
                await line.read(Ask(unit, function, address, 1), timeout_ms, ())
            except Refused as refused:
                found = Found(unit, function, refused.code)
            except (NoAnswer, Suspect):
                # A unit that is silent to one function is nearly always silent to all.
                break
            else:
                found = Found(unit, function)
            break
        yield found
        await asyncio.sleep(SCAN_PAUSE_S)
