"""What every store promises those who read it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from cloud.correlation.verdict import Outcome
from cloud.operations.notice import Stopped
from cloud.operations.record import RecordKind
from cloud.store.base import BlindRow, Flag, IncidentState, PartitionWriter, ReadingGroup
from cloud.store.reads import (
    AlertState,
    AnswerQuery,
    Change,
    ChangeKind,
    ChangeQuery,
    CurveQuery,
    EventQuery,
    IncidentQuery,
    NoticeQuery,
    Page,
    QuarantineQuery,
    Reader,
    RecordQuery,
    SiteEvent,
    VerdictQuery,
)
from contract.events import Quality, Readings, raw_data
from contract.parts import part_name
from tests import samples
from tests.samples import BIG, NOON, SITE, Scribe
from tests.waiting import PATIENCE_S

Take = Callable[[int], PartitionWriter]


def seqs(page: Page[Any]) -> list[int]:
    return [row.event.seq for row in page.rows]


async def changed(reader: Reader, after: int, upto: int, **more: Any) -> Sequence[Change]:
    return await reader.changes(ChangeQuery(partition=3, after=after, upto=upto, **more))


async def test_an_empty_store_has_nothing_to_tell(reader: Reader) -> None:
    assert await reader.positions() == {}
    assert await reader.events(EventQuery(site=SITE)) == Page([], more=False)
    assert await reader.verdicts(VerdictQuery(site=SITE)) == Page([], more=False)
    assert await reader.incidents(IncidentQuery(site=SITE)) == Page([], more=False)
    assert await reader.quarantine(QuarantineQuery()) == Page([], more=False)
    assert await reader.incident(SITE, "one") is None
    assert [*await reader.devices(SITE), *await reader.agents(SITE), *await reader.alerts(SITE)] == []
    assert await changed(reader, 0, 9) == []


async def test_positions_are_the_last_commit_of_each_partition(reader: Reader, take: Take) -> None:
    Scribe(take(3)).write_all([{}, {}])
    Scribe(take(5), 5).write()
    assert await reader.positions() == {3: 2, 5: 1}


async def test_an_event_comes_back_whole(reader: Reader, scribe: Scribe) -> None:
    rich = samples.event(17, zone="b1", person="card:8812331", clock_error_ms=20, observed_at=NOON + 5)
    scribe.write(events=[samples.events(rich, base=7 << 41, flags=(int(Flag.UNKNOWN_TYPE),))])
    (found,) = (await reader.events(EventQuery(site=SITE))).rows
    assert found.event.seq == BIG
    assert (found.event.zone, found.event.person, found.event.clock_error_ms) == ("b1", "card:8812331", 20)
    assert (found.event.observed_at, found.received_at) == (NOON + 5, NOON + 40)
    assert found.flags is Flag.UNKNOWN_TYPE
    assert bytes(found.event.data) == b"{}"


async def test_events_come_newest_first_and_pages_neither_skip_nor_repeat(
    reader: Reader, scribe: Scribe
) -> None:
    same_time = [samples.event(seq, device=name) for name in ("B", "a", "_") for seq in (2, 10)]
    later = samples.event(99, NOON + 1)
    scribe.write(events=[samples.events(*same_time, later)])
    whole = (await reader.events(EventQuery(site=SITE))).rows
    keys = [(row.event.at, row.event.device, row.event.seq) for row in whole]
    assert keys == sorted(keys, reverse=True)
    paged, before = [], None
    while True:
        page = await reader.events(EventQuery(site=SITE, limit=2, before=before))
        paged += page.rows
        if not page.more:
            break
        last = page.rows[-1].event
        before = (last.at, last.device, last.seq)
        scribe.write(events=[samples.events(samples.event(len(paged), NOON + 1_000))])
    assert paged == list(whole)


@pytest.mark.parametrize(
    ("narrow", "found"),
    [
        ({"types": ("fire.alarm",)}, [1]),
        ({"types": ("fire.alarm", "door.opened")}, [2, 1]),
        ({"devices": ("cp-b1",)}, [4, 3]),
        ({"zone": "gate"}, [3]),
        ({"zone": "b1", "zone_devices": ("cp-b1",)}, [4]),
        ({"since": NOON + 2}, [4, 3]),
        ({"until": NOON + 2}, [2, 1]),
        ({"since": NOON + 1, "until": NOON + 3, "devices": ("cp-b1",)}, [3]),
    ],
)
async def test_events_can_be_narrowed(
    reader: Reader, scribe: Scribe, narrow: dict[str, Any], found: list[int]
) -> None:
    happened = [
        samples.event(1),
        samples.event(2, NOON + 1, "door.opened"),
        samples.event(3, NOON + 2, "checkpoint.scan", "cp-b1", zone="gate"),
        samples.event(4, NOON + 3, "checkpoint.scan", "cp-b1"),
    ]
    scribe.write(events=[samples.events(*happened), samples.events(samples.event(5, NOON + 9), site="other")])
    assert seqs(await reader.events(EventQuery(site=SITE, **narrow))) == found


async def test_only_the_newest_revision_of_an_episode_is_listed_and_all_are_kept(
    reader: Reader, scribe: Scribe
) -> None:
    first = samples.verdict()
    second = samples.verdict(revision=2, outcome=Outcome.BREACHED)
    third = samples.verdict(revision=3, outcome=Outcome.MET)
    other = samples.verdict("gate", opened_at=NOON + 1, outcome=Outcome.UNKNOWN)
    scribe.write_all([{"verdicts": [first, second]}, {"verdicts": [other, third]}])
    assert list((await reader.verdicts(VerdictQuery(site=SITE))).rows) == [other, third]
    assert list(await reader.revisions(SITE, "ER-2", "b1", NOON)) == [first, second, third]
    assert list(await reader.revisions(SITE, "ER-2", "b1", NOON + 1)) == []


@pytest.mark.parametrize(
    ("narrow", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"rules": ("ER-2", "none")}, ["c", "b", "a"]),
        ({"rules": ("none",)}, []),
        ({"outcomes": ("met",)}, ["b"]),
        ({"outcomes": ("void", "met")}, ["void", "b"]),
        ({"key": "a"}, ["a"]),
        ({"since": NOON + 1}, ["c", "b"]),
        ({"until": NOON + 1}, ["a"]),
        ({"before": (NOON + 2, "ER-2", "c")}, ["b", "a"]),
        ({"before": (NOON + 1, "ER-2", "b"), "limit": 1}, ["a"]),
    ],
)
async def test_verdicts_can_be_narrowed_and_what_joined_another_is_shown_only_when_asked_for(
    reader: Reader, scribe: Scribe, narrow: dict[str, Any], found: list[str]
) -> None:
    scribe.write(
        verdicts=[
            samples.verdict("a"),
            samples.verdict("b", opened_at=NOON + 1, outcome=Outcome.MET),
            samples.verdict("c", opened_at=NOON + 2, outcome=Outcome.BREACHED),
            samples.verdict("void", opened_at=NOON + 3, outcome=Outcome.VOID),
            samples.verdict("d", site="other"),
        ]
    )
    page = await reader.verdicts(VerdictQuery(site=SITE, **narrow))
    assert [row.revised.verdict.key for row in page.rows] == found
    assert not page.more


async def test_incidents_are_listed_as_they_stand(reader: Reader, scribe: Scribe) -> None:
    one, two = samples.incident("one"), samples.incident("two", opened_at=NOON + 1)
    closed = samples.incident("one", revision=2, state=IncidentState.CLOSED)
    scribe.write_all([{"incidents": [one, two, samples.incident(site="other")]}, {"incidents": [closed]}])
    assert list((await reader.incidents(IncidentQuery(site=SITE))).rows) == [two, closed]
    still_open = IncidentQuery(site=SITE, state=IncidentState.OPEN)
    assert list((await reader.incidents(still_open)).rows) == [two]
    first = await reader.incidents(IncidentQuery(site=SITE, limit=1))
    assert (list(first.rows), first.more) == ([two], True)
    rest = await reader.incidents(IncidentQuery(site=SITE, limit=1, before=(NOON + 1, "two")))
    assert (list(rest.rows), rest.more) == ([closed], False)
    assert await reader.incident(SITE, "one") == closed


async def test_matters_are_listed_as_they_stand_by_kind_and_state(reader: Reader, scribe: Scribe) -> None:
    one, two = samples.record("one"), samples.record("two", opened_at=NOON + 1)
    shelved = samples.record("one", revision=2, state="shelved")
    order = samples.record("one", kind=RecordKind.ORDER, state="registered")
    scribe.write_all(
        [{"records": [one, two, order, samples.record("one", site="other")]}, {"records": [shelved]}]
    )
    alarms = RecordQuery(site=SITE, kind=RecordKind.ALARM)
    assert list((await reader.records(alarms)).rows) == [two, shelved]
    narrow = RecordQuery(site=SITE, kind=RecordKind.ALARM, states=("shelved",))
    assert list((await reader.records(narrow)).rows) == [shelved]
    late = RecordQuery(site=SITE, kind=RecordKind.ALARM, since=NOON + 1, until=NOON + 2)
    assert list((await reader.records(late)).rows) == [two]
    first = await reader.records(RecordQuery(site=SITE, kind=RecordKind.ALARM, limit=1))
    assert (list(first.rows), first.more) == ([two], True)
    rest = await reader.records(
        RecordQuery(site=SITE, kind=RecordKind.ALARM, limit=1, before=(NOON + 1, "two"))
    )
    assert (list(rest.rows), rest.more) == ([shelved], False)
    assert await reader.record(SITE, RecordKind.ALARM, "one") == shelved
    assert await reader.record(SITE, RecordKind.DRILL, "one") is None
    assert list(await reader.record_revisions(SITE, RecordKind.ALARM, NOON, NOON + 3)) == [one, shelved, two]


async def test_answers_are_kept_with_who_asked_for_what(reader: Reader, scribe: Scribe) -> None:
    one, two = samples.answer("a"), samples.answer("b", at=NOON + 1, person="p-002", target="two")
    refused = samples.answer("c", at=NOON + 2, problem="conflict", zh="已确认", en="seen", revision=None)
    scribe.write(answers=[one, two, refused, samples.answer("a", site="other")])
    assert list((await reader.answers(AnswerQuery(site=SITE))).rows) == [refused, two, one]
    assert list((await reader.answers(AnswerQuery(site=SITE, person="p-002"))).rows) == [two]
    assert list((await reader.answers(AnswerQuery(site=SITE, target="one"))).rows) == [refused, one]
    page = await reader.answers(AnswerQuery(site=SITE, limit=1, before=(NOON + 7, "c")))
    assert (list(page.rows), page.more) == ([two], True)
    assert await reader.answer(SITE, "c") == refused
    assert await reader.answer(SITE, "never") is None


async def test_what_people_were_told_is_listed_with_what_became_of_it(reader: Reader, scribe: Scribe) -> None:
    one, two = samples.notice("one"), samples.notice("two", made_at=NOON + 1, person="p-002", about="order:7")
    scribe.write(notices=[one, two, samples.notice("one", site="other")])
    scribe.write(stopped=[Stopped(site=SITE, about=one.about, at=NOON + 5)])
    found = (await reader.notices(NoticeQuery(site=SITE))).rows
    assert [(row.notice, row.state) for row in found] == [(two, "waiting"), (one, "stopped")]
    for narrow in ({"person": "p-002"}, {"about": "order:7"}, {"state": "waiting"}):
        assert [row.notice for row in (await reader.notices(NoticeQuery(site=SITE, **narrow))).rows] == [two]
    page = await reader.notices(NoticeQuery(site=SITE, limit=1))
    assert ([row.notice for row in page.rows], page.more) == ([two], True)
    rest = await reader.notices(NoticeQuery(site=SITE, before=(NOON + 1, "two")))
    assert [row.notice for row in rest.rows] == [one]


async def test_every_revision_of_a_matter_is_told_as_a_change(reader: Reader, scribe: Scribe) -> None:
    one, two = samples.record("one"), samples.record("one", revision=2, state="shelved")
    scribe.write_all([{"records": [one], "incidents": [samples.incident()]}, {"records": [two]}])
    found = await changed(reader, 0, 2)
    assert [(change.kind, change.row) for change in found] == [
        ("incident", samples.incident()),
        ("alarm", one),
        ("alarm", two),
    ]
    assert await changed(reader, 0, 2, kinds=frozenset({ChangeKind.ORDER})) == []


async def test_alerts_stand_until_they_are_cleared(reader: Reader, scribe: Scribe) -> None:
    scribe.write(alerts=[samples.alert("b1"), samples.alert("gate", NOON + 1)])
    assert list(await reader.alerts(SITE)) == [
        AlertState(samples.alert("gate", NOON + 1)),
        AlertState(samples.alert("b1")),
    ]
    scribe.write(cleared=[samples.cleared("gate", NOON + 1)])
    assert list(await reader.alerts(SITE)) == [AlertState(samples.alert("b1"))]


async def test_health_is_the_newest_known(reader: Reader, scribe: Scribe) -> None:
    scribe.write(devices=[samples.device(), samples.device("Z")], agents=[samples.agent()])
    scribe.write(devices=[samples.device(at=NOON + 9)], agents=[samples.agent(at=NOON + 9)])
    assert list(await reader.devices(SITE)) == [samples.device("Z"), samples.device(at=NOON + 9)]
    assert list(await reader.agents(SITE)) == [samples.agent(at=NOON + 9)]


async def test_blind_spans_are_those_that_reach_into_the_period(reader: Reader, scribe: Scribe) -> None:
    old = BlindRow(site=SITE, device="cp-b1", start=NOON - 9, end=NOON)
    recent = BlindRow(site=SITE, device="cp-b1", start=NOON - 3, end=NOON + 1)
    scribe.write(blind=[old, recent])
    assert list(await reader.blind(SITE, NOON)) == [recent]
    assert list(await reader.blind(SITE, NOON - 1)) == [old, recent]
    assert list(await reader.blind(SITE, NOON - 1, "cp-b1")) == [old, recent]
    assert list(await reader.blind(SITE, NOON - 1, "cp-gate")) == []


async def test_what_was_put_aside_is_listed_latest_first(reader: Reader, scribe: Scribe) -> None:
    scribe.write(quarantine=[samples.aside("one"), samples.aside("two"), samples.aside("x", "other")])
    page = await reader.quarantine(QuarantineQuery(site=SITE, limit=1))
    assert ([entry.row for entry in page.rows], page.more) == ([samples.aside("two")], True)
    rest = await reader.quarantine(QuarantineQuery(site=SITE, before=page.rows[0].id))
    assert [entry.row for entry in rest.rows] == [samples.aside("one")]
    assert len((await reader.quarantine(QuarantineQuery())).rows) == 3


async def test_each_commit_tells_what_it_changed_in_a_fixed_order(reader: Reader, scribe: Scribe) -> None:
    blind = BlindRow(site=SITE, device="cp-b1", start=NOON, end=NOON + 5)
    scribe.write(
        events=[samples.events(samples.event(2), samples.event(1))],
        verdicts=[samples.verdict()],
        incidents=[samples.incident()],
        devices=[samples.device()],
        agents=[samples.agent()],
        blind=[blind],
    )
    scribe.write(alerts=[samples.alert()])
    scribe.write(verdicts=[samples.verdict(revision=2)])
    first = await changed(reader, 0, 1)
    assert [change.kind for change in first] == ["event", "event", "verdict", "incident", "device", "blind", "agent"]  # fmt: skip
    assert [change.commit_no for change in first] == [1] * 7
    rows = [change.row for change in first]
    assert [row.stored.event.seq for row in rows[:2] if isinstance(row, SiteEvent)] == [1, 2]
    assert rows[2:] == [
        samples.verdict(),
        samples.incident(),
        samples.device(),
        blind,
        samples.agent(),
    ]
    assert [change.row for change in await changed(reader, 1, 3)] == [
        AlertState(samples.alert()),
        samples.verdict(revision=2),
    ]
    assert await changed(reader, 3, 9) == []


async def test_changes_can_be_narrowed_to_a_site_and_to_kinds(reader: Reader, scribe: Scribe) -> None:
    scribe.write(
        events=[samples.events(samples.event(1)), samples.events(samples.event(1), site="other")],
        verdicts=[samples.verdict(), samples.verdict(site="other")],
    )
    only = await changed(reader, 0, 1, site="other", kinds=frozenset({ChangeKind.VERDICT}))
    assert [change.row for change in only] == [samples.verdict(site="other")]
    assert await changed(reader, 0, 1, kinds=frozenset()) == []


async def test_a_state_that_moved_on_is_told_once_with_its_newest_commit(
    reader: Reader, scribe: Scribe
) -> None:
    scribe.write(devices=[samples.device()], alerts=[samples.alert()])
    scribe.write(devices=[samples.device(at=NOON + 9)], cleared=[samples.cleared()])
    assert await changed(reader, 0, 1) == []
    told = await changed(reader, 0, 2)
    assert [change.row for change in told] == [
        AlertState(samples.alert(), cleared_at=samples.cleared().cleared_at),
        samples.device(at=NOON + 9),
    ]


async def test_followers_hear_where_every_partition_stands_and_then_of_each_commit(
    reader: Reader, scribe: Scribe
) -> None:
    scribe.write_all([{}, {}])
    following = reader.follow()
    async with asyncio.timeout(PATIENCE_S):
        assert await anext(following) == (3, 2)
        await asyncio.to_thread(scribe.write)
        assert await anext(following) == (3, 3)
        await asyncio.to_thread(scribe.write)
        assert await anext(following) == (3, 4)
    await following.aclose()


async def test_what_lasts_is_found_by_its_newest_event(reader: Reader, scribe: Scribe) -> None:
    told = [
        samples.event(1, NOON, "gate.locked", "gate-1"),
        samples.event(2, NOON + 2, "gate.released", "gate-1"),
        samples.event(3, NOON + 1, "gate.released", "gate-1"),
        samples.event(4, NOON, "checkpoint.scan", "gate-1"),
        samples.event(5, NOON, "gate.locked", "gate-2"),
    ]
    scribe.write(events=[samples.events(*told)])
    found = await reader.lasting(SITE, ["gate-1"])
    assert [(row.event.type, row.event.seq) for row in found] == [("gate.locked", 1), ("gate.released", 2)]


async def test_what_lasts_of_parts_is_found_by_the_newest_event_of_each(
    reader: Reader, scribe: Scribe
) -> None:
    one, two, none = raw_data({"point": "l1d001"}), raw_data({"point": "l1d002"}), raw_data({"point": 7})
    told = [
        samples.event(1, NOON, "fire.alarm", data=one),
        samples.event(2, NOON + 9, "fire.alarm", data=one),
        samples.event(3, NOON + 5, "fire.reset", data=one),
        samples.event(4, NOON + 1, "fire.alarm", data=two),
        samples.event(5, NOON + 2, "fire.prealarm", data=two),
        samples.event(6, NOON + 3, "fire.reset", data=none),
        samples.event(7, NOON + 4, "fire.reset"),
        samples.event(8, NOON, "generator.fault", "genset", data=one),
        samples.event(9, NOON, "gate.locked", "genset", data=one),
        samples.event(10, NOON + 1, "gate.locked", "genset", data=two),
        samples.event(11, NOON, "fire.alarm", "other", data=one),
    ]
    scribe.write(events=[samples.events(*told)])
    found = await reader.lasting(SITE, ["panel-1", "genset"])
    assert [(row.event.device, row.event.type, row.event.seq) for row in found] == [
        ("genset", "gate.locked", 10),
        ("genset", "generator.fault", 8),
        ("panel-1", "fire.alarm", 2),
        ("panel-1", "fire.alarm", 4),
        ("panel-1", "fire.reset", 7),
        ("panel-1", "fire.reset", 3),
    ]


@pytest.mark.parametrize(
    "data",
    [
        {"part": "3-12", "point": "x"},
        {"part": "部" * 300},
        {"part": "", "point": "smoke"},
        {"loop": 1, "address": 134, "point": "l1d134"},
        {"loop": 1, "address": 134, "device_kind": "module"},
        {"loop": 2},
        {"address": 7, "point": "x"},
        {"loop": True, "address": 2.5, "point": "p", "alarm": "", "fault": "f"},
        {"loop": "1", "address": 2, "point": "p", "fault": "f"},
        {"loop": "０1", "address": 7.0},
        {"loop": "A", "address": "M007", "device_kind": "module"},
        {"part": 132},
        {"part": 132.5, "loop": "1.0"},
        {"component_address": "132", "system": "1", "system_address": 2.0},
        {"system": 1, "system_address": 1, "component_address": 132, "what": "component"},
        {"system": 1, "system_address": 2, "component_address": 0x600D9, "what": "power"},
        {"system": 11, "system_address": 1, "component_address": 2**32},
        {"component_address": 10**400, "what": "bus"},
        {"component_address": -1, "what": 7},
        {"system": 1, "system_address": 3, "what": "main_power"},
        {"system": 1, "system_address": 1, "what": "reset"},
        {"system": "1", "system_address": "3", "what": "bus"},
        {"state": "active"},
    ],
    ids=str,
)
async def test_a_store_names_parts_as_everybody_does(
    data: dict[str, Any], reader: Reader, scribe: Scribe
) -> None:
    """Two events of one part are one line of it, two of different parts are two."""
    named = raw_data({"part": part_name(data)})
    told = [
        samples.event(1, NOON, "fire.alarm", data=raw_data(data)),
        samples.event(2, NOON + 1, "fire.alarm", data=named),
        samples.event(3, NOON + 2, "fire.alarm", data=raw_data({"part": "another"})),
    ]
    scribe.write(events=[samples.events(*told)])
    found = await reader.lasting(SITE, ["panel-1"])
    assert sorted(row.event.seq for row in found) == [2, 3]


async def test_people_are_where_they_were_seen_last(reader: Reader, scribe: Scribe) -> None:
    told = [
        samples.event(1, NOON, "checkpoint.scan", person="card:1"),
        samples.event(2, NOON + 5, "access.granted", person="card:1"),
        samples.event(3, NOON - 5, "checkpoint.scan", person="card:2"),
        samples.event(4, NOON + 9, "staff.on_duty", person="card:1"),
    ]
    scribe.write(events=[samples.events(*told)])
    assert [row.event.seq for row in await reader.seen(SITE, NOON)] == [2]


def measured(*rows: tuple[str, int, float | None], point: str = "temperature") -> ReadingGroup:
    columns = Readings(
        seq=list(range(len(rows))),
        at=[at for _, at, _ in rows],
        device=[device for device, _, _ in rows],
        point=[point] * len(rows),
        value=[value for _, _, value in rows],
        quality=[Quality.BAD if value is None else Quality.GOOD for _, _, value in rows],
    )
    return ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=NOON + 99, readings=columns)


async def test_the_latest_reading_of_each_point_is_told_with_its_quality(
    reader: Reader, scribe: Scribe
) -> None:
    scribe.write(readings=[measured(("t-1", NOON, 20.0), ("t-1", NOON + 1, None), ("t-2", NOON, 7.5))])
    found = await reader.latest_readings(SITE)
    assert [(row.device, row.at, row.value, row.quality) for row in found] == [
        ("t-1", NOON + 1, None, Quality.BAD),
        ("t-2", NOON, 7.5, Quality.GOOD),
    ]


async def test_a_curve_is_told_reading_by_reading_or_in_bins(reader: Reader, scribe: Scribe) -> None:
    scribe.write(
        readings=[measured(*[("t-1", NOON + 1_000 * n, float(n)) for n in range(5)], ("t-1", NOON, None))]
    )
    every = CurveQuery(site=SITE, device="t-1", point="temperature", since=NOON, until=NOON + 4_000)
    assert list(await reader.curve(every)) == [(NOON + 1_000 * n, n, n, n, 1) for n in range(4)]
    binned = msgspec.structs.replace(every, step=2_000, origin=NOON - 6_000, until=NOON + 9_000)
    assert list(await reader.curve(binned)) == [
        (NOON, 0.0, 0.5, 1.0, 2),
        (NOON + 2_000, 2.0, 2.5, 3.0, 2),
        (NOON + 4_000, 4.0, 4.0, 4.0, 1),
    ]
