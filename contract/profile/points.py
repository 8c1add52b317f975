"""A device's points as the reader works with them: profile and site joined, nothing left to look up."""

from collections.abc import Mapping

import msgspec

from contract.profile.model import Alive, Condition, Kind, Limits
from contract.profile.words import Fact


class StateRule(msgspec.Struct, frozen=True, kw_only=True):
    """A `State` of the profile; points that are alike share one. `name` is unique within the point.

    `part`: what the state adds to the name of the part, where the point has several of a type. `is_part_by_word`: each
    of its words is a part of its own, of which one ends as the next begins.
    With `mask`, the state is so when `(raw & mask) >> shift` is in `codes`,
    else when the number is beyond `above` or `below`; `inverted` turns it round.
    """

    name: str
    mask: int = 0
    shift: int = 0
    codes: frozenset[int] = frozenset()
    words: Mapping[int, str] = {}
    label: str = "word"
    part: str = ""
    is_part_by_word: bool = False
    once: bool = False
    absent: frozenset[int] = frozenset()
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    inverted: bool = False
    on: str | None = None
    off: str | None = None
    on_data: Mapping[str, Fact] = {}
    off_data: Mapping[str, Fact] = {}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Of which device and zone a point's events are told, and the facts that each of them carries."""

    device: str
    zone: str | None = None
    data: Mapping[str, Fact] = {}


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one device. `width` counts registers, or bits for functions 1 and 2.

    `name` is unique within the device; `reading` is what its readings are called, its name where it is empty.

    `swapped`: the bytes in each register are. `form`: the words of a date; `mask`: the bits that count, 0 for all.
    `decimals_from`, `exponent_from` and `scale_from` name points of the same device.

    `optional`: devices of this kind may not have it; `expected`: this one is to have it, so that its absence is
    a fault (it is not optional, or the site binds it).
    """

    name: str
    told: Told
    function: int
    address: int
    width: int = 1
    kind: Kind = Kind.UINT16
    low_first: bool = False
    swapped: bool = False
    codes: Mapping[str, int] = {}
    form: tuple[str, ...] = ()
    bcd: bool = False
    mask: int = 0
    signed: bool = False
    decimals_from: str | None = None
    exponent_from: str | None = None
    scale_from: str | None = None
    scales: Mapping[int, float] = {}
    reading: str = ""
    unit: str = ""
    verified: bool = True
    scale: float = 1.0
    offset: float = 0.0
    low: float | None = None
    high: float | None = None
    na: Mapping[int, str] = {}
    absent_causes: frozenset[str] = frozenset()
    absent_mask: int = 0
    absent_codes: frozenset[int] = frozenset()
    optional: bool = False
    expected: bool = True
    report: bool = True
    deadband: float = 0.0
    heartbeat_ms: int = 300_000
    poll: str = "normal"
    shortest_ms: int | None = None
    states: tuple[StateRule, ...] = ()

    @property
    def scaled_by(self) -> str | None:
        """The point in which its scale stands."""
        return self.decimals_from or self.exponent_from or self.scale_from

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.width


class DerivedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A number that is the lowest or the highest of others, `otherwise` while its condition does not hold."""

    name: str
    told: Told
    of: tuple[str, ...]
    lowest: bool
    states: tuple[StateRule, ...]
    condition: Condition | None = None
    otherwise: float = 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The points that must be known for it to be."""
        return self.of if self.condition is None else (*self.of, self.condition.point)


class Lapse(msgspec.Struct, frozen=True, kw_only=True):
    """The reading `name`, in s, from an event of type `begin` to one of type `end`, at most that many ms later."""

    name: str
    begin: str
    end: str
    at_most_ms: int


class DeviceMap(msgspec.Struct, frozen=True, kw_only=True):
    """All that the reader knows of one device on a line. `polls`: ms between reads, by poll name."""

    device: str
    unit: int
    limits: Limits
    polls: Mapping[str, int]
    points: tuple[Point, ...]
    derived: tuple[DerivedPoint, ...] = ()
    lapses: tuple[Lapse, ...] = ()
    alive: Alive | None = None
