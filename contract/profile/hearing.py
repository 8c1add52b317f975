"""For whom a message on a line counts: two devices that want the same one, of which only the first would hear it."""

import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from contract.profile.messages import Topic
from contract.profile.model import Profile, PublishingProfile
from contract.site import Device

_PLACE: Final = "{address}"
_ANY: Final = "{any}"
_Positions = frozenset[int]
_Key = tuple[str, str, tuple[str, ...], _Positions]


class _Claim(msgspec.Struct, frozen=True):
    """A topic of a device, with what a message must hold to count. `owner`: how a message says whose it is."""

    device: str
    line: str
    owner: str
    levels: tuple[str, ...]
    conditions: Mapping[str, tuple[str, ...]]

    @property
    def open(self) -> _Positions:
        """The levels where anything may stand."""
        return frozenset(place for place, level in enumerate(self.levels) if level == _ANY)

    def blanked(self, places: _Positions) -> tuple[str, ...]:
        """The levels, with those of `places` left out of account."""
        return tuple("" if place in places else level for place, level in enumerate(self.levels))


class Hearers:
    """The devices that messages are for. What only says that a device is there may be heard for several."""

    def __init__(self, devices: Iterable[tuple[Device, Profile | None]]) -> None:
        self._before: dict[str, tuple[str, str]] = {}
        claims = [
            claim
            for device, profile in devices
            if isinstance(profile, PublishingProfile)
            for claim in _claims(device, profile)
        ]
        shapes = {(len(claim.levels), claim.open) for claim in claims}
        held: dict[tuple[_Key, _Positions], list[_Claim]] = {}
        for claim in claims:
            for size, positions in shapes:
                if size == len(claim.levels):
                    self._place(claim, positions, held)

    def before(self, device: Device) -> tuple[str, str] | None:
        """The first device that hears what is for `device`, and the topic; None where there is none."""
        return self._before.get(device.id)

    def _place(
        self, claim: _Claim, positions: _Positions, held: dict[tuple[_Key, _Positions], list[_Claim]]
    ) -> None:
        places = claim.open | positions
        key = claim.line, claim.owner, claim.blanked(places), places
        for other in held.get((key, positions), ()):
            if other.device != claim.device and _overlap(other.conditions, claim.conditions):
                self._before.setdefault(claim.device, (other.device, "/".join(claim.levels)))
        mine = held.setdefault((key, claim.open), [])
        if claim not in mine:
            mine.append(claim)


def _claims(device: Device, profile: PublishingProfile) -> Iterator[_Claim]:
    if device.line is None:
        return
    address = device.address or device.id
    for topic in profile.topics:
        if topic.alive or topic.availability is not None:
            continue
        own, _, words = topic.topic.partition("?")
        query = urllib.parse.parse_qsl(words)
        named = [f"{name}={address}" for name, value in query if value == _PLACE]
        yield _Claim(
            device=device.id,
            line=device.line,
            owner="&".join([*named, f"@{address}" if topic.address_at is not None else ""]),
            levels=tuple(own.replace(_PLACE, address).split("/")),
            conditions=_conditions(topic, query),
        )


def _conditions(topic: Topic, query: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    called = {f"?{name}": (value,) for name, value in query if value != _PLACE}
    return {**topic.where, **called, "?": (topic.method,)}


def _overlap(one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether every message that counts for one counts for the other; two that tell different things may share a topic."""
    return _implies(one, other) or _implies(other, one)


def _implies(one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> bool:
    return all(
        path in one and (not wanted or (bool(one[path]) and set(one[path]) <= set(wanted)))
        for path, wanted in other.items()
    )
