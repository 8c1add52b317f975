"""One sentence a guard understands for every verdict, in Chinese or English. Pure."""

import datetime as dt
from typing import Final

from cloud.correlation.rules import Recurrence, Response, Rule, RuleBook
from cloud.correlation.verdict import Outcome, Reason, Verdict
from contract.site import Site, Text

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_SENTENCES: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        Reason.IN_TIME: "{place}: {who} after {elapsed}, within {limit}.",
        Reason.WITHIN_CLOCK_ERROR: "{place}: {who} after {elapsed}; the limit is {limit}, met within the clock's error.",
        Reason.ALREADY_THERE: "{place}: somebody who qualifies was already there ({who}).",
        Reason.WAITING: "{place}: waiting; due at {due}.",
        Reason.WAITING_FOR_COVERAGE: "{place}: overdue since {due}, no evidence yet; not all readers are known up to then.",
        Reason.LATE: "{place}: {who} only after {elapsed}; the limit is {limit}.",
        Reason.NO_EVIDENCE: "{place}: nothing within {limit} (by {due}), and every reader was working.",
        Reason.BLIND: "{place}: can't be known; {blind}.",
        Reason.NO_SOURCE: "{place}: can't be known; no device there can show it.",
        Reason.JOINED_ANOTHER: "{place}: part of another episode that began earlier.",
    },
    "zh": {
        Reason.IN_TIME: "{place}：{who}，用时{elapsed}，符合{limit}内的要求。",
        Reason.WITHIN_CLOCK_ERROR: "{place}：{who}，用时{elapsed}；时限{limit}，在时钟误差范围内视为符合。",
        Reason.ALREADY_THERE: "{place}：合格人员已在现场（{who}）。",
        Reason.WAITING: "{place}：等待中，应于{due}前完成。",
        Reason.WAITING_FOR_COVERAGE: "{place}：自{due}起已超时，尚无证据；部分读头数据尚未到齐。",
        Reason.LATE: "{place}：{who}，用时{elapsed}，超过时限{limit}。",
        Reason.NO_EVIDENCE: "{place}：{limit}内（{due}前）没有任何证据，且所有读头工作正常。",
        Reason.BLIND: "{place}：无法判定；{blind}。",
        Reason.NO_SOURCE: "{place}：无法判定；该处没有可提供证据的设备。",
        Reason.JOINED_ANOTHER: "{place}：属于更早开始的另一事件。",
    },
}
_BLIND: Final = {"en": "{device} was blind from {start} to {end}", "zh": "{device}在{start}至{end}期间离线"}
_BY: Final = {"en": "evidence at {device}", "zh": "在{device}有证据"}
_NOBODY: Final = {"en": "evidence came", "zh": "已有证据"}


def explain(site: Site, rules: RuleBook, verdict: Verdict, language: str) -> str:
    """The sentence for a verdict in `language` (`zh` or `en`); times are the site's."""
    version = rules.version(verdict.rule, verdict.opened_at)
    rule = version.rule if version else None
    blind = verdict.blind[0] if verdict.blind else None
    sentence = _SENTENCES[language][verdict.reason].format(
        place=place_name(site, verdict.key, language),
        who=_who(site, verdict, language),
        elapsed=_length(verdict.elapsed_ms, language),
        limit=_length(verdict.due_at - verdict.opened_at, language),
        due=_clock(verdict.due_at, site),
        blind=_BLIND[language].format(
            device=place_name(site, blind.device, language),
            start=_clock(blind.start, site),
            end=_clock(blind.end, site),
        )
        if blind
        else "",
    )
    return _title(rule, verdict.rule, language) + sentence


def place_name(site: Site, key: str, language: str) -> str:
    """What a zone, device or group is called; its id where it has no name."""
    for named in (site.zones, site.devices, site.groups):
        if (found := named.get(key)) is not None:
            return found.name.in_(language) or key
    return (site.file.name.in_(language) or key) if key == site.id else key


def _title(rule: Rule | None, name: str, language: str) -> str:
    text = rule.name if isinstance(rule, Response | Recurrence) else Text()
    title = text.in_(language)
    colon = "：" if language == "zh" else ": "
    return f"{name} {title}{colon}" if title else f"{name}{colon}"


def _who(site: Site, verdict: Verdict, language: str) -> str:
    opened_by_event = verdict.kind == "response" or len(verdict.evidence) > 1
    deciding = (
        verdict.evidence[1:] if opened_by_event and verdict.kind == "response" else verdict.evidence[-1:]
    )
    if not deciding or (verdict.outcome is Outcome.PENDING):
        return _NOBODY[language]
    return _BY[language].format(device=place_name(site, deciding[0][0], language))


def _length(elapsed_ms: int | None, language: str) -> str:
    if elapsed_ms is None:
        return "—"
    seconds, rest = divmod(elapsed_ms, 1000)
    if seconds < 60:
        return f"{seconds + rest / 1000:.3g} s" if language == "en" else f"{seconds + rest / 1000:.3g}秒"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ("d", "h", "min", "s") if language == "en" else ("天", "小时", "分", "秒")
    parts = [(days, units[0]), (hours, units[1]), (minutes, units[2]), (seconds, units[3])]
    gap = " " if language == "en" else ""
    return gap.join(f"{number}{gap}{unit}" for number, unit in parts if number)


def _clock(at: int, site: Site) -> str:
    local = (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(site.timezone)
    return local.strftime("%m-%d %H:%M:%S")
