"""What every store promises its writers."""

from collections.abc import Callable
from typing import Any

import pytest

from cloud.correlation.verdict import BlindSpan, Outcome, Reason, Revised, Verdict
from cloud.errors import FencedError, PartitionTakenError
from cloud.operations.record import RecordKind
from cloud.store.base import (
    AgentHealth,
    Commit,
    DeviceHealth,
    EventGroup,
    Flag,
    Incident,
    IncidentEpisode,
    IncidentKind,
    IncidentState,
    LedgerKey,
    LedgerRow,
    PartitionWriter,
    Position,
    ReadingGroup,
    VerdictRow,
)
from contract.batch import Lane
from contract.events import Event, Quality, Readings, event_data, raw_data
from tests import samples

NOON = 1_764_547_200_123
SITE = "demo"


Take = Callable[[int], PartitionWriter]


@pytest.fixture
def writer(take: Take) -> PartitionWriter:
    return take(3)


def commit(number: int, **content: Any) -> Commit:
    position = Position(stream="made-at-noon", seq=number * 10)
    return Commit(partition=3, commit_no=number, committed_at=NOON, position=position, **content)


def event(seq: int, at: int = NOON, kind: str = "fire.alarm", **more: Any) -> Event:
    return Event(seq=seq, at=at, device="panel-1", type=kind, **more)


def group(*events: Event, base: int = 0, flags: tuple[int, ...] = ()) -> EventGroup:
    return EventGroup(
        site=SITE, agent="gw-1", seq_base=base, received_at=NOON + 40, events=events, flags=flags
    )


def verdict(revision: int = 1, opened_at: int = NOON, outcome: Outcome = Outcome.BREACHED) -> Revised:
    return Revised(
        verdict=Verdict(
            rule="ER-2",
            version=1,
            kind="response",
            key="b1",
            opened_at=opened_at,
            due_at=opened_at + 120_000,
            outcome=outcome,
            final=True,
            reason=Reason.NO_EVIDENCE,
            elapsed_ms=130_000,
            evidence=(("panel-1", 17), ("cp-1", 9_007_199_254_740_993)),
            joined=(("panel-2", 4),),
            blind=(BlindSpan("cp-1", NOON, NOON + 5),),
        ),
        revision=revision,
        decided_at=NOON + 121_000,
        late_ms=7 if revision > 1 else None,
        cleared=revision > 1,
    )


def reopened(take: Take, writer: PartitionWriter) -> PartitionWriter:
    writer.close()
    return take(3)


def test_a_new_partition_is_empty(writer: PartitionWriter) -> None:
    found = writer.opened
    assert (found.commit_no, found.position, list(found.ledger), dict(found.cells)) == (0, Position(), [], {})


def test_a_partition_has_one_writer(take: Take, writer: PartitionWriter) -> None:
    with pytest.raises(PartitionTakenError):
        take(3)


def test_other_partitions_are_free(take: Take, writer: PartitionWriter) -> None:
    assert take(4).opened.commit_no == 0


def test_a_partition_let_go_can_be_taken_and_each_owner_has_a_higher_generation(
    take: Take, writer: PartitionWriter
) -> None:
    assert reopened(take, writer).opened.generation > writer.opened.generation


def test_the_position_and_commit_number_are_found_again(take: Take, writer: PartitionWriter) -> None:
    writer.commit(commit(1))
    writer.commit(commit(2))
    found = reopened(take, writer).opened
    assert (found.commit_no, found.position) == (2, Position(stream="made-at-noon", seq=20))


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_commit_out_of_turn_is_refused_and_changes_nothing(
    take: Take, writer: PartitionWriter, number: int
) -> None:
    with pytest.raises(FencedError):
        writer.commit(commit(number, events=[group(event(1))]))
    again = reopened(take, writer)
    assert again.opened.commit_no == 0
    assert again.history(SITE, ["fire.alarm"], 0, NOON + 1) == []


def test_the_ledger_is_found_again(take: Take, writer: PartitionWriter) -> None:
    key = LedgerKey(SITE, "gw-1", 4_000_000, Lane.LIFE)
    whole = LedgerRow(key=key, high=5)
    writer.commit(commit(1, ledger=[whole]))
    torn = LedgerRow(key=key, high=7, islands=((9, 11), (20, 20)))
    other = LedgerRow(key=LedgerKey(SITE, "gw-1", 4_000_000, Lane.MAIN), high=1)
    writer.commit(commit(2, ledger=[torn, other]))
    assert set(reopened(take, writer).opened.ledger) == {torn, other}


