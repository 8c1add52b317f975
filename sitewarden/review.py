"""`sitewarden backtest`, `explain` and `kpi`: recorded lines, or a span of the database, looked at in another way."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from cloud.condition.generator_runs import generator_runs
from cloud.condition.joints import Column
from cloud.condition.sensors import Suspicion, suspicions
from cloud.correlation.engine import Engine
from cloud.correlation.explain import Explainer, length, place_name
from cloud.correlation.lines import Recording, read_lines
from cloud.correlation.replay import judged
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import Quota, RuleBook
from cloud.correlation.sentences import RUNS, SUSPICIONS, WORDS
from cloud.correlation.verdict import Episode, Verdict
from cloud.review.account import Account, Witness, account, flips
from cloud.review.by import By
from cloud.review.difference import Change, Difference, difference
from cloud.review.kpi import Kpi, kpis
from cloud.review.picture import picture
from cloud.store.postgres.reads import PostgresReader
from cloud.store.recorded import recorded
from contract.site import Site
from contract.site_files import load_site
from sitewarden.errors import CommandError
from sitewarden.replay import recorded_lines

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the past comes from: a file of lines, or a database, and which part of it."""

    site: Path
    events: str | None = None
    database: str | None = None
    since: int | None = None
    until: int | None = None
    skip_bad: bool = False


def read_past(source: Source, site: Site, books: Iterable[RuleBook], console: Console) -> Recording:
    """The recording that a source names.

    Raises:
        CommandError: It names none, or both.
        ConfigError: A line is bad.
        StoreUnavailableError: The database can't be reached.
    """
    if (source.events is None) is (source.database is None):
        raise CommandError("expected either --events or --database")
    if source.events is not None:
        with recorded_lines(source.events, console) as lines:
            return read_lines(lines, site.id, file=source.events, skip_bad=source.skip_bad)
    if source.since is None or source.until is None:
        raise CommandError("expected --from and --until with --database")
    points = {
        point
        for book in books
        for point in Engine(site, book, data_from=source.since, keep_ms=None).asked_points
    }
    return asyncio.run(_stored(source.database or "", site.id, points, source.since, source.until))


async def _stored(dsn: str, site: str, points: set[tuple[str, str]], since: int, until: int) -> Recording:
    reader = PostgresReader(dsn)
    await reader.open()
    try:
        return await recorded(reader, site, points, since, until)
    finally:
        await reader.close()


# --- backtest


def run_backtest(
    source: Source,
    one: Path,
    two: Path,
    *,
    drawn: Path | None,
    as_json: bool,
    language: str,
    console: Console,
) -> str:
    """Judge the past by both sets of rules; what is to be printed. A picture goes to `drawn`.

    Raises:
        ConfigError: Files have mistakes. CommandError, StoreUnavailableError: see `read_past`.
    """
    site = load_site(source.site)
    books = [load_rules(one, site), load_rules(two, site)]
    past = read_past(source, site, books, console)
    first, since, until = judged(site, books[0], past, source.since, source.until)
    second, _, _ = judged(site, books[1], past, source.since, source.until)
    found = difference(site, first, second, since, until)
    if drawn is not None:
        drawn.write_text(picture(found, site, language), "utf-8")
    if as_json:
        return msgspec.json.encode(found).decode()
    return _backtest_text(found, site, books, language)


def _backtest_text(found: Difference, site: Site, books: list[RuleBook], language: str) -> str:
    table = Table("rule", "zone", "same", "changed")
    for row in found.rows:
        zone = place_name(site, row.zone, language) if row.zone else ""
        changed = ", ".join(f"{words} {count}" for words, count in row.changed.items())
        table.add_row(row.rule, zone, str(row.same), changed or "-")
    said = [_printed(table)]
    said.extend(_change_text(change, site, books, language) for change in found.changes[:_MOST_CHANGES])
    more = len(found.changes) - _MOST_CHANGES
    if more > 0:
        said.append(f"and {more} more; --json lists all")
    return "\n".join(said)


_MOST_CHANGES = 20


def _change_text(change: Change, site: Site, books: list[RuleBook], language: str) -> str:
    said = [f"{change.episode.rule} {change.episode.key} {_moment(change.episode.opened_at, site)}:"]
    for book, verdict in zip(books, (change.was, change.now), strict=True):
        said.append("  - " + (_sentence(verdict, site, book, language) if verdict else "no such episode"))
    return "\n".join(said)


