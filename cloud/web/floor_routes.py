"""`/api/v1/sites/…`: floors as drawings, how gates and doors are, where people were seen."""

from collections.abc import Sequence
from typing import Final

import msgspec
from fastapi import APIRouter

from cloud.operations.duty_book import Duty
from cloud.operations.record import RecordKind
from cloud.operations.roster import works
from cloud.plan.drawing import Drawing
from cloud.plan.floors import drawings
from cloud.plan.states import states
from cloud.store.base import StoredEvent
from cloud.store.reads import MOST_ROWS, RecordQuery
from cloud.web.context import Context, InContext, OfSite
from cloud.web.floor_models import (
    DrawnDeviceView,
    DrawnZoneView,
    FloorView,
    PartView,
    PersonView,
    SeenView,
    StateView,
    WayView,
)
from cloud.web.models import Listed, Words
from cloud.web.problems import PROBLEMS
from contract.site import Site, Text
from contract.site_parts import event_zone, part_label

router = APIRouter(prefix="/api/v1/sites", tags=["sites"], responses=PROBLEMS)

SEEN_MS: Final = 86_400_000
_duty: Final = msgspec.json.Decoder(Duty)


@router.get("/{site}/floors")
async def read_floors(site: OfSite, context: InContext) -> Listed[FloorView]:
    """The floors: as somebody drew them, and as schematics where nobody did."""
    if site.id not in context.drawn:
        context.drawn[site.id] = drawings(site)
    views = [_floor_view(site, drawing) for drawing in context.drawn[site.id]]
    return Listed(items=views, now=context.clocks.now())


@router.get("/{site}/states")
async def read_states(site: OfSite, context: InContext) -> Listed[StateView]:
    """How gates, doors, generators, the mains and detectors are: what each told last of what lasts."""
    found = await context.reader.lasting(site.id, [device.id for device in site.file.devices])
    views = [
        StateView(
            device=state.event.device,
            zone=event_zone(site, state.event),
            type=state.event.type,
            at=state.event.at,
            part=state.part,
            part_name=_words(part_label(site, state.event.device, state.part)) if state.part else None,
        )
        for state in states([row.event for row in found])
    ]
    return Listed(items=views, now=context.clocks.now())


@router.get("/{site}/people")
async def read_people(site: OfSite, context: InContext) -> Listed[PersonView]:
    """Who works here, who is on duty, where each was seen last."""
    now = context.clocks.now()
    seen = await context.reader.seen(site.id, now - SEEN_MS)
    posts = await _posts(site, context, now)
    last = _last_of(site, seen)
    views = [
        PersonView(
            id=person.id,
            name=_words(person.name),
            roles=list(person.roles),
            on_duty=person.id in posts,
            post=posts.get(person.id),
            last=_seen_view(site, last[person.id]) if person.id in last else None,
        )
        for person in site.file.people
        if works(person, now, site)
    ]
    return Listed(items=views, now=now)


async def _posts(site: Site, context: Context, now: int) -> dict[str, str | None]:
    """By who is on duty, the post that their shift stands at; of two shifts, one with a post."""
    query = RecordQuery(site=site.id, kind=RecordKind.DUTY, states=("running",), limit=MOST_ROWS)
    setup = context.operations.get(site.id)
    rosters = setup.rosters.by_id if setup is not None and setup.rosters is not None else {}
    found: dict[str, str | None] = {}
    for row in (await context.reader.records(query)).rows:
        shift = _duty.decode(row.body)
        roster = rosters.get(shift.roster)
        for name in shift.on_duty(now):
            found[name] = found.get(name) or (roster.post if roster is not None else None)
    return found


def _last_of(site: Site, seen: Sequence[StoredEvent]) -> dict[str, StoredEvent]:
    """By person, since several cards may be one person's."""
    found: dict[str, StoredEvent] = {}
    for row in seen:
        person = site.people.get(row.event.person or "")
        if person is not None and (person.id not in found or found[person.id].event.at < row.event.at):
            found[person.id] = row
    return found


def _seen_view(site: Site, row: StoredEvent) -> SeenView:
    event = row.event
    return SeenView(at=event.at, zone=event_zone(site, event), device=event.device, type=event.type)


def _floor_view(site: Site, drawing: Drawing) -> FloorView:
    return FloorView(
        id=drawing.id,
        name=_words(drawing.name),
        width=drawing.width,
        height=drawing.height,
        drawn=drawing.drawn,
        walls=[list(wall) for wall in drawing.walls],
        zones=[
            DrawnZoneView(
                id=zone.id,
                name=_words(site.zones[zone.id].name),
                outline=list(zone.outline),
                label=zone.label,
            )
            for zone in drawing.zones
        ],
        devices=[
            DrawnDeviceView(
                id=device.id,
                name=_words(site.devices[device.id].name),
                zone=device.zone,
                at=device.at,
                kind=device.kind,
                tags=list(site.devices[device.id].tags),
                parts=[
                    PartView(
                        id=part.id,
                        part=part.part,
                        name=_words(part_label(site, device.id, part.part)),
                        zone=part.zone,
                        at=part.at,
                    )
                    for part in device.parts
                ],
            )
            for device in drawing.devices
        ],
        ways=[WayView(zone=way.zone, devices=list(way.devices), line=list(way.line)) for way in drawing.ways],
    )


def _words(text: Text) -> Words:
    return Words(zh=text.zh, en=text.en)
