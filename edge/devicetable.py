"""The devices that the shipped profiles read, as a table for people. Pure."""

from collections.abc import Iterable

import msgspec

from contract.profile.expand import device_map, field_names, point_names
from contract.profile.model import (
    CsvProfile,
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
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
    MeterProfile: "DL/T 645",
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
    weak: list[str] = []
    counts = 0
    match profile:
        case ModbusProfile():
            device = device_map(profile, Device(id="any", profile=profile.profile))
            requests = len(plan(device.points, device.limits))
            counts = sum(len(list(point_names(point))) for point in profile.points)
            weak = [point.name for point in profile.points if not point.verified]
        case MqttProfile() | HttpProfile():
            fields = [field for topic in profile.topics for field in topic.fields]
            events = sum(topic.type is not None for topic in profile.topics)
            counts = events + sum(len(list(field_names(field))) for field in fields)
            weak = [field.name for field in fields if not field.verified]
        case MeterProfile():
            requests = len(profile.blocks)
            counts = sum(len(block.points) for block in profile.blocks)
            weak = [item.name for block in profile.blocks for item in block.points if not item.verified]
        case TransmitterProfile() | WandProfile() | CsvProfile():
            pass
    return Row(
        profile=profile.profile,
        name=profile.name.en,
        protocol=_PROTOCOLS[type(profile)],
        points=counts,
        requests=requests,
        events=profile.emits,
        unverified=(*weak, *_unverified_topics(profile)),
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