def test_cells_are_replaced_and_deleted(take: Take, writer: PartitionWriter) -> None:
    writer.commit(commit(1, cells={(SITE, "a"): b"\0one", (SITE, "b"): b"two", ("other", "a"): b"three"}))
    writer.commit(commit(2, cells={(SITE, "a"): b"", (SITE, "b"): None, (SITE, "never"): None}))
    assert dict(reopened(take, writer).opened.cells) == {(SITE, "a"): b"", ("other", "a"): b"three"}


def test_health_of_devices_and_agents_is_found_again(take: Take, writer: PartitionWriter) -> None:
    silent = DeviceHealth(site=SITE, device="t-1", agent="gw-1", known=False)
    seen = DeviceHealth(
        site=SITE, device="cp-1", agent="gw-1", last_at=NOON, last_seen=NOON + 1, complete_to=NOON - 1
    )
    agent = AgentHealth(site=SITE, agent="gw-1", last_seen=NOON, epoch=9, clock_offset_ms=-3)
    writer.commit(commit(1, devices=[silent, seen], agents=[agent]))
    later = DeviceHealth(site=SITE, device="t-1", agent="gw-2", complete_to=NOON)
    writer.commit(commit(2, devices=[later]))
    found = reopened(take, writer).opened
    assert sorted(found.devices, key=lambda row: row.device) == [seen, later]
    assert list(found.agents) == [agent]


def test_history_gives_events_as_they_came_with_their_full_identity(writer: PartitionWriter) -> None:
    rich = event(
        2,
        observed_at=NOON + 5,
        clock_error_ms=20,
        zone="b1",
        person="card:8812331",
        data=raw_data({"loop": 1, "text": "三号楼\n"}),
    )
    writer.commit(commit(1, events=[group(event(1), rich, base=1 << 62)]))
    first, second = writer.history(SITE, ["fire.alarm"], NOON, NOON + 1)
    assert first.event == event(1 + (1 << 62))
    assert (second.event.zone, second.event.person, second.event.observed_at) == (
        "b1",
        "card:8812331",
        NOON + 5,
    )
    assert second.event.clock_error_ms == 20
    assert second.received_at == NOON + 40
    assert event_data(second.event) == {"loop": 1, "text": "三号楼\n"}


def test_history_is_sorted_and_half_open(writer: PartitionWriter) -> None:
    writer.commit(commit(1, events=[group(event(3, NOON + 2), event(2, NOON), event(1, NOON + 3))]))
    found = writer.history(SITE, ["fire.alarm"], NOON, NOON + 3)
    assert [stored.event.seq for stored in found] == [2, 3]


def test_history_leaves_out_other_types_other_sites_and_what_a_flag_withholds(
    writer: PartitionWriter,
) -> None:
    odd = (Flag.FUTURE, Flag.UNKNOWN_DEVICE, Flag.UNKNOWN_TYPE | Flag.IMPOSSIBLE_TIME)
    writer.commit(
        commit(1, events=[group(event(1), event(2), event(3), flags=odd), group(event(4, kind="input.on"))])
    )
    found = writer.history(SITE, ["fire.alarm", "fire.reset"], NOON, NOON + 1)
    assert [(stored.event.seq, stored.flags) for stored in found] == [(2, Flag.UNKNOWN_DEVICE)]
    assert writer.history("other", ["fire.alarm"], NOON, NOON + 1) == []


def test_the_newest_revision_of_each_episode_is_told(writer: PartitionWriter) -> None:
    rows = [verdict(1), verdict(1, NOON + 900_000), verdict(2, outcome=Outcome.MET)]
    told = [VerdictRow(site=SITE, revised=row, explain_zh="迟到", explain_en="late") for row in rows]
    writer.commit(commit(1, verdicts=told[:2]))
    writer.commit(commit(2, verdicts=told[2:]))
    assert writer.last_revisions(SITE, "ER-2", "b1", NOON, NOON + 900_001) == [rows[2], rows[1]]
    assert writer.last_revisions(SITE, "ER-2", "b1", NOON, NOON + 900_000) == [rows[2]]
    assert writer.last_revisions(SITE, "ER-2", "b2", NOON, NOON + 1) == []


