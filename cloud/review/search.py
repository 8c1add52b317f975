"""Search over everything that a site names and works on. Pure: every word must be found in what a thing is called."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cloud.correlation.rules import RuleBook
from cloud.operations.alarm import Alarm
from cloud.operations.order import Order
from cloud.store.base import Incident
from contract.site import Site, Text


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of the site; `at` when it began, for what begins."""

    kind: str
    id: str
    title: Text
    detail: Text = Text()
    at: int | None = None

    @property
    def words(self) -> str:
        """All that it can be found by."""
        texts = (self.id, self.title.zh, self.title.en, self.detail.zh, self.detail.en)
        return " ".join(texts).casefold()


def things(site: Site, rules: RuleBook) -> Iterator[Found]:
    """What the site's files name."""
    for zone in site.file.zones:
        yield Found(kind="zone", id=zone.id, title=_named(zone.name, zone.id))
    for device in site.file.devices:
        place = _place(site, device.zone)
        yield Found(kind="device", id=device.id, title=_named(device.name, device.id), detail=place)
    for person in site.file.people:
        roles = ", ".join(person.roles)
        yield Found(
            kind="person", id=person.id, title=_named(person.name, person.id), detail=Text(zh=roles, en=roles)
        )
    for route in site.file.routes:
        yield Found(kind="route", id=route.id, title=_named(route.name, route.id))
    for rule in {version.rule.id: version.rule for version in rules.versions}.values():
        yield Found(kind="rule", id=rule.id, title=_named(rule.name, rule.id), detail=rule.source)


def matters(
    site: Site, incidents: Iterable[Incident], alarms: Iterable[Alarm], orders: Iterable[Order]
) -> Iterator[Found]:
    """What people work on."""
    for incident in incidents:
        what = incident.life.emergency or incident.cause or incident.kind.value
        yield Found(
            kind="incident",
            id=incident.id,
            title=_place(site, incident.subject),
            detail=Text(zh=what, en=what),
            at=incident.opened_at,
        )
    for alarm in alarms:
        what = f"{alarm.kind} {alarm.part}".strip()
        yield Found(
            kind="alarm",
            id=alarm.id,
            title=_place(site, alarm.source),
            detail=Text(zh=what, en=what),
            at=alarm.opened_at,
        )
    for order in orders:
        title = Text(zh=order.title, en=order.title)
        place = _place(site, order.device or order.zone)
        yield Found(kind="order", id=order.id, title=title, detail=place, at=order.opened_at)


def search(text: str, among: Iterable[Found], most: int) -> Sequence[Found]:
    """Those in which every word of `text` is found, at most `most`: what is called so first, then the latest."""
    words = text.casefold().split()
    hits = [one for one in among if all(word in one.words for word in words)]
    whole = " ".join(words)

    def rank(one: Found) -> tuple[int, int, str]:
        names = (one.id.casefold(), one.title.zh.casefold(), one.title.en.casefold())
        close = 0 if whole in names else 1 if any(name.startswith(whole) for name in names) else 2
        return close, -(one.at or 0), one.id

    return sorted(hits, key=rank)[:most]


def _named(name: Text, identity: str) -> Text:
    return name if name != Text() else Text(zh=identity, en=identity)


def _place(site: Site, name: str | None) -> Text:
    zone, device = site.zones.get(name or ""), site.devices.get(name or "")
    found = zone.name if zone is not None else device.name if device is not None else Text()
    return _named(found, name or "")
