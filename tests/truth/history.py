"""One device of a shipped profile, played through a random history and read by the agent's own decisions.

The truth is the simulator's: which inputs are on at the end, when each changed, and while the device was out of reach.
"""

import contextlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from contract.profile.model import MeterProfile, ModbusProfile
from edge.parts import PartNames
from edge.ports import Observation
from sitewarden.rehearsal.lines import AskedBus
from sitewarden.rehearsal.spoken import MqttBus, Switchboard
from tests.truth.device import Value, device_of, inputs_of, line_of, polls_ms, profile_of, unnoticed_ms
from tests.truth.product import Product
from tests.truth.timeline import Timeline

QUIET_MS: Final = 20_000
"""Longer than the longest pause after failures, and than a device must have made sense for."""
ALIVE: Final = frozenset(
    {
        "comap-intelilite4",
        "dse-7320-mkii",
        "dse-73xx-mk1",
        "smartgen-hgm6120n",
        "smartgen-hsc941",
        "socomec-atys-pm",
    }
)
"""Sets that start and take the load in their own time: when, only they know."""
ALIVE_MS: Final = 60_000
"""So long it takes them at the most to come to rest."""
STEPS: Final = 12
_PASSES_MS: Final = 1_000
SILENCE: Final = ("exception", "silence", "late", "bad-crc", "garbage", "wrong-unit", "restart")


class Played:
    """A line in virtual time, and all that was seen on it. `product`: who is told of it, if anybody."""

    def __init__(self, name: str, product: Product | None = None) -> None:
        self.line = line_of(profile_of(name), device_of(name))
        self.product = product
        self.now = 0
        self.seen: list[Observation] = []
        self._passed = 0

    def until(self, end: int) -> None:
        """Let time pass."""
        while self.line.due < end:
            self.now = max(self.now, self.line.due)
            self._saw(self.line.live(self.now))
            if self.now - self._passed >= _PASSES_MS:
                self._pass()
        self.now = end
        self._pass()

    def _pass(self) -> None:
        self._passed = self.now
        if self.product is not None:
            self.product.passes(self.now)

    def put(self, values: Mapping[str, Value]) -> None:
        """Something happens to the device now."""
        self._saw(self.line.takes(self.now, "dev", values))

    def mend(self, *, kept: bool) -> None:
        """The cable or the agent is back."""
        self._saw(self.line.mend(self.now, kept=kept))

    def _saw(self, seen: Sequence[Observation]) -> None:
        self.seen += seen
        if self.product is not None and seen:
            self.product.sees(seen)


