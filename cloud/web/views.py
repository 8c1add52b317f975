"""Rows of the store as the API says them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from cloud.correlation.rules import (
    Duration,
    Quota,
    Recurrence,
    Response,
    Rule,
    RuleVersion,
    Staffing,
    Tour,
    asked_types,
)
from cloud.correlation.sentences import WORDS
from cloud.correlation.verdict import BlindSpan, EventId
from cloud.operations.command import Answer, is_late
from cloud.operations.record import Record
from cloud.store.base import (
    AgentHealth,
    BlindRow,
    DeviceHealth,
    Flag,
    Incident,
    StoredEvent,
    VerdictRow,
)
from cloud.store.reads import AlertState, Change, NoticeState, QuarantineEntry, SiteEvent
from cloud.web.health import Blindness, agent_is_silent, blindness, device_state
from cloud.web.models import (
    AgentChange,
    AgentView,
    AlertView,
    AnswerView,
    BlindChange,
    BlindSpanView,
    ChangeMessage,
    ChangeView,
    DeviceChange,
    DeviceView,
    EpisodeView,
    EventRef,
    EventView,
    IncidentView,
    ItemView,
    LinkView,
    NamedView,
    NoticeView,
    QuarantineView,
    RecordView,
    RuleView,
    SiteDetail,
    SiteView,
    VerdictView,
    Words,
)
from contract.events import Event, has_ended, part_of
from contract.limits import cut, is_deep
from contract.quiet import quiet_ms
from contract.site import Agent, Device, Group, Person, Site, Text, Zone
from contract.site_parts import part_label

EXCERPT: Final = 2_000
_NOTHING: Final = Words(zh="", en="")


def words(text: Text) -> Words:
    """A name in both languages."""
    return Words(zh=text.zh, en=text.en)


def site_view(site: Site) -> SiteView:
    """A site for a list."""
    return SiteView(
        id=site.id, name=words(site.file.name), timezone=site.file.timezone, language=site.file.language
    )


def site_detail(site: Site) -> SiteDetail:
    """A site with its names."""
    return SiteDetail(
        **site_view(site).model_dump(),
        zones=_named(site.file.zones),
        devices=_named(site.file.devices),
        groups=_named(site.file.groups),
        people=_named(site.file.people),
        agents=_named(site.file.agents),
    )


def _named(items: Iterable[Zone | Device | Group | Person | Agent]) -> list[NamedView]:
    return [NamedView(id=item.id, name=words(item.name)) for item in items]


def rule_view(version: RuleVersion) -> RuleView:
    """A version of a rule."""
    rule = version.rule
    kind, on, expect, limit = _asked(rule)
    return RuleView(
        id=rule.id,
        version=rule.version,
        kind=kind,
        effective_from=rule.effective_from.isoformat(),
        on=sorted(on),
        expect=sorted(expect),
        limit=limit,
        name=words(rule.name),
        source=words(rule.source),
    )


def _asked(rule: Rule) -> tuple[str, frozenset[str], frozenset[str], str]:
    """Its kind, what opens an episode, what it waits for, and its limit."""
    match rule:
        case Response():
            return "response", rule.on.types, rule.expect.types, rule.within
        case Recurrence():
            return "recurrence", frozenset(), rule.expect.types, rule.every
        case Duration():
            return "duration", rule.while_.types, rule.while_.ends, rule.longer_than
        case Quota():
            return "quota", frozenset(), rule.item_types, f"{rule.at_least} / {rule.per}"
        case Tour():
            return "tour", frozenset(), asked_types(rule), rule.complete_within
        case Staffing():
            return "staffing", frozenset(), asked_types(rule), f"{rule.at_least}, {rule.tolerance}"


def event_view(site: str, stored: StoredEvent, model: Site | None) -> EventView:
    """An event; its part by the name that the site's files give it, where `model` is known."""
    event = stored.event
    part = part_of(event)
    name = part_label(model, event.device, part) if model is not None and part else None
    return EventView(
        site=site,
        device=event.device,
        seq=str(event.seq),
        at=event.at,
        observed_at=event.observed_at or None,
        received_at=stored.received_at,
        clock_error_ms=event.clock_error_ms,
        type=event.type,
        zone=event.zone,
        person=event.person,
        ended=has_ended(event),
        data=_data(event),
        flags=[str(flag.name).lower() for flag in Flag if flag and flag in stored.flags],
        part=part or None,
        part_name=Words(zh=name.in_("zh"), en=name.in_("en")) if name is not None else None,
    )


def _data(event: Event) -> dict[str, Any]:
    # Devices send what they like: what is no object is shown all the same.
    data = _shown(bytes(event.data))
    return data if isinstance(data, dict) else {"value": data}


