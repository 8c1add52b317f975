"""Honeywell Notifier MODBUS-GW: one holding register per detector and module of each loop.

Registers as in `config/profiles/notifier-modbus-gw.yaml` (manual, pages 32-45): a block of 159 every 200
addresses, detectors and modules of loop 1, then of loop 2, and so on. Loops that the panel does not have, and the
addresses between the blocks, are not there.
"""

import re
from collections.abc import Iterable, Mapping

from typing_extensions import override

from firmware_sim.device import Image, Inputs, SimDevice

POINTS = 159
_BLOCK = 200
_NAME = re.compile(r"l([1-9]|10)([dm])(\d{3})")
_NOT_PROGRAMMED = 0x00FF
_NORMAL = 0x1400
"""Bit 12 inactive and bit 10 enabled."""
_ACTIVE = 0x0C00
"""Bit 11 active and bit 10 enabled; the event's type is in the low byte."""
CONDITIONS: Mapping[str, int] = {
    "normal": _NORMAL,
    "fire": _ACTIVE | 16,
    "security": _ACTIVE | 17,
    "medical": _ACTIVE | 19,
    "gas": _ACTIVE | 20,
    "gas_and_fire": _ACTIVE | 234,
    "supervisory": _ACTIVE | 64,
    "prealarm": _NORMAL | 0x4000,
    "trouble": _NORMAL | 0x2000,
    "fire_in_trouble": _ACTIVE | 0x2000 | 16,
    "disabled": 0x1200,
}
"""What a point can show, by the word that the world uses."""
_BELL_CIRCUITS = {9409: 0x0201, 9410: 0x0403}
_PANEL_STATUS = 9499
_SILENCED = 0x0002


class FirePanel(SimDevice):
    """A panel with `loops` loops, of whose points those named are programmed.

    Inputs: a point's name (`l1d001`, `l2m013`) with True for fire, False for normal (reset), or one of
    `CONDITIONS`; `silenced`.
    """

    def __init__(self, points: Iterable[str], loops: int = 1) -> None:
        self._registers = dict.fromkeys(_addresses(loops), _NOT_PROGRAMMED)
        self._registers |= _BELL_CIRCUITS | {_PANEL_STATUS: 0}
        self._points = {name: point_address(name) for name in points}
        for name, address in self._points.items():
            if address not in self._registers:
                raise KeyError(name)
            self._registers[address] = _NORMAL
        self._image: Image | None = None

    @override
    def update(self, now: int, inputs: Inputs) -> Image:
        for name, value in inputs.items():
            if name == "silenced":
                self._registers[_PANEL_STATUS] = _SILENCED if value else 0
            else:
                self._registers[self._points[name]] = CONDITIONS[_condition(value)]
        if inputs or self._image is None:
            self._image = Image(holding_registers=dict(self._registers))
        return self._image


def point_address(name: str) -> int:
    """The wire address of a point.

    Raises:
        KeyError: There is no such point on any panel.
    """
    match = _NAME.fullmatch(name)
    if match is None or not 1 <= int(match[3]) <= POINTS:
        raise KeyError(name)
    block = 2 * (int(match[1]) - 1) + (match[2] == "m")
    return block * _BLOCK + int(match[3]) - 1


def _addresses(loops: int) -> Iterable[int]:
    return (block * _BLOCK + point for block in range(2 * loops) for point in range(POINTS))


def _condition(value: float | bool | str) -> str:
    if isinstance(value, str):
        return value
    return "fire" if value else "normal"