def _sentence(verdict: Verdict, site: Site, book: RuleBook, language: str) -> str:
    events = ", ".join(f"{device}/{seq}" for device, seq in verdict.evidence)
    return (
        f"{verdict.outcome}: "
        + Explainer(site, book).sentence(verdict, language)
        + (f" [{events}]" if events else "")
    )


# --- kpi


def run_kpi(source: Source, rules: Path, by: By, *, as_json: bool, console: Console) -> str:
    """The figures of the past, as a table or as JSON.

    Raises:
        ConfigError: Files have mistakes. CommandError, StoreUnavailableError: see `read_past`.
    """
    site = load_site(source.site)
    book = load_rules(rules, site)
    past = read_past(source, site, [book], console)
    verdicts, _, _ = judged(site, book, past, source.since, source.until, kept=True)
    people = {name: one.event.person for name, one in past.events.items() if one.event.person}
    found = kpis(verdicts, by, site, people)
    if as_json:
        return msgspec.json.encode(found).decode()
    columns = (
        by.value,
        "met",
        "breached",
        "unknown",
        "pending",
        "rate",
        "blind",
        "p50",
        "p90",
        "p99",
        "worst",
    )
    table = Table(*columns)
    for one in found:
        table.add_row(*_kpi_row(one))
    return _printed(table)


def _kpi_row(one: Kpi) -> list[str]:
    rate = "-" if one.rate is None else f"{one.rate:.1%}"
    times = ["-" if ms is None else _about(ms) for ms in (one.p50, one.p90, one.p99, one.worst)]
    counts = [str(count) for count in (one.met, one.breached, one.unknown, one.pending)]
    return [one.group, *counts, rate, length(one.blind_ms, "en"), *times]


def _about(ms: int) -> str:
    """To the second; below a minute to the tenth."""
    return length(round(ms, -2 if ms < 60_000 else -3), "en")


# --- sensors


def run_sensors(source: Source, *, language: str, console: Console) -> str:
    """The sensors that can't be believed, among those that stand side by side: of one group, or with one tag.

    Raises:
        ConfigError: Files have mistakes. CommandError, StoreUnavailableError: see `read_past`.
    """
    site = load_site(source.site)
    past = read_past(source, site, [], console)
    found: set[tuple[str, str, Suspicion]] = set()
    for members in _side_by_side(site):
        for point in sorted({point for device, point in past.readings if device in members}):
            own = {name: past.readings[name, point] for name in members if (name, point) in past.readings}
            columns = {name: _column(rows) for name, rows in own.items()}
            found |= {(one.sensor, point, one) for one in suspicions(columns)}
    if not found:
        return SUSPICIONS["none"].in_(language)
    table = Table("sensor", "point", "what", "since", "by")
    for sensor, point, one in sorted(found, key=lambda row: (row[0], row[1], row[2].what)):
        what = SUSPICIONS[one.what].in_(language)
        table.add_row(
            place_name(site, sensor, language), point, what, _moment(one.since, site), f"{one.by:.3g}"
        )
    return _printed(table)


def _side_by_side(site: Site) -> list[frozenset[str]]:
    """The devices of each group and of each tag that three or more share."""
    tags = {tag for device in site.file.devices for tag in device.tags}
    tagged = [frozenset(d.id for d in site.file.devices if tag in d.tags) for tag in sorted(tags)]
    return [one for one in [*(frozenset(g.devices) for g in site.file.groups), *tagged] if len(one) > 2]


def _column(rows: list[tuple[int, float, int]]) -> Column:
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)


# --- ledger


def run_ledger(source: Source, rules: Path, *, language: str, console: Console) -> str:
    """Each run of each generator with what it was, and how the quotas stand.

    Raises:
        ConfigError: Files have mistakes. CommandError, StoreUnavailableError: see `read_past`.
    """
    site = load_site(source.site)
    book = load_rules(rules, site)
    past = read_past(source, site, [book], console)
    mains = [d.id for d in site.file.devices if "mains.lost" in site.emits(d)]
    runs = generator_runs((one.event for one in past.events.values()), mains)
    table = Table("generator", "from", "length", "what")
    for run in runs:
        lasted = length(run.end - run.start, language) if run.end is not None else "…"
        what = RUNS[run.kind].in_(language)
        why = f" ({WORDS[run.why].in_(language)})" if run.why else ""
        table.add_row(place_name(site, run.device, language), _moment(run.start, site), lasted, what + why)
    quotas = RuleBook(tuple(one for one in book.versions if isinstance(one.rule, Quota)))
    verdicts, _, _ = judged(site, quotas, past, source.since, source.until)
    own = [one for one in verdicts if one.key in {run.device for run in runs}]
    return "\n".join([_printed(table), *(Explainer(site, quotas).sentence(one, language) for one in own)])