def _shown(text: bytes) -> Any:  # noqa: ANN401 - JSON
    """Stored JSON, as far as it can be shown: what was taken before there were limits must spoil no list."""
    if not is_deep(text):
        return msgspec.json.decode(text)
    try:
        return cut(msgspec.json.decode(text))
    except RecursionError:
        return {"unreadable": text[:EXCERPT].decode("utf-8", "backslashreplace")}


def verdict_view(row: VerdictRow) -> VerdictView:
    """One revision of a verdict."""
    revised, verdict = row.revised, row.revised.verdict
    return VerdictView(
        site=row.site,
        rule=verdict.rule,
        version=verdict.version,
        kind=verdict.kind,
        key=verdict.key,
        opened_at=verdict.opened_at,
        due_at=verdict.due_at,
        outcome=verdict.outcome,
        final=verdict.final,
        overdue=verdict.overdue,
        reason=verdict.reason,
        elapsed_ms=verdict.elapsed_ms,
        revision=revised.revision,
        decided_at=revised.decided_at,
        late_ms=revised.late_ms,
        cleared=revised.cleared,
        evidence=[_ref(identity) for identity in verdict.evidence],
        joined=[_ref(identity) for identity in verdict.joined],
        blind=[_span(span) for span in verdict.blind],
        items=[
            ItemView(
                word=one.word, device=one.device, at=one.at, until=one.until, name=words(WORDS[one.word])
            )
            for one in verdict.items
        ],
        explain=Words(zh=row.explain_zh, en=row.explain_en),
    )


def alert_view(state: AlertState) -> AlertView:
    """An overdue alert."""
    overdue = state.alert.overdue
    return AlertView(
        site=state.site,
        rule=overdue.episode.rule,
        key=overdue.episode.key,
        opened_at=overdue.episode.opened_at,
        due_at=overdue.due_at,
        raised_at=state.alert.raised_at,
        cleared_at=state.cleared_at,
        links=[LinkView(device=device, complete_to=complete_to) for device, complete_to in overdue.links],
    )


def incident_view(incident: Incident) -> IncidentView:
    """An incident as it stands."""
    return IncidentView(
        site=incident.site,
        id=incident.id,
        kind=incident.kind,
        state=incident.state,
        subject=incident.subject,
        opened_at=incident.opened_at,
        changed_at=incident.changed_at,
        closed_at=incident.closed_at,
        revision=incident.revision,
        cause=incident.cause,
        trigger=_ref(incident.trigger) if incident.trigger else None,
        episodes=[
            EpisodeView(
                rule=episode.rule,
                key=episode.key,
                opened_at=episode.opened_at,
                due_at=episode.due_at,
                outcome=episode.outcome,
                final=episode.final,
                overdue=episode.overdue,
                reason=episode.reason,
            )
            for episode in incident.episodes
        ],
        phase=incident.life.phase,
        life=msgspec.to_builtins(incident.life),
    )


def record_view(record: Record) -> RecordView:
    """A matter as it stands."""
    return RecordView(
        site=record.site,
        kind=record.kind,
        id=record.id,
        state=record.state,
        opened_at=record.opened_at,
        changed_at=record.changed_at,
        revision=record.revision,
        body=_shown(record.body),
    )


def notice_view(row: NoticeState) -> NoticeView:
    """What somebody was told."""
    notice = row.notice
    return NoticeView(
        id=notice.id,
        about=notice.about,
        person=notice.person,
        channel=notice.channel,
        kind=notice.kind,
        priority=int(notice.priority),
        title=notice.title,
        text=notice.text,
        chain=notice.chain,
        step=notice.step,
        made_at=notice.made_at,
        not_before=notice.not_before,
        state=row.state,
        attempts=row.attempts,
        settled_at=row.settled_at,
        answer=row.answer,
    )


def answer_view(answer: Answer) -> AnswerView:
    """What became of a command."""
    body = _shown(answer.body)
    return AnswerView(
        id=answer.id,
        person=answer.person,
        at=answer.at,
        received_at=answer.received_at,
        late=is_late(answer.at, body.get("heard_at") or answer.received_at),
        verb=answer.verb,
        done=not answer.problem,
        problem=answer.problem,
        reason=Words(zh=answer.zh, en=answer.en),
        kind=answer.kind,
        target=answer.target,
        revision=answer.revision,
        action=body.get("action", body),
    )


