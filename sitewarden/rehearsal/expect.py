"""What a rehearsal is expected to bring: a form for people, and what came of each line of it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree as ET

import msgspec
from msgspec import Meta

from contract.duration import parse_duration
from contract.problems import ConfigError
from contract.yamlfile import convert, load_yaml

Span = Annotated[str, Meta(pattern=r"^[0-9]+(ms|s|m|h|d)$", description="a duration such as 20s, 3m or 24h")]


class EventWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events that have all of this."""

    type: str
    device: str | None = None
    zone: str | None = None
    person: str | None = None
    data: dict[str, str | int | float | bool] = {}


class VerdictWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Verdicts that have all of this. `within`: decided by evidence at most so long after they opened."""

    rule: str
    key: str | None = None
    outcome: str | None = None
    reason: str | None = None
    within: Span | None = None


class Expectation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """How often something is expected, at least once by default, between `from` and `to` of the rehearsal."""

    name: str = ""
    event: EventWanted | None = None
    verdict: VerdictWanted | None = None
    from_: Span = "0s"
    to: Span | None = None
    count: int | None = None
    at_least: int | None = None
    at_most: int | None = None


class Expectations(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}
):
    """A file of them; `for` is how long the scenario is played."""

    for_: Span = "1h"
    expect: tuple[Expectation, ...]


class Result(msgspec.Struct, frozen=True):
    """What came of an expectation: how often it was so, and what is wrong with that, or nothing."""

    name: str
    found: int
    why: str = ""


def load_expectations(path: Path) -> Expectations:
    """The expectations of a file.

    Raises:
        ConfigError: It has mistakes; each is named with its line and field.
    """
    located = load_yaml(path)
    found = convert(located, Expectations)
    problems = [
        located.problem(("expect", index), "expected one of event and verdict")
        for index, one in enumerate(found.expect)
        if (one.event is None) == (one.verdict is None)
    ]
    if problems:
        raise ConfigError(problems)
    return found


def judge(
    expectations: Sequence[Expectation],
    events: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Mapping[str, Any]],
    epoch: int,
) -> list[Result]:
    """What came of each expectation; `events` and `verdicts` are lines of a recording and of its replay."""
    return [_judged(one, events, verdicts, epoch) for one in expectations]


def _judged(
    one: Expectation, events: Iterable[Mapping[str, Any]], verdicts: Iterable[Mapping[str, Any]], epoch: int
) -> Result:
    start = epoch + parse_duration(one.from_).ms
    end = epoch + parse_duration(one.to).ms if one.to else None
    if one.event is not None:
        wanted = {name: value for name, value in msgspec.to_builtins(one.event).items() if value}
        data = wanted.pop("data", {})
        found = [
            e
            for e in events
            if _has(e, wanted) and _has(e.get("data", {}), data) and _in(e["at"], start, end)
        ]
        return _counted(one, f"event {one.event.type}", len(found))
    if one.verdict is None:
        raise TypeError("an expectation is of an event or of a verdict")
    wanted = {name: value for name, value in msgspec.to_builtins(one.verdict).items() if value}
    within = wanted.pop("within", None)
    most = parse_duration(within).ms if within else None
    told = [v for v in verdicts if _has(v, wanted) and _in(v["opened_at"], start, end) and _quick(v, most)]
    return _counted(one, f"verdict {one.verdict.rule}", len(told))


def _has(line: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(line.get(name) == value for name, value in wanted.items())


def _in(at: int, start: int, end: int | None) -> bool:
    return at >= start and (end is None or at < end)


def _quick(verdict: Mapping[str, Any], most: int | None) -> bool:
    return most is None or (verdict.get("elapsed_ms") is not None and verdict["elapsed_ms"] <= most)


def _counted(one: Expectation, what: str, found: int) -> Result:
    name = one.name or what
    if one.count is not None and found != one.count:
        return Result(name, found, f"expected {one.count}, found {found}")
    least = (
        one.at_least if one.at_least is not None else (1 if one.count is None and one.at_most is None else 0)
    )
    if found < least:
        return Result(name, found, f"expected at least {least}, found {found}")
    if one.at_most is not None and found > one.at_most:
        return Result(name, found, f"expected at most {one.at_most}, found {found}")
    return Result(name, found)


def junit(scenario: str, results: Sequence[Result], seconds: float) -> bytes:
    """The results as CI systems read them: a JUnit report with a test case for each expectation."""
    failures = str(sum(bool(result.why) for result in results))
    suite = ET.Element(
        "testsuite",
        {"name": scenario, "tests": str(len(results)), "failures": failures, "time": f"{seconds:.3f}"},
    )
    for result in results:
        case = ET.SubElement(suite, "testcase", {"classname": scenario, "name": result.name, "time": "0"})
        if result.why:
            ET.SubElement(case, "failure", {"message": result.why})
    report: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return report
