"""DSE 7320 MKII as a Modbus master sees it: GenComm pages 3 to 7, 154 (named alarms) and 190 (breakers).

Register = page * 256 + offset, holding registers only; sources in `config/profiles/dse-7320-mkii.yaml`. What is
defined but not fitted answers the sentinel of its type, what is reserved answers exception 12.
"""

from collections.abc import Iterable, Iterator

from typing_extensions import override

from firmware_sim.device import Image, Inputs, SimDevice
from firmware_sim.device.genset import Genset, Mode, Phase, Timings

ALARMS = (
    *("emergency_stop", "low_oil_pressure", "high_coolant_temperature", "low_coolant_temperature"),
    *("under_speed", "over_speed", "generator_under_frequency", "generator_over_frequency"),
    *("generator_low_voltage", "generator_high_voltage", "battery_low_voltage", "battery_high_voltage"),
    *("charge_alternator_failure", "fail_to_start", "fail_to_stop", "generator_fail_to_close"),
    *("mains_fail_to_close", "oil_pressure_sender_fault", "loss_of_magnetic_pickup"),
    *("magnetic_pickup_open_circuit", "generator_high_current", "calibration_lost", "low_fuel_level"),
    "can_ecu_warning",
)
"""The named alarms that this set has, in the order of page 154; the rest of the page is unimplemented."""
_ALARM_REGISTERS = range(39425, 39445)
_INACTIVE, _WARNING, _UNIMPLEMENTED = 1, 2, 15
_NOT_FITTED = {"u16": 0xFFFF, "i16": 0x7FFF, "u32": 0xFFFF_FFFF, "i32": 0x7FFF_FFFF}
_RESERVED = (775, *range(1090, 1280), 1409, 1410, *range(1570, 1792))
_RESERVED_CODE = 12
RATED_KW = 200.0
LOW_FUEL = 20.0
_RATED_RPM, _CRANK_RPM = 1500, 220
_PHASE_V, _LINE_V, _HZ = 230.0, 398.0, 50.0


