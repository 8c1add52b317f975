"""What another set of rules would have said of the same past: episode by episode, by rule and zone."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from cloud.correlation.verdict import Episode, Outcome, Verdict
from cloud.review.places import zone_of_key
from contract.site import Site


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An episode of which the two sets of rules say different things; None where one of them has no such episode."""

    episode: Episode
    zone: str
    was: Verdict | None
    now: Verdict | None

    @property
    def words(self) -> tuple[str, str]:
        """The outcomes; `-` where there is no such episode."""
        return (self.was.outcome if self.was else "-"), (self.now.outcome if self.now else "-")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and a zone: how many episodes are the same, and how many went from which outcome to which."""

    rule: str
    zone: str
    same: int
    changed: dict[str, int]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The whole difference over `[since, until)`; `changes` in the order of `(opened_at, rule, key)`."""

    since: int
    until: int
    rows: tuple[Row, ...]
    changes: tuple[Change, ...]


def difference(
    site: Site, was: Iterable[Verdict], now: Iterable[Verdict], since: int, until: int
) -> Difference:
    """Compare what two sets of rules say. A change of the limit alone is none, as long as the outcome stays."""
    before, after = _by_episode(was), _by_episode(now)
    same: Counter[tuple[str, str]] = Counter()
    changes: list[Change] = []
    for episode in sorted(before.keys() | after.keys()):
        one, other = before.get(episode), after.get(episode)
        zone = zone_of_key(site, episode.key)
        if one is not None and other is not None and one.outcome is other.outcome:
            same[episode.rule, zone] += 1
        else:
            changes.append(Change(episode=episode, zone=zone, was=one, now=other))
    changes.sort(key=lambda change: (change.episode.opened_at, change.episode))
    return Difference(since=since, until=until, rows=tuple(_rows(same, changes)), changes=tuple(changes))


def _by_episode(verdicts: Iterable[Verdict]) -> dict[Episode, Verdict]:
    return {one.episode: one for one in verdicts if one.outcome is not Outcome.VOID}


def _rows(same: Counter[tuple[str, str]], changes: Sequence[Change]) -> list[Row]:
    changed: dict[tuple[str, str], Counter[str]] = {}
    for change in changes:
        counted = changed.setdefault((change.episode.rule, change.zone), Counter())
        counted[" → ".join(change.words)] += 1
    return [
        Row(
            rule=rule,
            zone=zone,
            same=same[rule, zone],
            changed=dict(sorted(changed.get((rule, zone), {}).items())),
        )
        for rule, zone in sorted(same.keys() | changed.keys())
    ]
