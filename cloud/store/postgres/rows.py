"""Rows of a statement's result as the store's structs, for the writing and the reading side alike."""

from typing import Any

import msgspec

from cloud.correlation.verdict import Outcome, Reason, Revised, Verdict
from cloud.operations.command import Answer
from cloud.operations.record import Record, RecordKind
from cloud.store.base import AgentHealth, DeviceHealth, Flag, StoredEvent
from cloud.store.postgres.copy import blind_spans, event_ids, items_of
from contract.events import Event
from contract.limits import is_deep

Row = tuple[Any, ...]


def to_device(row: Row) -> DeviceHealth:
    """A row of `devices`."""
    site, device, agent, last_at, last_seen, complete_to, known = row
    return DeviceHealth(
        site=site,
        device=device,
        agent=agent,
        last_at=last_at,
        last_seen=last_seen,
        complete_to=complete_to,
        known=known,
    )


def to_agent(row: Row) -> AgentHealth:
    """A row of `agents`."""
    site, agent, last_seen, epoch, clock_offset_ms, last_observed_at = row
    return AgentHealth(
        site=site,
        agent=agent,
        last_seen=last_seen,
        epoch=epoch,
        clock_offset_ms=clock_offset_ms,
        last_observed_at=last_observed_at,
    )


def to_stored(row: Row) -> StoredEvent:
    """An event as `history` selects it."""
    device, seq, at, kind, observed_at, clock_error_ms, zone, person, data, received_at, flags = row
    event = Event(
        seq=seq,
        at=at,
        device=device,
        type=kind,
        observed_at=observed_at,
        clock_error_ms=clock_error_ms,
        zone=zone,
        person=person,
        data=msgspec.Raw(data),
    )
    return StoredEvent(event=event, received_at=received_at, flags=Flag(flags))


def to_revised(row: Row) -> Revised:
    """A revision as `last_revisions` selects it."""
    rule, version, kind, key, opened_at, due_at, outcome, final, reason, *rest = row
    elapsed_ms, evidence, overdue, joined, blind, items, revision, decided_at, late_ms, cleared = rest
    verdict = Verdict(
        rule=rule,
        version=version,
        kind=kind,
        key=key,
        opened_at=opened_at,
        due_at=due_at,
        outcome=Outcome(outcome),
        final=final,
        reason=Reason(reason),
        elapsed_ms=elapsed_ms,
        evidence=event_ids.decode(evidence),
        overdue=overdue,
        joined=event_ids.decode(joined),
        blind=blind_spans.decode(blind),
        items=items_of.decode(items),
    )
    return Revised(
        verdict=verdict, revision=revision, decided_at=decided_at, late_ms=late_ms, cleared=cleared
    )


def to_record(row: Row) -> Record:
    """A matter as the statements of records select it."""
    site, kind, identity, revision, state, live, opened_at, changed_at, body = row
    return Record(
        site=site,
        kind=RecordKind(kind),
        id=identity,
        revision=revision,
        state=state,
        live=live,
        opened_at=opened_at,
        changed_at=changed_at,
        body=compact(body),
    )


def to_answer(row: Row) -> Answer:
    """A row of `answers`."""
    site, identity, person, at, received_at, verb, body, problem, zh, en, kind, target, revision = row
    return Answer(
        site=site,
        id=identity,
        person=person,
        at=at,
        received_at=received_at,
        verb=verb,
        body=compact(body),
        problem=problem,
        zh=zh,
        en=en,
        kind=kind,
        target=target,
        revision=revision,
    )


def compact(body: str) -> bytes:
    """JSON as the database shows it, as bytes in one canonical form; as it stands where it is too deep to be read."""
    if is_deep(body.encode()):
        return body.encode()
    return msgspec.json.encode(msgspec.json.decode(body), order="sorted")
