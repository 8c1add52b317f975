"""Looking at devices by hand: one read of everything, and who answers on a bus. Reads only, one request at a time."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from contract.profile.model import Identity
from contract.profile.points import DeviceMap
from edge.decode.request import Answer, factors_of, words_of
from edge.decode.sheet import Sheet
from edge.decode.values import Value, read_value
from edge.drivers.modbus import AskedLine
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import ModbusLine
from edge.errors import NoAnswer, Refused, Suspect
from edge.plan import Request
from edge.shown import Shown, shown, without

SCAN_PAUSE_S: Final = 0.05
_ASKED: Final = ((3, 0), (4, 0), (1, 0), (2, 0))
"""What a unit is asked that nobody knows: one value by each function. Any answer, a refusal too, is somebody."""


class Found(msgspec.Struct, frozen=True):
    """A unit that answered on a bus, and to what: `function` values, or exception `code`."""

    unit: int
    function: int
    code: int = 0


async def read_once(line: AskedLine, sheet: Sheet) -> list[Shown]:
    """Every point of a device, read once in the order of its requests, those with a scale elsewhere too.

    Raises:
        LineLost: The line can't be opened, or ended.
    """
    shown_by: dict[str, Shown] = {}
    inputs: dict[str, Value] = {}
    answers: list[Answer] = []
    for request in sheet.requests:
        answer = await _asked(line, sheet.map, request)
        if isinstance(answer, Answer):
            answers.append(answer)
            inputs |= {
                point.name: read_value(point, words_of(answer, point))
                for point in request.points
                if point.name in sheet.scalers
            }
        else:
            shown_by |= {point.name: without(point, answer) for point in request.points}
        await asyncio.sleep(sheet.map.limits.pause_ms / 1_000)
    for answer in answers:
        # Once more: the scale of one may stand in the answer after it.
        factors = factors_of(sheet, answer, inputs)
        for point in answer.request.points:
            value = read_value(point, words_of(answer, point), factors.get(point.name, 1.0))
            shown_by[point.name] = shown(point, value)
    return [shown_by[point.name] for request in sheet.requests for point in request.points]


def as_digits(one: Shown) -> Shown:
    """A value of a meter, with the digits that it sent as its raw value in place of the double made of them."""
    if one.raw is None or one.bits is not None:
        return one
    (number,) = struct.unpack(">d", one.raw.to_bytes(8, "big"))
    return msgspec.structs.replace(one, raw=int(number) if math.isfinite(number) else None, is_decimal=True)


async def _asked(line: AskedLine, device: DeviceMap, request: Request) -> Answer | str:
    """The answer to a request, or why there is none."""
    await line.open()
    ask = Ask(device.unit, request.function, request.address, request.count)
    try:
        got = await line.read(ask, device.limits.response_timeout_ms, ())
    except Refused as refused:
        return f"exception {refused.code}"
    except NoAnswer as error:
        return str(error)
    except Suspect:
        return "no answer"
    return Answer(request=request, asked_at=got.asked_at, answered_at=got.answered_at, words=got.words)


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
