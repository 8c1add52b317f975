"""`sitewarden backtest`, `kpi`, `explain` and `rules test`, as they are typed."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.waiting import PATIENCE_S

CONFIG = Path(__file__).resolve().parents[3] / "config"
SITE = CONFIG / "rules/tests/site"
RULES = CONFIG / "rules"
NOON = 1_780_286_400_000
EVENTS = [
    {"device": "panel", "seq": 1, "at": NOON, "type": "fire.alarm"},
    {"device": "reader", "seq": 2, "at": NOON + 100_000, "type": "checkpoint.scan", "person": "card:1"},
    {"device": "panel", "seq": 3, "at": NOON + 3_600_000, "type": "fire.alarm"},
    {"device": "reader", "seq": 4, "at": NOON + 3_640_000, "type": "checkpoint.scan", "person": "card:1"},
    {"device": "panel", "seq": 5, "at": NOON + 9_000_000, "type": "fire.alarm"},
]


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """Three fires: reached after 100 s, after 40 s, and not at all."""
    file = tmp_path / "past.jsonl"
    lines = [json.dumps({"site": "trial", **event}) for event in EVENTS]
    lines.append(json.dumps({"site": "trial", "device": "panel", "complete_to": NOON + 20_000_000}))
    file.write_text("\n".join(lines), "utf-8")
    return file


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """The shipped rule for fire, with a minute in place of two, and without somebody being there already."""
    text = (RULES / "emergency.yaml").read_text("utf-8")
    file = tmp_path / "stricter.yaml"
    file.write_text(text.replace("within: 2m", "within: 1m").replace("presence_ttl: 30m\n", "\n"), "utf-8")
    return file


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """The command as a process."""
    command = [sys.executable, "-m", "sitewarden", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_backtest_tells_which_episodes_other_rules_judge_otherwise(
    past: Path, stricter: Path, tmp_path: Path
) -> None:
    drawn = tmp_path / "difference.svg"
    rules = ("--rules", RULES / "emergency.yaml", "--rules", stricter)
    told = run("backtest", "--site", SITE, *rules, "--events", past, "--picture", drawn)
    assert told.returncode == 0, told.stderr
    assert "met → breached 1" in told.stdout
    assert "reader/2" in told.stdout
    found = json.loads(run("backtest", "--site", SITE, *rules, "--events", past, "--json").stdout)
    (change,) = [one for one in found["changes"] if one["episode"]["rule"] == "ER-2"]
    assert (change["was"]["outcome"], change["now"]["outcome"]) == ("met", "breached")
    assert change["episode"]["opened_at"] == NOON
    signs = [text.text for text in ET.parse(drawn).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert {"●", "✕"} <= set(signs)


def test_kpi_counts_the_three_outcomes_apart(past: Path) -> None:
    told = run("kpi", "--site", SITE, "--rules", RULES / "emergency.yaml", "--events", past, "--json")
    (fire,) = [one for one in json.loads(told.stdout) if one["group"] == "ER-2"]
    assert (fire["met"], fire["breached"], fire["unknown"]) == (2, 1, 0)
    assert (fire["p50"], fire["worst"]) == (40_000, 100_000)
    people = run(
        "kpi", "--site", SITE, "--rules", RULES / "emergency.yaml", "--events", past, "--by", "person"
    )
    assert "rescuer" in people.stdout


def test_the_rate_of_a_door_counts_every_time_it_was_shut_in_time(tmp_path: Path) -> None:
    file, lines = tmp_path / "doors.jsonl", []
    for number in range(21):
        at, length = NOON + number * 60_000, 31_000 if number == 7 else 30_000
        for seq, (moment, kind) in enumerate([(at, "door.opened"), (at + length, "door.closed")]):
            seen = {"site": "trial", "device": "door", "seq": 2 * number + seq, "at": moment, "type": kind}
            lines.append(json.dumps(seen))
    file.write_text("\n".join(lines), "utf-8")
    where = ("--site", SITE, "--rules", RULES / "access.yaml", "--events", file)
    told = run("kpi", *where, "--json")
    (door,) = [one for one in json.loads(told.stdout) if one["group"] == "AC-1"]
    assert (door["met"], door["breached"], round(door["rate"], 3)) == (20, 1, 0.952)
    replayed = run("replay", *where, "--out", tmp_path / "verdicts.jsonl")
    assert replayed.returncode == 0, replayed.stderr
    judged = [json.loads(one) for one in (tmp_path / "verdicts.jsonl").read_text("utf-8").splitlines()]
    assert [one["outcome"] for one in judged if one["rule"] == "AC-1"] == ["breached"]


def test_explain_names_the_event_without_which_the_verdict_would_be_another(past: Path) -> None:
    where = ("--site", SITE, "--rules", RULES / "emergency.yaml", "--events", past)
    told = run("explain", f"ER-2/hall/{NOON}", *where, "--language", "en")
    assert told.returncode == 0, told.stderr
    assert "[reader/2]; without it: breached (without it the verdict would be another)" in told.stdout
    assert "within 2 minutes for fire" in told.stdout
    late = run("explain", f"ER-2/hall/{NOON + 9_000_000}", *where)
    assert "期限前的一条 access.granted / checkpoint.scan（rescue）" in late.stdout


def test_explain_finds_what_it_names_from_whatever_moment_on(past: Path) -> None:
    began = NOON - 3_600_000
    where = ("--site", SITE, "--rules", RULES / "patrol.yaml", "--events", past, "--from", str(began))
    told = run("explain", f"PT-1/reader/{began}", *where, "--language", "en")
    assert told.returncode == 0, told.stderr
    (named,) = {
        word for word in run("explain", "PT-1/reader/17", *where).stderr.split() if str(began) in word
    }
    assert run("explain", named.strip(",;"), *where).returncode == 0


def test_a_verdict_that_is_not_there_is_answered_with_those_that_are(past: Path) -> None:
    where = ("--site", SITE, "--rules", RULES / "emergency.yaml", "--events", past)
    told = run("explain", "ER-2/hall/17", *where)
    assert told.returncode == 2
    assert f"ER-2/hall/{NOON}" in told.stderr
    assert "expected RULE/KEY/OPENED_AT" in run("explain", "ER-2", *where).stderr


def test_a_sensor_that_never_moves_is_found(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    devices = ", ".join(f"{{id: t{number}, tags: [room]}}" for number in range(3))
    (site / "site.yaml").write_text(f"site: s\ndevices: [{devices}]\n", "utf-8")
    lines = [
        {
            "site": "s",
            "device": f"t{number}",
            "point": "temperature",
            "at": NOON + minute * 60_000,
            "value": value,
        }
        for minute in range(600)
        for number, value in enumerate((20 + minute / 100, 20.5 + minute / 100, 21.0))
    ]
    past = tmp_path / "past.jsonl"
    past.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    told = run("sensors", "--site", site, "--events", past)
    assert told.returncode == 0, told.stderr
    assert "stuck while its neighbours moved" in told.stdout
    assert [line.split()[1] for line in told.stdout.splitlines() if "stuck" in line] == ["t2"]


def test_a_ledger_tells_what_each_run_was(tmp_path: Path) -> None:
    events = [
        {"device": "genset", "seq": 1, "at": NOON, "type": "generator.started"},
        {"device": "genset", "seq": 2, "at": NOON + 590_000, "type": "generator.stopped"},
        {"device": "switch", "seq": 3, "at": NOON + 3_600_000, "type": "mains.lost"},
        {"device": "genset", "seq": 4, "at": NOON + 3_605_000, "type": "generator.started"},
        {"device": "genset", "seq": 5, "at": NOON + 3_609_000, "type": "generator.on_load"},
        {"device": "genset", "seq": 6, "at": NOON + 7_200_000, "type": "generator.stopped"},
    ]
    past = tmp_path / "past.jsonl"
    past.write_text("\n".join(json.dumps({"site": "trial", **event}) for event in events), "utf-8")
    told = run("ledger", "--site", SITE, "--rules", RULES / "power.yaml", "--events", past)
    assert told.returncode == 0, told.stderr
    assert "does not count (too short)" in told.stdout
    assert "supply in an outage" in told.stdout


def test_rules_are_tried_by_their_cases() -> None:
    told = run("rules", "test", "--rules", RULES, "--tests", RULES / "tests")
    assert told.returncode == 0, told.stdout
    assert told.stdout.rstrip().endswith(" rules, 0 failed")
