"""Nonsense of a device told once (`device.fault`), and its end once."""

from collections.abc import Mapping

import msgspec

from edge.ports import Happened

CALM_MS = 5_000
"""How long a device must make sense again before its fault is over, so that a flickering one is one spell."""
_NAMED = 5


class Spell(msgspec.Struct, frozen=True, gc=False):
    """Whether a fault has been told, and since when the device has made sense again."""

    told: bool = False
    calm_since: int | None = None


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
