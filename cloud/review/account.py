"""The account of one verdict: what decided it, by which version of the rule, and which single event would flip it."""

from collections.abc import Iterator

import msgspec

from cloud.correlation.explain import Explainer
from cloud.correlation.lines import Recording
from cloud.correlation.replay import judged
from cloud.correlation.rules import Recurrence, Response, Rule, RuleBook, RuleVersion
from cloud.correlation.verdict import Episode, EventId, Outcome, Verdict
from contract.events import Event
from contract.site import Site, Text


class Witness(msgspec.Struct, frozen=True):
    """An event that the verdict names, and what the verdict would be without it (None: there would be none)."""

    event: Event
    without: Verdict | None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to say of a verdict. `missing`: what single event, had it come in time, would have flipped it."""

    verdict: Verdict
    version: RuleVersion
    sentence: str
    clause: Text
    witnesses: tuple[Witness, ...]
    missing: Text | None


def account(
    site: Site,
    rules: RuleBook,
    recording: Recording,
    episode: Episode,
    language: str,
    span: tuple[int | None, int | None] = (None, None),
) -> Account | None:
    """The account of an episode; None where the recording holds no such episode. Each event is left out in turn.

    `span`: from when and until when the recording is judged, as `judged` takes them.
    """
    own = RuleBook(tuple(version for version in rules.versions if version.rule.id == episode.rule))
    verdicts, since, end = judged(site, own, recording, *span)
    verdict = _of(verdicts, episode)
    version = own.version(episode.rule, episode.opened_at)
    if verdict is None or version is None:
        return None
    found = [recording.events[one].event for one in verdict.evidence if one in recording.events]
    witnesses = tuple(
        Witness(one, _without(site, own, recording, one, episode, (since, end))) for one in found
    )
    decider = found[-1].person if found and verdict.elapsed_ms is not None else None
    return Account(
        verdict=verdict,
        version=version,
        sentence=Explainer(site, own).sentence(verdict, language, decider),
        clause=version.rule.source,
        witnesses=witnesses,
        missing=_missing(verdict, version.rule),
    )


def _of(verdicts: list[Verdict], episode: Episode) -> Verdict | None:
    return next((one for one in verdicts if one.episode == episode), None)


def _without(
    site: Site, rules: RuleBook, recording: Recording, event: Event, episode: Episode, span: tuple[int, int]
) -> Verdict | None:
    rest = {name: one for name, one in recording.events.items() if name != (event.device, event.seq)}
    fewer = msgspec.structs.replace(recording, events=rest)
    return _of(judged(site, rules, fewer, *span)[0], episode)


def _missing(verdict: Verdict, rule: Rule) -> Text | None:
    """What one event would have made it met, where one would have."""
    if verdict.outcome not in {Outcome.BREACHED, Outcome.UNKNOWN} or not isinstance(
        rule, Response | Recurrence
    ):
        return None
    types = " / ".join(sorted(rule.expect.types))
    who = ""
    if rule.by is not None:
        who = rule.by.role or rule.by.qualification or ""
    return Text(
        zh=f"期限前的一条 {types}" + (f"（{who}）" if who else ""),
        en=f"one {types} before the limit" + (f", by somebody who is {who}" if who else ""),
    )


def flips(found: Account) -> Iterator[EventId]:
    """The events without which the outcome would be another."""
    for witness in found.witnesses:
        if witness.without is None or witness.without.outcome is not found.verdict.outcome:
            yield witness.event.device, witness.event.seq