class GeneratorController(SimDevice):
    """A 200 kW set with its transfer switch, in auto, the mains being there.

    Inputs: `mains` (bool), `mode` (`stop`, `auto`, `manual`, `test_on_load`, `test_off_load`), `load_kw`,
    `fuel_level` (%), `fails_to_start`, `breaker_stuck`, `reset` (True acknowledges the alarms).
    """

    def __init__(self, timings: Timings | None = None) -> None:
        self._set = Genset(timings or Timings())
        self._load_kw = 80.0
        self._fuel = 85.0

    @override
    def update(self, now: int, inputs: Inputs) -> Image:
        self._set.advance(now)
        for name, value in inputs.items():
            self._take(name, value, now)
        if self._fuel < LOW_FUEL:
            self._set.alarms["low_fuel_level"] = _WARNING
        self._set.react(now)
        return Image(
            holding_registers=dict(self._registers(now)), refused=dict.fromkeys(_RESERVED, _RESERVED_CODE)
        )

    def _take(self, name: str, value: float | bool | str, now: int) -> None:
        if name == "mode":
            self._set.mode = Mode[str(value).upper()]
        elif name in {"mains", "fails_to_start", "breaker_stuck"}:
            setattr(self._set, name, bool(value))
        elif name == "load_kw":
            self._load_kw = float(value)
        elif name == "fuel_level":
            self._fuel = float(value)
        elif name == "reset":
            if value:
                self._set.reset(now)
        else:
            raise KeyError(name)

    def _registers(self, now: int) -> Iterator[tuple[int, int]]:
        yield from self._status()
        yield from self._instruments()
        yield from self._derived()
        yield from self._accumulated(now)
        yield from self._named_alarms()
        yield from self._outputs()

    def _status(self) -> Iterator[tuple[int, int]]:
        yield from _block(768, [1, 32841], "u16")
        yield from _block(770, [7320001], "u32")
        alarm = 1 << 12 if 3 in self._set.alarms.values() else 0
        warning = 1 << 10 if _WARNING in self._set.alarms.values() else 0
        yield from _block(772, [self._set.mode.value, None, alarm | warning], "u16")
        yield from _block(1290, [None], "u32")
        yield from _block(1408, [int(self._set.phase.value)], "u16")

    def _instruments(self) -> Iterator[tuple[int, int]]:
        """Page 4: engine, generator and mains as measured."""
        gen = 1 if self._set.at_speed else 0
        mains = 1 if self._set.mains else 0
        amps = self._amps if self._set.on_load else 0
        mains_amps = self._amps if self._set.mains_closed and mains else 0
        yield from _block(1024, [350 if self._set.running else 0], "u16")
        yield from _block(1025, [78 if self._set.running else 24, None], "i16")
        yield from _block(1027, [round(self._fuel), 140 if self._set.running else 0, 252], "u16")
        yield from _block(1030, [self._rpm, round(_HZ * 10) * gen], "u16")
        yield from _block(1032, [_volts(_PHASE_V) * gen] * 3 + [_volts(_LINE_V) * gen] * 3, "u32")
        yield from _block(1044, [amps] * 3 + [None], "u32")
        yield from _block(1052, [round(self._generator_watts / 3)] * 3, "i32")
        yield from _block(1058, [None], "i16")
        yield from _block(1059, [round(_HZ * 10) * mains], "u16")
        yield from _block(1060, [_volts(_PHASE_V) * mains] * 3 + [_volts(_LINE_V) * mains] * 3, "u32")
        yield from _block(1072, [None], "i16")
        yield from _block(1073, [1 if gen else 0, 1 if mains else 0], "u16")
        yield from _block(1075, [None], "i16")
        yield from _block(1076, [mains_amps] * 3 + [None], "u32")
        yield from _block(1084, [round(self._mains_watts / 3)] * 3, "i32")

    def _derived(self) -> Iterator[tuple[int, int]]:
        """Page 6: totals."""
        watts = self._generator_watts
        volt_amperes = round(watts / 0.9)
        yield from _block(1536, [watts], "i32")
        yield from _block(1538, [round(volt_amperes / 3)] * 3 + [volt_amperes], "u32")
        yield from _block(1546, [None] * 4, "i32")
        yield from _block(1554, [90 if watts else None] * 4, "i16")
        yield from _block(1558, [round(watts / RATED_KW), None], "i16")
        yield from _block(1560, [self._mains_watts], "i32")
        yield from _block(1562, [None] * 4, "u32")

    def _accumulated(self, now: int) -> Iterator[tuple[int, int]]:
        """Page 7: clock and counters."""
        yield from _block(1792, [now // 1000], "u32")
        yield from _block(1794, [None], "i32")
        yield from _block(1796, [None, 1_234_800 + self._set.run_ms // 1000] + [None] * 4, "u32")
        yield from _block(1808, [57 + self._set.starts], "u32")

    def _named_alarms(self) -> Iterator[tuple[int, int]]:
        """Page 154: four alarms to a register, the first in the highest bits."""
        codes = [self._set.alarms.get(name, _INACTIVE) for name in ALARMS]
        codes += [_UNIMPLEMENTED] * (4 * len(_ALARM_REGISTERS) - len(codes))
        yield 39424, len(ALARMS)
        for index, address in enumerate(_ALARM_REGISTERS):
            first, second, third, fourth = codes[4 * index : 4 * index + 4]
            yield address, first << 12 | second << 8 | third << 4 | fourth

    def _outputs(self) -> Iterator[tuple[int, int]]:
        """Page 190: outputs and lamps, in the order of one live unit."""
        cranking = self._set.phase is Phase.CRANKING
        closed, mains_closed = self._set.on_load, self._set.mains_closed
        mode = self._set.mode
        lamps = [
            mode is Mode.STOP,
            mode is Mode.MANUAL,
            mode in {Mode.TEST_ON_LOAD, Mode.TEST_OFF_LOAD},
            mode is Mode.AUTO,
            self._set.mains,
            mains_closed,
            closed,
            self._set.at_speed,
        ]
        fuel = self._set.running or cranking
        outputs = [fuel, cranking, False, False, False, False, closed, mains_closed]
        yield from _block(48640, [int(on) for on in [*outputs, *lamps, *[False] * 6]], "u16")

    @property
    def _rpm(self) -> int:
        if self._set.at_speed:
            return _RATED_RPM
        if self._set.phase is Phase.RUNNING_UP:
            return _RATED_RPM // 2
        return _CRANK_RPM if self._set.phase is Phase.CRANKING else 0

    @property
    def _generator_watts(self) -> int:
        return round(self._load_kw * 1000) if self._set.on_load else 0

    @property
    def _mains_watts(self) -> int:
        return round(self._load_kw * 1000) if self._set.mains_closed and self._set.mains else 0

    @property
    def _amps(self) -> int:
        """Per phase, in tenths, at a power factor of 0.9."""
        return round(self._load_kw * 1000 / 3 / _PHASE_V / 0.9 * 10)


def _volts(volts: float) -> int:
    return round(volts * 10)


def _block(address: int, values: Iterable[int | None], kind: str) -> Iterator[tuple[int, int]]:
    """Values one behind the other, high word first; None is the sentinel for what is not fitted."""
    for value in values:
        raw = _NOT_FITTED[kind] if value is None else value
        if kind.endswith("32"):
            yield address, raw >> 16 & 0xFFFF
            address += 1
        yield address, raw & 0xFFFF
        address += 1