def test_open_incidents_are_found_again_and_closed_ones_are_not(take: Take, writer: PartitionWriter) -> None:
    episode = IncidentEpisode(
        rule="ER-2",
        key="b1",
        opened_at=NOON,
        due_at=NOON + 1,
        outcome="pending",
        final=False,
        reason="waiting",
    )

    def incident(name: str, revision: int, state: IncidentState) -> Incident:
        closed_at = NOON + 9 if state is IncidentState.CLOSED else None
        return Incident(
            site=SITE,
            id=name,
            kind=IncidentKind.ALARM,
            state=state,
            subject="b1",
            opened_at=NOON,
            revision=revision,
            changed_at=NOON + revision,
            closed_at=closed_at,
            trigger=("panel-1", 17),
            episodes=(episode,),
        )

    still_open = incident("one", 2, IncidentState.OPEN)
    first = [incident("one", 1, IncidentState.OPEN), incident("two", 1, IncidentState.OPEN)]
    writer.commit(commit(1, incidents=first))
    writer.commit(commit(2, incidents=[still_open, incident("two", 2, IncidentState.CLOSED)]))
    assert list(reopened(take, writer).opened.incidents) == [still_open]


def test_live_matters_are_found_again_and_any_can_be_looked_up(take: Take, writer: PartitionWriter) -> None:
    shelved = samples.record("door", revision=2, state="shelved")
    gone = samples.record("gate", revision=2, state="normal", live=False)
    writer.commit(commit(1, records=[samples.record("door"), samples.record("gate")]))
    writer.commit(commit(2, records=[shelved, gone]))
    assert list(reopened(take, writer).opened.records) == [shelved]


def test_a_matter_or_an_incident_is_looked_up_live_or_not(writer: PartitionWriter) -> None:
    gone = samples.record("gate", state="normal", live=False)
    closed = samples.incident(state=IncidentState.CLOSED)
    writer.commit(commit(1, records=[gone], incidents=[closed]))
    assert writer.record(SITE, RecordKind.ALARM, "gate") == gone
    assert writer.record(SITE, RecordKind.ORDER, "gate") is None
    assert writer.record("other", RecordKind.ALARM, "gate") is None
    assert writer.incident(SITE, "one") == closed
    assert writer.incident(SITE, "two") is None


def test_a_command_has_one_answer_for_ever(writer: PartitionWriter) -> None:
    writer.commit(commit(1, answers=[samples.answer("once")]))
    writer.commit(commit(2, answers=[samples.answer("once", problem="conflict"), samples.answer("twice")]))
    assert writer.answered(SITE, ["once", "twice", "never"]) == {"once", "twice"}
    assert writer.answered("other", ["once"]) == frozenset()


def test_good_readings_are_found_again_by_device_and_point(writer: PartitionWriter) -> None:
    columns = Readings(
        seq=[1, 2, 3, 4, 5],
        device=["t-1", "t-1", "t-2", "t-1", "t-1"],
        point=["temperature", "humidity", "temperature", "temperature", "temperature"],
        at=[NOON + 1, NOON, NOON, NOON, NOON + 2],
        value=[24.5, 60.0, 20.0, None, 25.5],
        quality=[Quality.GOOD, Quality.GOOD, Quality.GOOD, Quality.BAD, Quality.UNCERTAIN],
    )
    flagged = Readings(
        seq=[6], device=["t-1"], point=["temperature"], at=[NOON], value=[1.0], quality=[Quality.GOOD]
    )
    groups = [
        ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=NOON, readings=columns),
        ReadingGroup(
            site=SITE, agent="gw-1", seq_base=0, received_at=NOON, readings=flagged, flags=(int(Flag.FUTURE),)
        ),
    ]
    writer.commit(commit(1, readings=groups))
    wanted = [("t-1", "temperature"), ("t-2", "humidity")]
    assert writer.past_readings(SITE, wanted, NOON, NOON + 9) == [("t-1", "temperature", NOON + 1, 24.5)]
    assert writer.past_readings(SITE, wanted, NOON + 2, NOON + 9) == []
    assert writer.past_readings("other", wanted, NOON, NOON + 9) == []


def test_a_stale_owner_writes_nothing(take: Take, steal: Callable[[PartitionWriter], None]) -> None:
    stale = take(3)
    steal(stale)
    fresh = take(3)
    fresh.commit(commit(1, events=[group(event(1))]))
    with pytest.raises(FencedError):
        stale.commit(commit(2, events=[group(event(2))]))
    assert [stored.event.seq for stored in fresh.history(SITE, ["fire.alarm"], 0, NOON + 1)] == [1]