class History:
    """A random history: what was done, and what the simulator is like at its end."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.product = Product(name, seed)
        self.played = Played(name, self.product)
        self.values: dict[str, Value] = {}
        self.silent: list[tuple[int, int]] = []
        self.held: list[tuple[int, int]] = []
        """When what a device had to say was held back."""
        self.unnoticed: list[tuple[int, int]] = []
        """When the device itself held it back, and nobody could know."""
        self.moments: set[int] = {0}
        """When anything was done to the device."""
        self.truth = Timeline(name, PartNames(self.product.site))
        self._chance = Random(f"{name} {seed}")
        self._inputs = inputs_of(name)
        self._is_bus = isinstance(profile_of(name), ModbusProfile | MeterProfile)

    def play(self, steps: int = STEPS) -> None:
        """Do random things, then leave the device alone and in reach."""
        self.begin()
        for _ in range(steps):
            self._step()
            self.played.until(self.played.now + self._chance.choice((300, 3_000, 20_000)))
        self.end()

    def play_restart(self) -> None:
        """Everything is otherwise than at the beginning when the agent stops, and as at the beginning when it is back."""
        self.begin()
        self._put({name: values[-1] for name, values in self._inputs.items()})
        self.played.until(self.played.now + self.quiet_ms)
        start = self.played.now
        self.played.line.cut(agent=True)
        self.product.is_down = True
        self._put({name: values[0] for name, values in self._inputs.items()})
        self.played.until(self.played.now + 2_000)
        self.product.restarts()
        self._mend(start, kept=False)
        self.end()

    def _mend(self, start: int, *, kept: bool) -> None:
        self.played.mend(kept=kept)
        self.held.append((start, self.played.now))
        line = self.played.line
        if isinstance(line, AskedBus) or (not kept and isinstance(line, MqttBus)):
            self.silent.append((start, self.played.now))

    def end(self) -> None:
        """Leave the device alone and in reach, until all that is so has been told."""
        self.played.until(self.played.now + self.quiet_ms)
        if not self._is_bus:
            self.played.put(self.values)
            self.played.until(self.played.now + QUIET_MS)
        self.product.ends(self.played.now)

    @property
    def quiet_ms(self) -> int:
        """How long nothing happens at the end: all is read again, what is read slowly twice."""
        return (ALIVE_MS if self.name in ALIVE else QUIET_MS) + 2 * max(polls_ms(self.name), default=0)

    def begin(self) -> None:
        """Give every input its first value."""
        self.played.until(5_000)
        self._put({name: values[0] for name, values in self._inputs.items()})
        self.played.until(30_000)

    def _put(self, values: Mapping[str, Value]) -> None:
        self.values |= values
        self.moments.add(self.played.now)
        self.played.put(values)
        self._look()

    def _look(self) -> None:
        if self.name not in ALIVE:
            self.truth.looks(self.played.now, self.played.line, self.values)

    def _step(self) -> None:
        names = sorted(self._inputs)
        if not names:
            return
        match self._chance.choice(("set", "set", "set", "several", "repeat", "trouble")):
            case "set":
                name = self._chance.choice(names)
                self._put({name: self._chance.choice(self._inputs[name])})
            case "several":
                chosen = self._chance.sample(names, min(3, len(names)))
                self._put({name: self._chance.choice(self._inputs[name]) for name in chosen})
            case "repeat":
                name = self._chance.choice(names)
                self._put({name: self.values[name]})
            case _:
                self._trouble()

    def _trouble(self) -> None:
        """The device or the agent is out of reach, begins anew, or says things oddly."""
        line, chance = self.played.line, self._chance.random()
        if chance < 0.3:
            self._cut(agent=chance < 0.15)
        elif isinstance(line, AskedBus) and chance < 0.45:
            line.closes(answers=self._chance.choice((0, 1, 3)), idle_ms=self._chance.choice((0, 400)))
        elif isinstance(line, AskedBus):
            self._misbehaves(self._chance.choice(SILENCE))
        elif chance < 0.6:
            self._try({"off_by_ms": self._chance.choice((0, -7_200_000, 45_000)), "copies": 2})
        elif isinstance(line, Switchboard):
            self._misbehaves(self._chance.choice(("doubled", None)))
        else:
            start = self.played.now
            self._try({"online": False})
            self._while_away()
            self.played.until(self.played.now + self._lasts())
            self._try({"copies": 1, "online": True})
            self.held.append((start, self.played.now))
            if self.played.now - start <= unnoticed_ms(self.name):
                self.unnoticed.append((start, self.played.now))

    def _lasts(self) -> int:
        return self._chance.choice((2_000, 20_000, 120_000))

    def _cut(self, *, agent: bool) -> None:
        """Nothing comes in for a while: the cable is out, or the agent has stopped."""
        start = self.played.now
        self.played.line.cut(agent=agent)
        self.product.is_down = agent
        self.played.until(start + self._lasts())
        self._while_away()
        self.played.until(self.played.now + 1_000)
        if agent:
            self.product.restarts()
        self._mend(start, kept=self._chance.random() < 0.7)

    def _misbehaves(self, fault: str | None) -> None:
        start = self.played.now
        self.played.line.misbehaves(start, "dev", fault)
        if fault in SILENCE:
            self.played.until(start + self._lasts())
            self._while_away()
            self.played.line.misbehaves(self.played.now, "dev", None)
            self._look()
            self.silent.append((start, self.played.now))

    def _try(self, odd: Mapping[str, Value]) -> None:
        """Put those of the inputs that the device has."""
        for name, value in odd.items():
            with contextlib.suppress(KeyError):
                self.played.put({name: value})

    def _while_away(self) -> None:
        """What happens meanwhile is found only afterwards."""
        name = self._chance.choice(sorted(self._inputs) or [""])
        if not name:
            return
        self._put({name: self._chance.choice(self._inputs[name])})

    def read_fresh(self) -> Played:
        """The same device as it is at the end, seen by a reader that knows nothing of its history."""
        fresh = Played(self.name)
        if isinstance(fresh.line, AskedBus) and isinstance(self.played.line, AskedBus):
            # The very device, as it is now: some would go on living by themselves.
            fresh.line.played = self.played.line.played
            fresh.line.hold()
        fresh.now = fresh.line.due = self.played.now
        fresh.until(fresh.now + 2_000)
        if not isinstance(fresh.line, AskedBus):
            fresh.put(self.values)
        fresh.until(fresh.now + 2_000)
        return fresh
