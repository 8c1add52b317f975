"""What an MQTT line knows of its devices: who is there, up to when all is known, what was told already. Pure.

Times are boot clock ms.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from contract.causes import Cause, Why, because
from edge.messages import Messages
from edge.ports import Covered, Failed, Observation
from edge.said import Heard, Nonsense, Presence, Said, Told, Values, device_of

LAG_MS: Final = 5_000
"""A connection that is dead shows after twice its keepalive of 2 s: covered is only what lies before that."""
REDELIVERY_MS: Final = 30_000
"""How long a broker may wait before it gives again what was on its way when we left; nats-server's `ack_wait`."""


class _Span:
    """What is known of a device that is told of.

    `begun`: since when, where that is later than for all of its source; `covered_to`: up to when it was said.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.covered_to: int | None = None


class _Device:
    """`begun`: since when all of it comes in, with the connection that stands.

    `own` and `bridge`: whether it is there by its own word, and whether the bridge is that it is behind; None: nobody
    has said. `silent_after` (ms): it is known only while it is heard so often, and up to when it was `heard`; None for
    one that is known while it is there. `spans`: by device that it tells of, itself or another, what is known.
    """

    def __init__(
        self,
        messages: Messages,
        *,
        told: Iterable[str],
        own: bool | None,
        bridge: bool | None,
        buffers: bool,
        silent_after: int | None,
    ) -> None:
        self.own = own
        self.bridge = bridge
        self.buffers = buffers
        self.silent_after = silent_after
        self.heard: int | None = None
        self.begun: int | None = None
        self.spans = {name: _Span() for name in told}
        self.messages = messages

    @property
    def present(self) -> bool | None:
        """Whether it is there; None while nobody can tell."""
        if self.own is False or self.bridge is False:
            return False
        return None if self.own is None or self.bridge is None else True

    def spoke(self, now: int) -> None:
        """A message came from it just now."""
        if self.silent_after is not None and (self.heard is None or now - self.heard > self.silent_after):
            self.begun = max(now, self.begun or 0)
            self.cut()
        self.heard = now

    def cut(self) -> None:
        """What follows does not follow on what is known so far."""
        if self.buffers:
            return
        for span in self.spans.values():
            span.covered_to = None

    def is_silent(self, now: int) -> bool:
        """Whether it has not been heard for longer than it may."""
        since = max(self.heard or 0, self.begun or 0)
        return self.silent_after is not None and self.begun is not None and now - since > self.silent_after

    def known_to(self, now: int) -> int | None:
        """Up to when all that it did has come in; None when that can't be said."""
        if self.silent_after is None:
            return now - LAG_MS
        return None if self.heard is None else min(now - LAG_MS, self.heard)

    @property
    def unknown(self) -> frozenset[str]:
        """The devices, of those that it tells of, of which is not known what they do."""
        return self.messages.blind | self.messages.unheard

    def lost(self) -> None:
        """Messages of it may have been lost: its states are not known until they are told again."""
        if not self.buffers:
            self.messages.lost()
            self.cut()

    def told_something(self, was_blind: frozenset[str], now: int) -> None:
        """After a message: of a device that it blinds nothing is known until one that tells of it again."""
        blind = self.unknown
        for name in blind | was_blind:
            span = self.spans.get(name)
            if span is None:
                continue
            if name not in blind:
                span.begun = now
            elif not self.buffers:
                span.covered_to = None


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """By what the devices of a line show that they are there.

    Those in `own` say so themselves, of those in `bridge` the bridge before them says whether it is; those in
    `silent_after` are known only while they are heard, at least once in so many ms. The others are while the line is up.
    """

    own: frozenset[str] = frozenset()
    bridge: frozenset[str] = frozenset()
    silent_after: Mapping[str, int] = {}


