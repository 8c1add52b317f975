"""Each shipped rule by its data test: events in, verdicts out. `<rule>.yaml` beside this file holds the cases.

A case gives `events` (and `blind`, `complete`) with times counted from one moment, `until`, and the `verdicts` of
the rule that must come out: all of them, in order, or those of `keys`. A verdict names the fields that matter;
`by` is the device of the deciding event.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cloud.correlation.replay import replay
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import RuleBook
from contract.duration import parse_duration
from contract.site_files import load_site

HERE = Path(__file__).resolve().parent
START = 1_780_279_200_000
"""2026-06-01 10:00 in Shanghai."""

Case = dict[str, Any]
Line = dict[str, Any]

SITE = load_site(HERE / "site")
BOOK = load_rules(HERE.parent.parent / "config/rules", SITE)


def cases() -> list[Any]:
    found = []
    for file in sorted(HERE.glob("*.yaml")):
        written = YAML(typ="safe").load(file)
        found += [
            pytest.param(written["rule"], case, id=f"{file.stem}: {case['name']}")
            for case in written["cases"]
        ]
    return found


def ms(text: str) -> int:
    return parse_duration(text).ms


def at(text: str) -> int:
    return START + ms(text)


def lines_of(case: Case) -> list[Line]:
    events = [
        {"site": SITE.id, "seq": seq, **event, "at": at(event["at"])}
        for seq, event in enumerate(case["events"])
    ]
    blind = [
        {"site": SITE.id, "device": span["device"], "blind": [at(span["from"]), at(span["to"])]}
        for span in case.get("blind", [])
    ]
    complete = [
        {"site": SITE.id, "device": one["device"], "complete_to": at(one["to"])}
        for one in case.get("complete", [])
    ]
    return [*events, *blind, *complete]


def judged(rule: str, case: Case, lines: list[Line]) -> list[Line]:
    book = RuleBook(tuple(version for version in BOOK.versions if version.rule.id == rule))
    since = at(case["from"]) if "from" in case else None
    raw = [json.dumps(line).encode() for line in lines]
    told = replay(SITE, book, raw, since=since, until=at(case["until"])).verdicts
    found = [json.loads(one) for one in told]
    return [one for one in found if one["key"] in case.get("keys", [one["key"]])]


def as_written(verdict: Line, wanted: Line) -> Line:
    """The fields of a verdict that the case names, in the form in which it names them."""
    deciding = verdict["evidence"][-1][0] if verdict["elapsed_ms"] is not None else None
    fields = verdict | {
        "opened": verdict["opened_at"] - START,
        "due": verdict["due_at"] - verdict["opened_at"],
        "elapsed": verdict["elapsed_ms"],
        "by": deciding,
    }
    return {name: fields[name] for name in wanted}


@pytest.mark.parametrize(("rule", "case"), cases())
def test_rule(rule: str, case: Case) -> None:
    found = judged(rule, case, lines_of(case))
    wanted = [
        {name: ms(value) if name in {"opened", "due", "elapsed"} else value for name, value in one.items()}
        for one in case["verdicts"]
    ]
    assert len(found) == len(wanted), found
    assert [as_written(one, other) for one, other in zip(found, wanted, strict=True)] == wanted


@pytest.mark.parametrize(("rule", "case"), cases())
def test_without_its_deciding_event_no_verdict_stays_what_it_was(rule: str, case: Case) -> None:
    lines = lines_of(case)
    for verdict in judged(rule, case, lines):
        if verdict["elapsed_ms"] is not None:
            device, seq = verdict["evidence"][-1]
            fewer = [line for line in lines if (line["device"], line.get("seq")) != (device, seq)]
            assert verdict not in judged(rule, case, fewer)


def test_every_shipped_rule_has_its_cases_and_rests_nowhere_here() -> None:
    tried = {file.stem for file in HERE.glob("*.yaml")}
    assert tried == {version.rule.id for version in BOOK.versions}
    assert not [warning for warning in BOOK.warnings if "judges nothing" in warning]
