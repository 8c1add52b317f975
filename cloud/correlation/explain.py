"""One sentence a guard understands for every verdict, in Chinese or English. Pure."""

import datetime as dt
import functools
import string
from collections.abc import Callable
from typing import Final

from cloud.correlation.rules import EventFilter, Quota, Recurrence, Response, Rule, RuleBook, Staffing
from cloud.correlation.sentences import OTHERWISE, SENTENCES, WORDS
from cloud.correlation.verdict import BlindSpan, Item, Reason, Verdict
from contract.duration import parse_duration
from contract.site import Site, Text
from contract.site_parts import part_label

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_PARTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "witness": ", seen by {device}",
        "of": " of {person}",
        "after": "; it came after {elapsed}",
        "span": "{device} was blind from {start} to {end}",
        "more": " and {count} more",
        "between": ", ",
        "fault": "{device} {word}",
        "at": " ({moment})",
        "somebody": "somebody who qualifies",
        "put_off": "{limit} and the {paused} of its pauses",
        "colon": ": ",
        "gap": " ",
    },
    "zh": {
        "witness": "（{device}）",
        "of": "{person}",
        "after": "；{elapsed}后才见到",
        "span": "{device}在{start}至{end}期间失联",
        "more": "等{count}处",
        "between": "、",
        "fault": "{device}{word}",
        "at": "（{moment}）",
        "somebody": "合格人员",
        "put_off": "{limit}（另计暂停{paused}）",
        "colon": "：",
        "gap": "",
    },
}
_WHAT: Final[tuple[tuple[frozenset[str], Text], ...]] = (
    (frozenset({"checkpoint.scan", "access.granted"}), Text(zh="到场", en="arrival")),
    (frozenset({"operator.acknowledged"}), Text(zh="确认", en="acknowledgement")),
    (frozenset({"operator.verified"}), Text(zh="现场核实", en="verification")),
    (frozenset({"gate.released"}), Text(zh="释放", en="release")),
    (frozenset({"generator.on_load"}), Text(zh="带载", en="load on the generator")),
    (frozenset({"request.done"}), Text(zh="完工", en="completion")),
    (frozenset({"request.answered"}), Text(zh="答复", en="answer")),
    (frozenset({"request.closed"}), Text(zh="关闭", en="closure")),
    (frozenset({"request.called_back"}), Text(zh="回访", en="call-back")),
    (frozenset({"measurement.recorded"}), Text(zh="测量", en="measurement")),
    (frozenset({"staff.handover"}), Text(zh="交接班记录", en="handover record")),
    (frozenset({"presence.answered"}), Text(zh="查岗应答", en="answer to the presence check")),
)
"""What evidence of these types is called; the first line that has all the types that a rule expects."""
_UNITS: Final = {"en": ("d", "h", "min", "s"), "zh": ("天", "小时", "分", "秒")}
_MOST_SPANS: Final = 2
_MOST_FAULTS: Final = 3


class Explainer:
    """Explains the verdicts of one site and one set of rules."""

    def __init__(self, site: Site, rules: RuleBook) -> None:
        self._rules = rules
        self._words = {language: _Words(site, language) for language in SENTENCES}

    def sentence(self, verdict: Verdict, language: str, person: str | None = None) -> str:
        """The sentence for a verdict in `language` (`zh` or `en`); times are the site's.

        `person` is who gave the deciding evidence, by id or card, where the caller knows.
        """
        version = self._rules.version(verdict.rule, verdict.opened_at)
        fields = _Fields(self._words[language], version.rule if version else None, verdict, person)
        pieces = (
            literal + (_FIELDS[name](fields) if name else "")
            for literal, name in _pieces(language, verdict.kind, verdict.reason)
        )
        return fields.title() + "".join(pieces)


