"""Trouble of a device told once, and its end once: nonsense (`device.fault`), silence (`device.offline`)."""

from collections.abc import Mapping

import msgspec

from edge.ports import Happened

CALM_MS = 5_000
"""How long a device must make sense again before its fault is over, so that a flickering one is one spell."""
OFFLINE_AFTER = 3
"""Reads in a row without an answer before a device is offline."""
_NAMED = 5


class Spell(msgspec.Struct, frozen=True, gc=False):
    """Whether a fault has been told, and since when the device has made sense again."""

    told: bool = False
    calm_since: int | None = None


class Silence(msgspec.Struct, frozen=True, gc=False):
    """Reads in a row that failed, the first of them, and whether it has been told."""

    failures: int = 0
    since: int = 0
    told: bool = False


def on_sense(
    spell: Spell, device: str, causes: Mapping[str, str], now: int
) -> tuple[Spell, tuple[Happened, ...]]:
    """After an answer: `causes` are the things without a value, by name, with the reason for each."""
    if causes:
        event = () if spell.told else (_event(device, "device.fault", now, _named(causes)),)
        return Spell(told=True), event
    if not spell.told:
        return spell, ()
    since = now if spell.calm_since is None else spell.calm_since
    if now - since < CALM_MS:
        return Spell(told=True, calm_since=since), ()
    return Spell(), (_event(device, "device.fault", now, {"state": "cleared"}),)


def on_silence(silence: Silence, device: str, why: str, now: int) -> tuple[Silence, tuple[Happened, ...]]:
    """After a read that got no answer."""
    failures = silence.failures + 1
    since = silence.since if silence.failures else now
    if silence.told or failures < OFFLINE_AFTER:
        return Silence(failures, since, told=silence.told), ()
    return Silence(failures, since, told=True), (_event(device, "device.offline", now, {"why": why}),)


def on_voice(silence: Silence, device: str, now: int) -> tuple[Silence, tuple[Happened, ...]]:
    """After a read that got any answer."""
    if not silence.told:
        return Silence(), ()
    data = {"silent_ms": now - silence.since}
    return Silence(), (_event(device, "device.online", now, data),)


def _named(causes: Mapping[str, str]) -> dict[str, str | int]:
    first = sorted(causes)[:_NAMED]
    return {
        "state": "active",
        "points": ", ".join(first),
        "causes": ", ".join(sorted({causes[name] for name in first})),
        "count": len(causes),
    }


def _event(device: str, type_: str, now: int, data: Mapping[str, str | int]) -> Happened:
    return Happened(device=device, type=type_, at=now, observed_at=now, data=dict(data))
