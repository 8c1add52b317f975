"""What the decoder knows of a device beforehand: its requests, and whose events each of them bears."""

from collections.abc import Iterator, Mapping

import msgspec

from contract.profile.points import DerivedPoint, DeviceMap, Point
from edge.decode.states import Key
from edge.plan import Request, plan

BRIDGED_POLLS = 2.2
"""One read may be missing: what stands for two polls is seen all the same (verdicts.md 4: bridge). A tenth for jitter,"""
JITTER_MS = 1_000
"""and for quick polls what a busy machine may lose."""


_RESET = frozenset({"fire.reset"})
_FIRES = frozenset({"fire.alarm", "fire.prealarm", "fire.fault", "fire.isolated"})


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One device on its line.

    `told`: by device that events are told of (the device itself, or a gate behind an input module), by key of
    each request that bears on it, the points that must be known for it to be covered. `derived_of`: by request
    key, the derived points that it feeds; `inputs` are all points that feed any, or
    in which the scale of another stands: `scalers`. `scaled`: by request key, the points that have such a scale. `resets`: the states that are the reset
    of the whole panel.
    """

    map: DeviceMap
    requests: tuple[Request, ...]
    told: Mapping[str, Mapping[str, frozenset[str]]]
    derived_of: Mapping[str, tuple[DerivedPoint, ...]]
    inputs: frozenset[str]
    scalers: frozenset[str]
    scaled: Mapping[str, tuple[Point, ...]]
    expected: frozenset[str]
    resets: frozenset[Key]

    def bridge_ms(self, request: Request) -> int:
        """How long two good reads may lie apart for the time between to count as seen."""
        return bridge_ms(self.map.polls[request.poll])


def bridge_ms(every_ms: int) -> int:
    """How long two good reads may lie apart, of what is read each `every_ms`, for the time between to count as seen."""
    return max(round(BRIDGED_POLLS * every_ms), every_ms + JITTER_MS)


def sheet(device: DeviceMap) -> Sheet:
    """The sheet of a device."""
    requests = plan(device.points, device.limits)
    scalers = frozenset(point.scaled_by for point in device.points if point.scaled_by)
    return Sheet(
        map=device,
        requests=requests,
        told=_told(device, requests),
        derived_of={
            request.key: tuple(
                derived
                for derived in device.derived
                if any(point.name in derived.of for point in request.points)
            )
            for request in requests
        },
        inputs=frozenset(name for derived in device.derived for name in derived.needs) | scalers,
        scalers=scalers,
        scaled={
            request.key: tuple(point for point in request.points if point.scaled_by) for request in requests
        },
        expected=frozenset(point.name for point in device.points if point.expected),
        resets=frozenset(_begun_with(device, _RESET)),
    )


def fires_of(device: DeviceMap) -> frozenset[Key]:
    """The states of a device that the reset of the whole panel ends."""
    return frozenset(_begun_with(device, _FIRES))


def _begun_with(device: DeviceMap, types: frozenset[str]) -> Iterator[Key]:
    """The states of a device whose begin is told by an event of those types. Points that are alike share their rules."""
    found: dict[int, tuple[str, ...]] = {}
    named = [(point.name, point.states) for point in device.points]
    named += [(point.name, point.states) for point in device.derived]
    for name, rules in named:
        if id(rules) not in found:
            found[id(rules)] = tuple(rule.name for rule in rules if rule.on in types)
        for rule in found[id(rules)]:
            yield name, rule


def _told(device: DeviceMap, requests: tuple[Request, ...]) -> dict[str, dict[str, frozenset[str]]]:
    """A device that tells nothing but numbers is covered by all of its reads."""
    needed_by: dict[str, list[str]] = {}
    for derived in device.derived:
        for name in derived.needs:
            needed_by.setdefault(name, []).append(derived.told.device)
    found: dict[str, dict[str, set[str]]] = {}
    for request in requests:
        key = request.key
        for point in request.points:
            told = point.told.device
            if point.states or (point.report and told != device.device):
                names = found.setdefault(told, {}).setdefault(key, set())
                if point.expected:
                    names.add(point.name)
            for told in needed_by.get(point.name, ()):
                found.setdefault(told, {}).setdefault(key, set()).add(point.name)
    if device.device not in found:
        found[device.device] = {request.key: set() for request in requests}
    return {
        told: {key: frozenset(names) for key, names in of_requests.items()}
        for told, of_requests in found.items()
    }