@functools.cache
def _pieces(language: str, kind: str, reason: Reason) -> tuple[tuple[str, str | None], ...]:
    """A sentence taken apart once: texts, and the field that follows each."""
    otherwise = OTHERWISE.get(kind, {}).get(language, {}).get(reason)
    parsed = string.Formatter().parse(otherwise or SENTENCES[language][reason])
    return tuple((literal, name) for literal, name, _, _ in parsed)


def place_name(site: Site, key: str, language: str) -> str:
    """What a zone, device, group or route is called; its id where it has no name."""
    device, _, part = key.partition(":")
    if part and device in site.devices:
        return f"{place_name(site, device, language)} {part_label(site, device, part).in_(language)}"
    for named in (site.zones, site.devices, site.groups, site.routes):
        if (found := named.get(key)) is not None:
            return found.name.in_(language) or key
    return (site.file.name.in_(language) or key) if key == site.id else key


class _Words:
    """What things are called in one language; the names are remembered, since verdicts repeat them."""

    def __init__(self, site: Site, language: str) -> None:
        self.site = site
        self.language = language
        self.parts = _PARTS[language]
        self.place = functools.cache(functools.partial(place_name, site, language=language))
        self.what = functools.cache(self._what)

    def _what(self, names: str | tuple[str, ...]) -> str:
        expected = EventFilter(names).types
        for types, words in _WHAT:
            if expected and expected <= types:
                return words.in_(self.language)
        return " / ".join(sorted(expected)) or "?"

    def called(self, rule: Rule) -> str:
        """What a rule is about, by its name, which says what must not last, or what must be enough."""
        return rule.name.in_(self.language) or rule.id

    def person(self, person: str | None) -> str:
        found = self.site.people.get(person) if person else None
        return (found.name.in_(self.language) or found.id) if found else ""

    def moment(self, at: int) -> str:
        return _local(at // 1_000, self.site.timezone)


@functools.lru_cache(1_024)
def _local(at_s: int, timezone: dt.tzinfo) -> str:
    return (_EPOCH + dt.timedelta(seconds=at_s)).astimezone(timezone).strftime("%m-%d %H:%M:%S")


class _Fields:
    """What can stand in a sentence, worked out when it is asked for: most sentences ask for little."""

    def __init__(self, words: _Words, rule: Rule | None, verdict: Verdict, person: str | None) -> None:
        self._words = words
        self._rule = rule
        self._verdict = verdict
        self._person = person

    def title(self) -> str:
        title = self._rule.name.in_(self._words.language) if self._rule else ""
        return self._verdict.rule + (f" {title}" if title else "") + self._words.parts["colon"]

    def place(self) -> str:
        return self._words.place(self._verdict.key)

    def what(self) -> str:
        if self._rule is None:
            return self._words.what(())
        if not isinstance(self._rule, Response | Recurrence):
            return self._words.called(self._rule)
        return self._words.what(self._rule.expect.type)

    def limit(self) -> str:
        """The rule's own, and beside it for how long pauses put it off."""
        whole, language = self._verdict.due_at - self._verdict.opened_at, self._words.language
        if isinstance(self._rule, Response) and self._rule.pauses is not None:
            own = parse_duration(self._rule.within)
            if not own.working_days and whole > own.ms:
                said = self._words.parts["put_off"]
                return said.format(limit=length(own.ms, language), paused=length(whole - own.ms, language))
        return length(whole, language)

    def elapsed(self) -> str:
        """To the second; to the millisecond where the limit would read the same."""
        verdict, elapsed = self._verdict, self._verdict.elapsed_ms or 0
        whole = elapsed // 1000 * 1000
        exact = elapsed < 60_000 or whole == verdict.due_at - verdict.opened_at
        return length(elapsed if exact else whole, self._words.language)

    def due(self) -> str:
        return self._words.moment(self._verdict.due_at)

    def count(self) -> str:
        """What counts; readings do too, though they are no events."""
        if self._verdict.kind == "quota":
            return str(
                sum(item.word == "counts" for item in self._verdict.items) or len(self._verdict.evidence)
            )
        return str(len(self._verdict.evidence))

    def wanted(self) -> str:
        return str(self._rule.at_least) if isinstance(self._rule, Quota | Staffing) else self.count()

    def faults(self) -> str:
        """The checkpoints that were not walked as planned, a few of them."""
        wrong = [item for item in self._verdict.items if item.word != "on_time"]
        shown = self._words.parts["between"].join(self._fault(item) for item in wrong[:_MOST_FAULTS])
        rest = len(wrong) - _MOST_FAULTS
        return shown + (self._words.parts["more"].format(count=rest) if rest > 0 else "")

    def _fault(self, item: Item) -> str:
        parts, word = self._words.parts, WORDS[item.word].in_(self._words.language)
        said = parts["fault"].format(device=self._words.place(item.device), word=word)
        return said + (parts["at"].format(moment=self._words.moment(item.at)) if item.at is not None else "")

    def said(self) -> str:
        """When something was done, by the word of who told of it only later."""
        return self._told_late(lambda item: item.at)

    def told(self) -> str:
        """When that was told."""
        return self._told_late(lambda item: item.until)

    def _told_late(self, of: Callable[[Item], int | None]) -> str:
        found = (of(item) for item in self._verdict.items if item.word == "told_late")
        return next((self._words.moment(at) for at in found if at is not None), "")

    def opened(self) -> str:
        return self._words.moment(self._verdict.opened_at)

    def witness(self) -> str:
        """The device of the deciding event, unless it is what the sentence is about."""
        verdict = self._verdict
        if verdict.elapsed_ms is None or not verdict.evidence or verdict.evidence[-1][0] == verdict.key:
            return ""
        device = self._words.place(verdict.evidence[-1][0])
        return self._words.parts["witness"].format(device=device)

    def name(self) -> str:
        return self._words.person(self._person)

    def of(self) -> str:
        name = self.name()
        return self._words.parts["of"].format(person=name) if name else ""

    def who(self) -> str:
        return self.name() or self._words.parts["somebody"]

    def after(self) -> str:
        known = self._verdict.elapsed_ms is not None
        return self._words.parts["after"].format(elapsed=self.elapsed()) if known else ""

    def blind(self) -> str:
        spans = self._verdict.blind
        shown = self._words.parts["between"].join(self._span(span) for span in spans[:_MOST_SPANS])
        rest = len(spans) - _MOST_SPANS
        return shown + (self._words.parts["more"].format(count=rest) if rest > 0 else "")

    def _span(self, span: BlindSpan) -> str:
        device = self._words.place(span.device)
        return self._words.parts["span"].format(
            device=device, start=self._words.moment(span.start), end=self._words.moment(span.end)
        )


_FIELDS: Final[dict[str, Callable[[_Fields], str]]] = {
    "place": _Fields.place,
    "what": _Fields.what,
    "limit": _Fields.limit,
    "elapsed": _Fields.elapsed,
    "due": _Fields.due,
    "count": _Fields.count,
    "wanted": _Fields.wanted,
    "opened": _Fields.opened,
    "said": _Fields.said,
    "told": _Fields.told,
    "witness": _Fields.witness,
    "of": _Fields.of,
    "who": _Fields.who,
    "after": _Fields.after,
    "blind": _Fields.blind,
    "faults": _Fields.faults,
}
"""By its name in a sentence."""


@functools.lru_cache(4_096)
def length(elapsed_ms: int, language: str) -> str:
    """A length of time as people say it: `2 min 5 s`, `1天2小时`."""
    gap, units = _PARTS[language]["gap"], _UNITS[language]
    minutes, rest = divmod(elapsed_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    counts = (str(days), str(hours), str(minutes), seconds)
    parts = [f"{count}{gap}{unit}" for count, unit in zip(counts, units, strict=True) if count != "0"]
    return gap.join(parts) or f"0{gap}{units[-1]}"
