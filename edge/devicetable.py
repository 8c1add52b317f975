"""The devices that the shipped profiles read, as a table for people. Pure."""

from collections.abc import Iterable

import msgspec

from contract.profile.expand import device_map, point_names
from contract.profile.model import (
    CsvProfile,
    Field,
    HttpProfile,
    ModbusProfile,
    MqttProfile,
    Point,
    Profile,
    PublishingProfile,
    TransmitterProfile,
    WandProfile,
)
from contract.site import Device
from edge.plan import plan

_PROTOCOLS = {
    ModbusProfile: "Modbus",
    MqttProfile: "MQTT",
    HttpProfile: "HTTP",
    TransmitterProfile: "GB/T 26875.3",
    WandProfile: "JWM serial",
    CsvProfile: "CSV",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One profile. `points` counts repetitions; `unverified`: what one weak source supports."""

    profile: str
    name: str
    protocol: str
    points: int
    requests: int | None
    events: tuple[str, ...]
    unverified: tuple[str, ...]


def row(profile: Profile) -> Row:
    """What there is to say of a profile."""
    requests: int | None = None
    parts: Iterable[Point | Field] = ()
    counts = 0
    match profile:
        case ModbusProfile():
            device = device_map(profile, Device(id="any", profile=profile.profile))
            requests = len(plan(device.points, device.limits))
            counts = sum(len(list(point_names(point))) for point in profile.points)
            parts = profile.points
        case MqttProfile() | HttpProfile():
            counts = sum(len(topic.fields) or topic.type is not None for topic in profile.topics)
            parts = [field for topic in profile.topics for field in topic.fields]
        case TransmitterProfile() | WandProfile() | CsvProfile():
            pass
    return Row(
        profile=profile.profile,
        name=profile.name.en,
        protocol=_PROTOCOLS[type(profile)],
        points=counts,
        requests=requests,
        events=profile.emits,
        unverified=(*(part.name for part in parts if not part.verified), *_unverified_topics(profile)),
    )


def _unverified_topics(profile: Profile) -> tuple[str, ...]:
    if not isinstance(profile, PublishingProfile):
        return ()
    return tuple(topic.type or topic.topic for topic in profile.topics if not topic.verified)


def markdown(profiles: Iterable[Profile]) -> str:
    """The table as Markdown, sorted by protocol and profile, with its totals."""
    rows = sorted(map(row, profiles), key=lambda one: (one.protocol, one.profile))
    lines = [
        "| profile | device | protocol | points | requests | events | from one weak source |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| `{one.profile}` | {one.name} | {one.protocol} | {one.points or '-'} | {one.requests or '-'} "
            f"| {', '.join(one.events) or '-'} | {', '.join(one.unverified) or '-'} |"
            for one in rows
        ),
    ]
    total, weak = sum(one.points for one in rows), sum(len(one.unverified) for one in rows)
    return "\n".join([*lines, "", f"{len(rows)} profiles, {total} points, {weak} unverified.", ""])