class LinePresence:
    """The devices of a line.

    `buffering` ones keep their events while they are away. `remembered` are keys of messages read before. `told_of`: by
    device, all that it tells of, by default itself. `cards`: those that the site knows.
    """

    def __init__(
        self,
        devices: Iterable[str],
        *,
        signs: Signs,
        buffering: frozenset[str] = frozenset(),
        remembered: Iterable[tuple[str, str]] = (),
        told_of: Mapping[str, tuple[str, ...]] | None = None,
        cards: frozenset[str] = frozenset(),
    ) -> None:
        self._told_of = told_of or {}
        self._up = False
        self._devices = {
            name: _Device(
                Messages(name, cards),
                told=self._told_of.get(name, (name,)),
                own=None if name in signs.own else True,
                bridge=None if name in signs.bridge else True,
                buffers=name in buffering,
                silent_after=signs.silent_after.get(name),
            )
            for name in devices
        }
        for name, message in remembered:
            # One that is no more may have another name now.
            heirs = [self._devices[name]] if name in self._devices else self._devices.values()
            for device in heirs:
                device.messages.remember(message)

    def note(self, device: str) -> bytes:
        """See `Messages.note`."""
        return self._devices[device].messages.note()

    def recall(self, device: str, note: bytes | None) -> None:
        """See `Messages.recall`."""
        self._devices[device].messages.recall(note)

    def connected(self, now: int, *, remembered: bool) -> None:
        """The line is up. `remembered`: the broker kept for us what happened meanwhile, and gives it now."""
        self._up = True
        for device in self._devices.values():
            device.begun = now + (REDELIVERY_MS if remembered else 0)
            if not remembered:
                device.lost()

    def disconnected(self) -> None:
        """The line is down."""
        self._up = False
        for device in self._devices.values():
            device.messages.doubt()

    def as_it_was(self, devices: Iterable[str]) -> Callable[[], None]:
        """See `Messages.as_it_was`, for several devices."""
        backs = [self._devices[name].messages.as_it_was() for name in devices]

        def back() -> None:
            for one in backs:
                one()

        return back

    def takes(self, said: Said, now: int, *, retained: bool) -> list[Observation]:
        """What any message tells; `retained`: the broker kept it, nobody knows since when."""
        if not retained and not isinstance(said, Presence):
            self._devices[device_of(said)].spoke(now)
        match said:
            case Told():
                # A retained event is of nobody knows when.
                return [] if retained else self.told(said)
            case Values():
                return self.values(said, now, retained=retained)
            case Presence():
                return self.presence(said, now)
            case Nonsense():
                return self.nonsense(said, now)
            case Heard():
                return []

    def told(self, said: Told) -> list[Observation]:
        """An event; nothing if its message was read before."""
        return self._heard(said.event.device, said.event.observed_at, lambda on: on.told(said))

    def values(self, said: Values, now: int, *, retained: bool) -> list[Observation]:
        """See `Messages.values`."""
        return self._heard(said.device, now, lambda on: on.values(said, now, retained=retained))

    def presence(self, said: Presence, now: int) -> list[Observation]:
        """A device came or went."""
        device = self._devices[said.device]
        was_present = device.present
        if said.bridge:
            device.bridge = said.online
        else:
            device.own = said.online
        if device.present and not was_present:
            device.begun = max(now, device.begun or 0)
        if not said.online:
            device.messages.doubt()
            device.lost()
        return self._heard(said.device, now, lambda on: on.makes_sense(now))

    def nonsense(self, said: Nonsense, now: int) -> list[Observation]:
        """A message that can't be read: told once, until the next one that can."""
        return self._heard(said.device, now, lambda on: on.nonsense(said, now))

    def _heard(self, name: str, now: int, tell: Callable[[Messages], list[Observation]]) -> list[Observation]:
        device = self._devices[name]
        was_blind = device.unknown
        seen = tell(device.messages)
        device.told_something(was_blind, now)
        return seen

    def look_around(self, now: int) -> list[Observation]:
        """What can be said of every device: is it there, and up to when is all known. To be called each second."""
        covered: dict[tuple[int, int], list[str]] = {}
        failed: dict[Why, list[str]] = {}
        for device in self._devices.values():
            blind, why = device.messages.blind, self._absent(device, now)
            unheard = device.messages.unheard
            for name, span in device.spans.items():
                if amiss := why or (because(Cause.NOT_UNDERSTOOD) if name in blind else None):
                    failed.setdefault(amiss, []).append(name)
                elif name not in unheard and (known := _next_span(device, span, now)):
                    covered.setdefault(known, []).append(name)
        said: list[Observation] = [
            Failed(devices=tuple(names), at=now, why=why) for why, names in failed.items()
        ]
        return said + [Covered(devices=tuple(names), since=s, to=t) for (s, t), names in covered.items()]

    def _absent(self, device: _Device, now: int) -> Why | None:
        """Why nothing is known of a device now; None when it is there or nobody can tell yet."""
        if not self._up:
            return because(Cause.LINE_DOWN, detail="broker")
        if device.present is False:
            return because(Cause.OFFLINE)
        if device.is_silent(now):
            return because(Cause.NOT_HEARD)
        silent = device.present is None and device.begun is not None and now - device.begun > 2 * LAG_MS
        return because(Cause.NO_WORD_YET) if silent else None


def _next_span(device: _Device, span: _Span, now: int) -> tuple[int, int] | None:
    if not device.present or device.begun is None:
        return None
    to, begun = device.known_to(now), max(device.begun, span.begun)
    if to is None or to < begun:
        return None
    since = begun if span.covered_to is None else span.covered_to
    if device.silent_after is not None and to == span.covered_to:
        return None
    span.covered_to = to
    return since, to
