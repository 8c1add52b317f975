"""Any Modbus device, played by its profile: what stands where and how is the profile's, the values are the inputs'."""

from typing import Final

import msgspec
from typing_extensions import override

from contract.profile.expand import device_map
from contract.profile.model import Kind, ModbusProfile
from contract.profile.points import Point
from contract.profile.words import code
from contract.site import Device
from firmware_sim.device import Image, Inputs, SimDevice
from firmware_sim.device.registers import raw_of, rest_of, split, state_code, text_of

SILENT_ON_HOLES: Final = frozenset({"smartgen-hgm6120n", "smartgen-hsc941"})
"""Devices that answer all of their table, with 0 where it is empty, and do not answer at all beyond it."""
OPEN_INPUT: Final = {"eletechsup-pta8d08": {"temperature": 97.7, "resistance": 137.6}}
"""What an input reads that nothing is wired to, by the beginning of its name (a register dump of a live unit)."""
_BANKS: Final = {1: "coils", 2: "discrete_inputs", 3: "holding_registers", 4: "input_registers"}


class ProfiledDevice(SimDevice):
    """A device of a Modbus profile, with nothing out of the ordinary.

    Inputs, by the name of a point: its value in its unit, true or false, a word of its states, or `open` for an input
    that nothing is wired to; by the name of an alarm in a register of four, its code.
    """

    def __init__(self, profile: ModbusProfile, device: Device) -> None:
        # A device has all its points, whether the site reads them or not.
        everything = Device(id=device.id, profile=device.profile, unit=device.unit)
        bound = {point.name: point for point in device_map(profile, device).points}
        self._profile = profile.profile
        self._points = {
            point.name: bound.get(point.name, point)
            for point in device_map(_all_points(profile), everything).points
        }
        self._numbers: dict[str, float] = {}
        self._raw = {name: rest_of(point) for name, point in self._points.items()}
        self._nibbles = {
            rule.name.partition(".")[0]: (name, rule.shift)
            for name, point in self._points.items()
            for rule in point.states
            if "." in rule.name
        }
        self._hole = _hole(profile)
        self._image: Image | None = None

    @override
    def update(self, now: int, inputs: Inputs) -> Image:
        for name, value in inputs.items():
            self.set(name, value)
        return self.image()

    def set(self, name: str, value: float | bool | str) -> None:
        """Put a value where its profile says that it stands.

        Raises:
            KeyError: The device has no such point.
            ValueError: The value does not go in there.
        """
        self._image = None
        if name in self._nibbles:
            register, shift = self._nibbles[name]
            self._raw[register] = self._raw[register] & ~(0xF << shift) | (int(value) & 0xF) << shift
            return
        self._raw[name] = self._encoded(self._points[name], value)
        if not isinstance(value, str):
            self._numbers[name] = float(value)

    def _encoded(self, point: Point, value: float | bool | str) -> int:
        if isinstance(value, str):
            return text_of(point, value) if point.kind is Kind.TEXT else self._word(point, value)
        if isinstance(value, bool) and point.kind is not Kind.BOOL and point.states:
            rule = point.states[0]
            codes = sorted(rule.codes) if value != rule.inverted else ()
            return codes[0] << rule.shift if codes else rest_of(point)
        return raw_of(point, float(value), self._factor(point))

    def _factor(self, point: Point) -> float:
        """What its scale is multiplied by, as it stands in another point now."""
        if point.scaled_by is None:
            return 1.0
        scaler = self._points[point.scaled_by]
        number = self._numbers.get(scaler.name, 0.0)
        if point.scales:
            return point.scales[int(number)]
        if point.scale_from is not None:
            return number or 1.0
        return float(f"1e{int(number if point.exponent_from else -number)}")

    def _word(self, point: Point, word: str) -> int:
        if word == "open":
            for beginning, reads in OPEN_INPUT.get(self._profile, {}).items():
                if point.name.startswith(beginning):
                    return self._encoded(point, reads)
        code = state_code(point, word)
        if code is None:
            raise ValueError(f"{point.name} is never {word!r}")
        return code

    def image(self) -> Image:
        """The registers as they stand: the same as before, where nothing was put there."""
        if self._image is None:
            self._image = self._made()
        return self._image

    def _made(self) -> Image:
        banks: dict[str, dict[int, int]] = {bank: {} for bank in _BANKS.values()}
        for name, point in self._points.items():
            bank = banks[_BANKS[point.function]]
            for address, word in zip(
                range(point.address, point.end), split(point, self._raw[name]), strict=True
            ):
                bank[address] = bank.get(address, 0) | word if point.mask else word
        if self._profile in SILENT_ON_HOLES:
            banks = {bank: _filled(words) for bank, words in banks.items()}
        return Image(
            coils={address: bool(word) for address, word in banks["coils"].items()},
            discrete_inputs={address: bool(word) for address, word in banks["discrete_inputs"].items()},
            holding_registers=banks["holding_registers"],
            input_registers=banks["input_registers"],
            hole=self._hole,
            silent_on_holes=self._profile in SILENT_ON_HOLES,
        )


def _filled(words: dict[int, int]) -> dict[int, int]:
    return {address: words.get(address, 0) for address in range(min(words), max(words) + 1)} if words else {}


def _all_points(profile: ModbusProfile) -> ModbusProfile:
    points = tuple(msgspec.structs.replace(point, bound_only=False) for point in profile.points)
    return msgspec.structs.replace(profile, points=points)


def _hole(profile: ModbusProfile) -> int | None:
    """What stands where nothing is, in devices that answer there: the sentinel for what is not implemented, or 0."""
    if profile.limits.refuses_missing and not profile.limits.max_gap:
        return None
    sentinels = profile.sentinels.get(Kind.UINT16, {})
    return next((code(raw) for raw, cause in sentinels.items() if cause == "unimplemented"), 0)
