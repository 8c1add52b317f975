"""Small things that happened on a site, for tests that need some: every field has a plausible value."""

from collections.abc import Iterable
from typing import Any

import msgspec

from cloud.correlation.verdict import BlindSpan, Episode, Outcome, Overdue, Reason, Revised, Verdict
from cloud.operations.alarm import Priority
from cloud.operations.command import Acknowledge, Answer, Command
from cloud.operations.notice import Notice
from cloud.operations.record import Record, RecordKind
from cloud.store.base import (
    AgentHealth,
    AlertCleared,
    AlertRow,
    Commit,
    DeviceHealth,
    EventGroup,
    Incident,
    IncidentEpisode,
    IncidentKind,
    IncidentState,
    PartitionWriter,
    Position,
    QuarantineRow,
    VerdictRow,
)
from contract.events import Event
from contract.site import Device, Person, ProfileHead, Site, SiteFile, Text, Zone

NOON = 1_764_547_200_123
SITE = "demo"
BIG = (7 << 41) + 17
"""A stored sequence number that JavaScript's numbers can't hold."""


def site(name: str = SITE) -> Site:
    """Two zones, a panel, a reader in each zone, a wand that buffers, and one person."""
    return Site(
        SiteFile(
            site=name,
            timezone="Asia/Shanghai",
            language="zh",
            name=Text(zh="示例小区", en="Demo Estate"),
            zones=(
                Zone(id="b1", name=Text(zh="一号楼大堂", en="Block 1 lobby")),
                Zone(id="gate", name=Text(zh="大门", en="Main gate")),
            ),
            devices=(
                Device(id="panel-1", emits=("fire.alarm",), name=Text(zh="消防主机", en="Fire panel")),
                Device(
                    id="cp-b1",
                    zone="b1",
                    emits=("checkpoint.scan",),
                    name=Text(zh="大堂巡更点", en="Lobby checkpoint"),
                ),
                Device(id="cp-gate", zone="gate"),
                Device(id="wand-1", zone="gate", profile="wand"),
            ),
            people=(Person(id="p-007", name=Text(zh="王强", en="Wang Qiang"), cards=("card:8812331",)),),
        ),
        {"wand": ProfileHead(profile="wand", buffers=True)},
    )


def event(seq: int, at: int = NOON, kind: str = "fire.alarm", device: str = "panel-1", **more: Any) -> Event:
    """One event."""
    return Event(seq=seq, at=at, device=device, type=kind, **more)


def events(*happened: Event, site: str = SITE, base: int = 0, **more: Any) -> EventGroup:
    """Events of one batch."""
    return EventGroup(site=site, agent="gw-1", seq_base=base, received_at=NOON + 40, events=happened, **more)


def verdict(
    key: str = "b1",
    *,
    revision: int = 1,
    opened_at: int = NOON,
    outcome: Outcome = Outcome.PENDING,
    site: str = SITE,
    **more: Any,
) -> VerdictRow:
    """One revision of the verdict on somebody reaching a fire in a zone within two minutes."""
    final = outcome is not Outcome.PENDING
    fields: dict[str, Any] = {
        "rule": "ER-2",
        "version": 1,
        "kind": "response",
        "key": key,
        "opened_at": opened_at,
        "due_at": opened_at + 120_000,
        "outcome": outcome,
        "final": final,
        "reason": Reason.IN_TIME if outcome is Outcome.MET else Reason.WAITING,
        "elapsed_ms": 61_000 if outcome is Outcome.MET else None,
        "evidence": (("panel-1", BIG),) + ((("cp-b1", 4),) if outcome is Outcome.MET else ()),
        "joined": (("panel-1", BIG + 1),),
        "blind": (BlindSpan("cp-b1", opened_at, opened_at + 5_000),) if outcome is Outcome.UNKNOWN else (),
    }
    return VerdictRow(
        site=site,
        revised=Revised(
            verdict=Verdict(**(fields | more)),
            revision=revision,
            decided_at=opened_at + 1_000 * revision,
            late_ms=9_000 if revision > 2 else None,
            cleared=revision > 2,
        ),
        explain_zh=f"火警后2分钟内须有人到{key}",
        explain_en=f"somebody must reach {key} within 2 minutes of the fire alarm",
    )


def alert(key: str = "b1", opened_at: int = NOON, site: str = SITE) -> AlertRow:
    """Nobody has come in time."""
    due_at = opened_at + 120_000
    overdue = Overdue(episode=Episode("ER-2", key, opened_at), due_at=due_at, links=(("cp-b1", due_at - 9),))
    return AlertRow(site=site, overdue=overdue, raised_at=due_at + 20)


