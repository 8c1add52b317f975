"""Generator controllers and a transfer switch: one set, shown as each of these devices shows it.

The set is `genset.Genset`; a view tells what stands in the points of a profile while it is in a phase. Quirks are those
of the real devices: an HGM6120N calls voltage and frequency too low as long as the engine stands still.
"""

from collections.abc import Callable, Mapping
from typing import Final

from typing_extensions import override

from contract.profile.model import ModbusProfile
from contract.site import Device
from firmware_sim.device import Image, Inputs, SimDevice
from firmware_sim.device.genset import Genset, Mode, Phase, Timings
from firmware_sim.device.profiled import ProfiledDevice

Shown = Mapping[str, float | bool | str]
_FLAGS: Final = frozenset({"mains", "fails_to_start", "breaker_stuck"})
_VOLTS, _HZ, _RPM = 230.0, 50.0, 1500

_SMARTGEN: Final = {
    Phase.STANDBY: "standby",
    Phase.DELAY: "preheat",
    Phase.CRANKING: "crank",
    Phase.RESTING: "crank_rest",
    Phase.RUNNING_UP: "start_idle",
    Phase.WARM: "warming_up",
    Phase.TRANSFER: "normal_running",
    Phase.ON_LOAD: "normal_running",
    Phase.RETURNING: "normal_running",
    Phase.COOLING: "cooling",
    Phase.STOPPING: "energised_to_stop",
    Phase.LOCKED_OUT: "after_stop",
}
_COMAP: Final = {
    Phase.STANDBY: "ready",
    Phase.DELAY: "prestart",
    Phase.CRANKING: "cranking",
    Phase.RESTING: "pause",
    Phase.RUNNING_UP: "starting",
    Phase.WARM: "running",
    Phase.TRANSFER: "running",
    Phase.ON_LOAD: "loaded",
    Phase.RETURNING: "loaded",
    Phase.COOLING: "cooling",
    Phase.STOPPING: "stop",
    Phase.LOCKED_OUT: "shutdown",
}
_COMAP_MODE: Final = {Mode.STOP: "off", Mode.AUTO: "auto", Mode.MANUAL: "manual"}


def _smartgen(unit: Genset, load_kw: float) -> Shown:
    steady = unit.at_speed and _SMARTGEN[unit.phase] == "normal_running"
    return {
        "engine_state": _SMARTGEN[unit.phase],
        "gen_on_load": unit.on_load,
        "auto_mode": unit.mode is Mode.AUTO,
        "crank_failure_shutdown": "fail_to_start" in unit.alarms,
        "gen_ua": _VOLTS if steady else 0,
        "gen_frequency": _HZ if steady else 0,
        "engine_speed": _RPM if unit.at_speed else 0,
        "active_power": load_kw if unit.on_load else 0,
    }


def _hgm6120n(unit: Genset, load_kw: float) -> Shown:
    shown = dict(_smartgen(unit, load_kw))
    shown["crank_failure"] = shown.pop("crank_failure_shutdown")
    still = not unit.at_speed
    return {
        **shown,
        "mains_normal": unit.mains,
        "mains_on_load": unit.mains_closed,
        "mains_ua": _VOLTS if unit.mains else 0,
        "gen_undervoltage": still,
        "gen_underfrequency": still,
    }


def _comap(unit: Genset, load_kw: float) -> Shown:
    return {
        "engine_state": _COMAP[unit.phase],
        "controller_mode": _COMAP_MODE.get(unit.mode, "test"),
        "engine_speed": _RPM if unit.at_speed else 0,
        "active_power": load_kw if unit.on_load else 0,
    }


def _dse_mk1(unit: Genset, load_kw: float) -> Shown:
    generator = _VOLTS if unit.at_speed else 0
    mains = _VOLTS if unit.mains else 0
    return {
        "control_mode": unit.mode.name.lower(),
        "engine_speed": _RPM if unit.at_speed else 0,
        "generator_frequency": _HZ if unit.at_speed else 0,
        "mains_frequency": _HZ if unit.mains else 0,
        **{f"generator_l{phase}_voltage": generator for phase in (1, 2, 3)},
        **{f"mains_l{phase}_voltage": mains for phase in (1, 2, 3)},
        "active_power": load_kw if unit.on_load else 0,
        "fail_to_start": unit.alarms.get("fail_to_start", 1),
    }


def _transfer_switch(unit: Genset, _load_kw: float) -> Shown:
    position = "source_2" if unit.on_load else "source_1" if unit.mains_closed else "open"
    return {
        "operating_mode": "auto" if unit.mode is Mode.AUTO else "manual",
        "switch_position": position,
        "source_1_state": "available" if unit.mains else "under_threshold",
        "source_2_state": 2 if unit.at_speed else 0,
    }


VIEWS: Final[Mapping[str, Callable[[Genset, float], Shown]]] = {
    "smartgen-hgm6120n": _hgm6120n,
    "smartgen-hsc941": _smartgen,
    "comap-intelilite4": _comap,
    "dse-73xx-mk1": _dse_mk1,
    "socomec-atys-pm": _transfer_switch,
}
"""By profile, how it shows the set."""
_HGM_MAINS_STATUS: Final = 40
_HGM_MAINS_WELL: Final = 2


class SetController(SimDevice):
    """A set under the controller of a profile, in auto, the mains being there.

    Inputs: `mains` (bool), `mode` (`stop`, `auto`, `manual`, `test_on_load`, `test_off_load`), `load_kw`,
    `fails_to_start`, `breaker_stuck`, `reset` (True acknowledges the alarms), and any point that the set does not move.
    """

    def __init__(self, profile: ModbusProfile, device: Device, timings: Timings | None = None) -> None:
        self._shown = ProfiledDevice(profile, device)
        self._view = VIEWS[profile.profile]
        self._extra = {_HGM_MAINS_STATUS: _HGM_MAINS_WELL} if profile.profile == "smartgen-hgm6120n" else {}
        self._set = Genset(timings or Timings())
        self._load_kw = 80.0
        self._viewed: Shown = {}
        self._base = self._shown.image()
        self._image = self._base.with_registers(self._extra)

    @override
    def update(self, now: int, inputs: Inputs) -> Image:
        self._set.advance(now)
        for name, value in inputs.items():
            self._take(name, value, now)
        self._set.react(now)
        view = self._view(self._set, self._load_kw)
        if inputs or view != self._viewed:
            self._viewed = view
            for name, shown in view.items():
                self._shown.set(name, shown)
        base = self._shown.image()
        if base is not self._base:
            self._base, self._image = base, base.with_registers(self._extra)
        return self._image

    def _take(self, name: str, value: float | bool | str, now: int) -> None:
        if name == "mode":
            self._set.mode = Mode[str(value).upper()]
        elif name in _FLAGS:
            setattr(self._set, name, bool(value))
        elif name == "load_kw":
            self._load_kw = float(value)
        elif name == "reset":
            if value:
                self._set.reset(now)
        else:
            self._shown.set(name, value)