def device_views(
    site: Site,
    healths: Sequence[DeviceHealth],
    agents: Sequence[AgentHealth],
    blind: Sequence[BlindRow],
    now: int,
) -> list[DeviceView]:
    """The site's devices in the order of its files, then the strangers that send under its name."""
    heard = {health.device: health for health in healths}
    agent_of = {agent.agent: agent for agent in agents}
    spans: dict[str, list[BlindRow]] = {}
    for span in blind:
        spans.setdefault(span.device, []).append(span)
    names = [*site.devices, *(device for device in heard if device not in site.devices)]
    quiet = quiet_ms(site)
    return [
        _device_view(site, name, heard.get(name), agent_of, spans.get(name, []), quiet.get(name, 0), now)
        for name in names
    ]


def _device_view(
    site: Site,
    name: str,
    health: DeviceHealth | None,
    agents: dict[str, AgentHealth],
    spans: Sequence[BlindRow],
    quiet: int,
    now: int,
) -> DeviceView:
    device = site.devices.get(name)
    buffers = name in site.buffering
    blind = blindness(spans, health.complete_to, now) if health else Blindness()
    agent = agents.get(health.agent) if health else None
    return DeviceView(
        id=name,
        name=words(device.name) if device else _NOTHING,
        zone=device.zone if device else None,
        profile=device.profile if device else None,
        agent=health.agent if health else None,
        state=device_state(
            health,
            agent,
            blind,
            now,
            buffers=buffers,
            quiet_ms=quiet,
            desk=name in site.told_by_people,
        ),
        last_at=health.last_at if health else None,
        last_seen=health.last_seen if health else None,
        complete_to=health.complete_to if health else None,
        buffers=buffers,
        quiet_ms=quiet,
        blind_since=blind.since,
        blind_day_ms=blind.day_ms,
    )


def agent_views(site: Site, agents: Sequence[AgentHealth], now: int) -> list[AgentView]:
    """The site's agents in the order of its files, then others that send under its name."""
    heard = {agent.agent: agent for agent in agents}
    names = [*site.agents, *(name for name in heard if name not in site.agents)]
    return [_agent_view(site, name, heard.get(name), now) for name in names]


def _agent_view(site: Site, name: str, health: AgentHealth | None, now: int) -> AgentView:
    return AgentView(
        id=name,
        name=words(site.agents[name].name) if name in site.agents else _NOTHING,
        last_seen=health.last_seen if health else None,
        last_observed_at=health.last_observed_at if health else None,
        epoch=health.epoch if health else None,
        clock_offset_ms=health.clock_offset_ms if health else None,
        silent=agent_is_silent(health, now),
    )


def quarantine_view(entry: QuarantineEntry) -> QuarantineView:
    """What was put aside."""
    row = entry.row
    return QuarantineView(
        id=str(entry.id),
        site=row.site,
        agent=row.agent,
        kind=row.kind,
        reason=row.reason,
        digest=row.digest,
        received_at=row.received_at,
        size=len(row.body),
        excerpt=row.body[:EXCERPT].decode("utf-8", "backslashreplace"),
    )


def change_message(partition: int, change: Change, sites: Mapping[str, Site]) -> ChangeMessage:
    """A change as the stream tells it."""
    row = _change_view(change, sites)
    return ChangeMessage(partition=partition, commit_no=change.commit_no, kind=change.kind, row=row)


def _change_view(change: Change, sites: Mapping[str, Site]) -> ChangeView:
    match change.row:
        case SiteEvent(site=site, stored=stored):
            return event_view(site, stored, sites.get(site))
        case VerdictRow() as row:
            return verdict_view(row)
        case AlertState() as row:
            return alert_view(row)
        case Incident() as row:
            return incident_view(row)
        case Record() as row:
            return record_view(row)
        case DeviceHealth() as row:
            return _device_change(row)
        case BlindRow() as row:
            return BlindChange(site=row.site, device=row.device, start=row.start, end=row.end)
        case AgentHealth() as row:
            return _agent_change(row)


def _device_change(row: DeviceHealth) -> DeviceChange:
    return DeviceChange(
        site=row.site,
        device=row.device,
        agent=row.agent,
        last_at=row.last_at,
        last_seen=row.last_seen,
        complete_to=row.complete_to,
        known=row.known,
    )


def _agent_change(row: AgentHealth) -> AgentChange:
    return AgentChange(
        site=row.site,
        agent=row.agent,
        last_seen=row.last_seen,
        last_observed_at=row.last_observed_at,
        epoch=row.epoch,
        clock_offset_ms=row.clock_offset_ms,
    )


def _ref(identity: EventId) -> EventRef:
    device, seq = identity
    return EventRef(device=device, seq=str(seq))


def _span(span: BlindSpan) -> BlindSpanView:
    return BlindSpanView(device=span.device, start=span.start, end=span.end)