def cleared(key: str = "b1", opened_at: int = NOON, site: str = SITE) -> AlertCleared:
    """Somebody had come after all."""
    return AlertCleared(site=site, rule="ER-2", key=key, opened_at=opened_at, cleared_at=opened_at + 200_000)


def incident(
    name: str = "one",
    *,
    revision: int = 1,
    opened_at: int = NOON,
    state: IncidentState = IncidentState.OPEN,
    site: str = SITE,
    **more: Any,
) -> Incident:
    """A fire alarm in Block 1 that somebody must answer."""
    closed = state is IncidentState.CLOSED
    episode = IncidentEpisode(
        rule="ER-2",
        key="b1",
        opened_at=opened_at,
        due_at=opened_at + 120_000,
        outcome="met" if closed else "pending",
        final=closed,
        reason="in_time" if closed else "waiting",
    )
    fields: dict[str, Any] = {
        "kind": IncidentKind.ALARM,
        "subject": "b1",
        "cause": "fire.alarm",
        "trigger": ("panel-1", BIG),
        "episodes": (episode,),
        "changed_at": opened_at + revision,
        "closed_at": opened_at + 61_000 if closed else None,
    }
    return Incident(
        site=site, id=name, state=state, opened_at=opened_at, revision=revision, **(fields | more)
    )


def record(
    name: str = "door",
    *,
    revision: int = 1,
    state: str = "unacknowledged",
    live: bool = True,
    opened_at: int = NOON,
    site: str = SITE,
    kind: RecordKind = RecordKind.ALARM,
) -> Record:
    """A door that is held open."""
    body = {"id": name, "opened_at": opened_at, "source": "door-1", "text": "门"}
    return Record(
        site=site,
        kind=kind,
        id=name,
        revision=revision,
        state=state,
        live=live,
        opened_at=opened_at,
        changed_at=opened_at + revision,
        body=msgspec.json.encode(body, order="sorted"),
    )


def notice(name: str = "n", *, made_at: int = NOON, site: str = SITE, **more: Any) -> Notice:
    """Somebody is told of a fire."""
    fields: dict[str, Any] = {
        "about": "incident:one",
        "person": "p-007",
        "channel": "mail",
        "kind": "alarm",
        "priority": Priority.CRITICAL,
        "title": "火警 · 一号楼大堂",
        "text": "示例小区",
        "not_before": made_at,
        "chain": "critical",
    }
    return Notice(site=site, id=name, made_at=made_at, **(fields | more))


def answer(name: str = "once", *, at: int = NOON, site: str = SITE, **more: Any) -> Answer:
    """Somebody acknowledged."""
    command = Command(id=name, person="p-007", at=at, action=Acknowledge(incident="one"))
    fields: dict[str, Any] = {
        "person": "p-007",
        "at": at,
        "received_at": at + 5,
        "verb": "acknowledge",
        "body": msgspec.json.encode(command, order="sorted"),
        "kind": "incident",
        "target": "one",
        "revision": 2,
    }
    return Answer(site=site, id=name, **(fields | more))


def device(name: str = "cp-b1", at: int = NOON, site: str = SITE, **more: Any) -> DeviceHealth:
    """A device that was heard."""
    fields: dict[str, Any] = {"last_at": at, "last_seen": at + 40, "complete_to": at, "agent": "gw-1"}
    return DeviceHealth(site=site, device=name, **(fields | more))


def agent(name: str = "gw-1", at: int = NOON, site: str = SITE) -> AgentHealth:
    """An agent that was heard."""
    return AgentHealth(site=site, agent=name, last_seen=at, epoch=7, clock_offset_ms=3, last_observed_at=at)


def aside(reason: str = "no JSON", site: str = SITE) -> QuarantineRow:
    """A message that could not be read."""
    return QuarantineRow(
        site=site, agent="gw-1", kind="batch", reason=reason, body=b"\0\xff{", digest="ab", received_at=NOON
    )


class Scribe:
    """Writes a partition, one commit after the other."""

    def __init__(self, writer: PartitionWriter, partition: int = 3) -> None:
        self.writer = writer
        self.partition = partition
        self.commit_no = writer.opened.commit_no

    def write(self, **content: Any) -> int:
        """One commit with `content` as `Commit` names it; its number."""
        self.commit_no += 1
        self.writer.commit(
            Commit(
                partition=self.partition,
                commit_no=self.commit_no,
                committed_at=NOON,
                position=Position(stream="made-at-noon", seq=self.commit_no),
                **content,
            )
        )
        return self.commit_no

    def write_all(self, contents: Iterable[dict[str, Any]]) -> None:
        """Several."""
        for content in contents:
            self.write(**content)
