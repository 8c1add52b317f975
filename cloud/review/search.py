"""Search over everything that a site names and works on. Pure: every word must be found in what a thing is called."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from cloud.correlation.rules import RuleBook
from cloud.operations.alarm import Alarm
from cloud.operations.order import Order
from cloud.operations.setup import OperationsSetup
from cloud.store.base import Incident
from contract.site import Site, Text

_NOTHING: Final = Text()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of the site; `at` when it began, for what begins."""

    kind: str
    id: str
    title: Text
    detail: Text = _NOTHING
    at: int | None = None

    @property
    def words(self) -> str:
        """All that it can be found by."""
        texts = (self.id, self.title.zh, self.title.en, self.detail.zh, self.detail.en)
        return " ".join(texts).casefold()


def things(site: Site, rules: RuleBook, setup: OperationsSetup) -> Iterator[Found]:
    """What the files of the site and of its operations name."""
    for zone in site.file.zones:
        yield Found(kind="zone", id=zone.id, title=_named(zone.name, zone.id))
    for device in site.file.devices:
        place = _place(site, device.zone)
        yield Found(kind="device", id=device.id, title=_named(device.name, device.id), detail=place)
    for person in site.file.people:
        roles = _same(", ".join(person.roles))
        yield Found(kind="person", id=person.id, title=_named(person.name, person.id), detail=roles)
    for route in site.file.routes:
        yield Found(kind="route", id=route.id, title=_named(route.name, route.id))
    for rule in {version.rule.id: version.rule for version in rules.versions}.values():
        yield Found(kind="rule", id=rule.id, title=_named(rule.name, rule.id), detail=rule.source)
    for form in setup.checklists.values():
        yield Found(kind="checklist", id=form.id, title=_named(form.name, form.id))


def matters(
    site: Site,
    setup: OperationsSetup,
    incidents: Iterable[Incident],
    alarms: Iterable[Alarm],
    orders: Iterable[Order],
) -> Iterator[Found]:
    """What people work on, by its place, its kind in words and its title."""
    for incident in incidents:
        emergency = incident.life.emergency
        plan = setup.plans.get(emergency)
        yield Found(
            kind="incident",
            id=incident.id,
            title=_place(site, incident.subject),
            detail=_named(
                plan.name if plan is not None else _NOTHING,
                emergency or incident.cause or incident.kind.value,
            ),
            at=incident.opened_at,
        )
    for alarm in alarms:
        kind = setup.kinds.by_id.get(alarm.kind)
        what = _named(kind.name if kind is not None else _NOTHING, alarm.kind)
        yield Found(
            kind="alarm",
            id=alarm.id,
            title=_place(site, alarm.source),
            detail=_both(what, _named(alarm.part_name, alarm.part), _place(site, alarm.zone)),
            at=alarm.opened_at,
        )
    for order in orders:
        sort = setup.order_kinds.get(order.kind)
        what = _named(sort.name if sort is not None else _NOTHING, order.kind)
        yield Found(
            kind="order",
            id=order.id,
            title=_same(order.title),
            detail=_both(what, _place(site, order.device), _place(site, order.zone)),
            at=order.opened_at,
        )


def search(text: str, among: Iterable[Found], most: int) -> Sequence[Found]:
    """Those in which every word of `text` is found, at most `most`; without a word nothing is.

    What is called just so comes first, then what begins so, then the rest; the latest first.
    """
    words = text.casefold().split()
    whole = " ".join(words)
    hits = [one for one in among if words and _has(one.words, words)]

    def rank(one: Found) -> tuple[int, int, str]:
        names = (one.id.casefold(), one.title.zh.casefold(), one.title.en.casefold())
        close = 0 if whole in names else 1 if any(name.startswith(whole) for name in names) else 2
        return close, -(one.at or 0), one.id

    return sorted(hits, key=rank)[:most]


def _has(text: str, words: Iterable[str]) -> bool:
    return all(word in text for word in words)


def _named(name: Text, identity: str) -> Text:
    return name if name != _NOTHING else _same(identity)


def _same(text: str) -> Text:
    return Text(zh=text, en=text)


def _both(*texts: Text) -> Text:
    """Several texts in one, in each language; what is said twice is said once."""
    zh, en = (dict.fromkeys(text.in_(language) for text in texts) for language in ("zh", "en"))
    return Text(zh=" · ".join(filter(None, zh)), en=" · ".join(filter(None, en)))


def _place(site: Site, name: str | None) -> Text:
    zone, device = site.zones.get(name or ""), site.devices.get(name or "")
    found = zone.name if zone is not None else device.name if device is not None else _NOTHING
    return _named(found, name or "")
