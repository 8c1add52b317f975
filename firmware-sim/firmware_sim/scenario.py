"""Scenarios as data (`config/scenarios/*.yaml`): who walks where, how people behave, and what befalls the site.

`firmware_sim.scenario_file` reads one for a site.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contract.duration import parse_duration
from contract.site import Id, Text

Span = Annotated[
    str, Meta(pattern=r"^[0-9]+(ms|s|m|h|d)$", description="a duration such as 500ms, 20s, 3m or 24h")
]
Chance = Annotated[float, Meta(ge=0, le=1, description="a chance between 0 and 1")]
Pace = Annotated[float, Meta(ge=1, le=10, description="a factor of 1 or more on the site's walking seconds")]
SLOWEST, FASTEST = 0.1, 100
Speed = Annotated[
    float, Meta(ge=SLOWEST, le=FASTEST, description="a factor between 0.1 and 100 on the speed of time")
]
InputValue = bool | int | float | str


def ms(span: str) -> int:
    """A checked `Span` in milliseconds."""
    return parse_duration(span).ms


class Between(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A length of time drawn evenly between two, both included."""

    least: Span
    most: Span


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a person behaves.

    `turns_out`: the chance to follow a call at all; `reaction`: from the call to setting off; `slowest`: each
    way takes between once and so many times the site's walking seconds; `dwell`: from coming into a zone to
    holding the card to its reader; `stays`: at the scene; `rest`: between two rounds.
    """

    turns_out: Chance = 0.95
    reaction: Between = Between(least="3s", most="12s")
    slowest: Pace = 1.4
    dwell: Between = Between(least="2s", most="6s")
    stays: Between = Between(least="40s", most="2m")
    rest: Between = Between(least="2m", most="5m")


class Actor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person of the site who is there: in zone `at` when the scenario starts, walking `route` over and over.

    The first round begins after `begins`. Somebody without a route waits where they are for a call.
    """

    person: Id
    at: Id
    route: Id | None = None
    begins: Span = "0s"
    behaviour: Behaviour | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is called: the `sends` nearest people of a role."""

    role: Id
    sends: Annotated[int, Meta(ge=0)] = 1


class Calls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is called to what."""

    fire: Call = Call(role="rescue", sends=2)
    mains: Call = Call(role="engineer", sends=1)


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """Something that befalls the site: at `at` after the start, then `every` so often, moved by up to `jitter`."""

    at: Span
    every: Span | None = None
    jitter: Span = "0s"


class Fire(Step, frozen=True, kw_only=True, tag="fire"):
    """Smoke in one of `zones`, drawn each time, that clears after `lasts`.

    `answered: false` lets nobody come; else each who is called decides by their behaviour.
    """

    zones: tuple[Id, ...]
    lasts: Span = "3m"
    answered: bool = True


class MainsFailure(Step, frozen=True, kw_only=True, tag="mains-failure"):
    """The mains are gone for `lasts`."""

    lasts: Span
    answered: bool = True


class GateStuck(Step, frozen=True, kw_only=True, tag="gate-stuck"):
    """A gate's lock does not move for `lasts`, whatever the panel says."""

    gate: Id
    lasts: Span


class DoorOpened(Step, frozen=True, kw_only=True, tag="door-opened"):
    """Somebody opens a door and it stays open for `lasts`."""

    door: Id
    lasts: Span = "8s"


class ReaderOffline(Step, frozen=True, kw_only=True, tag="reader-offline"):
    """A reader has no network for `lasts`; it keeps what it reads and sends it later, unless `keeps: false`."""

    reader: Id
    lasts: Span
    keeps: bool = True


class ReaderClock(Step, frozen=True, kw_only=True, tag="reader-clock"):
    """A reader's own clock is off by `seconds` (negative: behind) for `lasts`."""

    reader: Id
    seconds: int
    lasts: Span


class ReaderRepeats(Step, frozen=True, kw_only=True, tag="reader-repeats"):
    """A reader sends each scan `copies` times for `lasts`."""

    reader: Id
    copies: Annotated[int, Meta(ge=2, le=10)] = 2
    lasts: Span


class DeviceFault(Step, frozen=True, kw_only=True, tag="device-fault"):
    """A Modbus device misbehaves on its line for `lasts`.

    `frozen`: it goes on showing what it showed. `restart`: it is silent, and comes back having forgotten everything.
    """

    device: Id
    fault: Literal[
        "silence", "late", "wrong-unit", "bad-crc", "exception", "garbage", "frozen", "restart"
    ] = "silence"
    lasts: Span


class SetInputs(Step, frozen=True, kw_only=True, tag="set-inputs"):
    """Inputs of a simulated device are set by name, as its own page documents them."""

    device: Id
    inputs: dict[str, InputValue]


AnyStep = (
    Fire
    | MainsFailure
    | GateStuck
    | DoorOpened
    | ReaderOffline
    | ReaderClock
    | ReaderRepeats
    | DeviceFault
    | SetInputs
)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scenario file holds. `seed` decides all chance in it; `speed` is how fast its time runs."""

    scenario: Id
    name: Text = Text()
    seed: int = 1
    speed: Speed = 1.0
    behaviour: Behaviour = Behaviour()
    calls: Calls = Calls()
    people: tuple[Actor, ...] = ()
    steps: tuple[AnyStep, ...] = ()