# --- explain


def run_explain(source: Source, rules: Path, name: str, *, language: str, console: Console) -> str:
    """The account of a verdict, `rule/key/opened_at` in ms.

    Raises:
        ConfigError: Files have mistakes. CommandError: There is no such verdict; see also `read_past`.
    """
    site = load_site(source.site)
    book = load_rules(rules, site)
    past = read_past(source, site, [book], console)
    episode = _episode(name)
    found = account(site, book, past, episode, language, (source.since, source.until))
    if found is None:
        own = RuleBook(tuple(one for one in book.versions if one.rule.id == episode.rule))
        known = [one.episode for one in judged(site, own, past, source.since, source.until)[0]]
        near = [one for one in known if one.key == episode.key] or known
        said = ", ".join(f"{one.rule}/{one.key}/{one.opened_at}" for one in near[:5]) or "none of that rule"
        raise CommandError(f"no verdict {name!r} here; there is {said}")
    return _account_text(found, site, language)


def _episode(name: str) -> Episode:
    rule, _, rest = name.partition("/")
    key, _, opened = rest.rpartition("/")
    if not (rule and key and opened.lstrip("-").isdigit()):
        raise CommandError(f"expected RULE/KEY/OPENED_AT such as ER-2/b1/1764547200000, found {name!r}")
    return Episode(rule, key, int(opened))


_SAID = {
    "en": {
        "rule": "rule",
        "clause": "clause",
        "changed": "changed at this site by",
        "span": "from {opened} to {due}",
        "events": "what decided it",
        "error": "clock known to within {error}",
        "without": "without it: {outcome}",
        "none": "no such episode",
        "flips": "without it the verdict would be another",
        "missing": "what would have made it met: {what}",
        "parts": "what it is made of",
    },
    "zh": {
        "rule": "规则",
        "clause": "条款",
        "changed": "本项目调整",
        "span": "{opened}至{due}",
        "events": "判定依据",
        "error": "时钟误差不超过{error}",
        "without": "若无此事件：{outcome}",
        "none": "无此事项",
        "flips": "缺少它判定就会不同",
        "missing": "若有以下事件即达标：{what}",
        "parts": "构成",
    },
}


def _account_text(found: Account, site: Site, language: str) -> str:
    said, verdict, version = _SAID[language], found.verdict, found.version
    lines = [found.sentence]
    overlay = f", {said['changed']} {', '.join(version.overlay)}" if version.overlay else ""
    lines.append(
        f"{said['rule']}: {verdict.rule} {version.rule.name.in_(language)}, v{verdict.version}{overlay}"
    )
    lines.append(f"{said['clause']}: {found.clause.in_(language)}")
    moments = {"opened": _moment(verdict.opened_at, site), "due": _moment(verdict.due_at, site)}
    lines.append(said["span"].format(**moments) + f": {verdict.outcome}, {verdict.reason}")
    if found.witnesses:
        lines.append(f"{said['events']}:")
        decisive = set(flips(found))
        lines += [_witness_text(one, site, language, decisive) for one in found.witnesses]
    if verdict.items:
        lines.append(f"{said['parts']}:")
        for item in verdict.items:
            at = f" {_moment(item.at, site)}" if item.at is not None else ""
            lasted = f", {length(item.until - item.at, language)}" if item.until and item.at else ""
            lines.append(
                f"  {place_name(site, item.device, language)}{at}{lasted}: {WORDS[item.word].in_(language)}"
            )
    if found.missing is not None:
        lines.append(said["missing"].format(what=found.missing.in_(language)))
    return "\n".join(lines)


def _witness_text(one: Witness, site: Site, language: str, decisive: set[tuple[str, int]]) -> str:
    said, event = _SAID[language], one.event
    person = site.people.get(event.person) if event.person else None
    who = f", {person.name.in_(language) or person.id}" if person else ""
    without = one.without.outcome if one.without is not None else said["none"]
    error = (
        f", {said['error'].format(error=length(event.clock_error_ms, language))}"
        if event.clock_error_ms
        else ""
    )
    flip = f" ({said['flips']})" if (event.device, event.seq) in decisive else ""
    return (
        f"  {_moment(event.at, site)} {event.type} {place_name(site, event.device, language)}{who} "
        f"[{event.device}/{event.seq}]{error}; {said['without'].format(outcome=without)}{flip}"
    )


def _moment(at: int, site: Site) -> str:
    moment = (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(site.timezone)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"


def _printed(table: Table) -> str:
    console = Console(width=140, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
