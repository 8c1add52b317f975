"""T31: readers whose clocks are in 1970, ten years back, eighty ahead or full of ones. No verdict changes, all is flagged."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cloud.correlation.replay import replay
from cloud.correlation.rule_files import load_rules
from contract.profile.load import site_profiles
from contract.site_files import load_site, shipped_config
from firmware_sim.scenario_file import load_scenario
from sitewarden.rehearsal.play import Rehearsal

DEMO = shipped_config() / "sites" / "demo"
EPOCH = 1_780_279_200_000
LASTS = 20 * 60_000
YEAR_S = 31_557_600
WRONG = {
    "1970": -EPOCH // 1_000,
    "ten years back": -10 * YEAR_S,
    "eighty years ahead": 80 * YEAR_S,
    "0xFFFFFFFF": 0xFFFF_FFFF - EPOCH // 1_000,
}
SCENARIO = """\
scenario: clocks
seed: 4
behaviour: {turns_out: 1, rest: {least: 10s, most: 20s}}
people:
  - {person: p-007, at: b1-f2, route: r-blocks}
  - {person: p-008, at: gate-north, route: r-grounds}
steps:
  - {do: fire, at: 3m, zones: [b1], lasts: 2m}
"""


def played(folder: Path, wrong_by_s: int | None) -> list[bytes]:
    site = load_site(DEMO)
    readers = [device.id for device in site.file.devices if device.profile == "patrol-reader"]
    steps = [
        f"  - {{do: reader-clock, reader: {reader}, at: 5m, seconds: {wrong_by_s}, lasts: 8m}}\n"
        for reader in (readers if wrong_by_s is not None else ())
    ]
    (folder / "clocks.yml").write_text(SCENARIO + "".join(steps))
    profiles = site_profiles(site, DEMO)
    scenario = load_scenario(folder / "clocks.yml", site, profiles)
    return Rehearsal(site, profiles, scenario, seed=4, epoch=EPOCH).record(LASTS, lambda _: None)


def judged(lines: list[bytes]) -> Counter[tuple[str, str, str]]:
    site = load_site(DEMO)
    rules = load_rules(shipped_config() / "rules", site)
    verdicts = map(json.loads, replay(site, rules, lines, since=EPOCH, until=EPOCH + LASTS).verdicts)
    return Counter((v["rule"], v["key"], v["outcome"]) for v in verdicts)


def coverage(lines: list[bytes]) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, lines) if "type" not in line]


def test_t31_no_verdict_changes_and_every_stamp_is_flagged(tmp_path: Path) -> None:
    right = played(tmp_path, None)
    for wrong_by_s in WRONG.values():
        wrong = played(tmp_path, wrong_by_s)
        assert judged(wrong) == judged(right)
        assert coverage(wrong) == coverage(right), "no watermark moved"
        events = [line for line in map(json.loads, wrong) if "type" in line]
        off = [e for e in events if EPOCH + 300_000 < e["at"] < EPOCH + 780_000 and "device_at" in e["data"]]
        assert off
        assert all(event["data"]["clock"] == "impossible" for event in off)
        after = [e for e in events if e["at"] > EPOCH + 800_000 and "device_at" in e["data"]]
        assert after
        assert not any("clock" in event["data"] for event in after), "the next good stamp is used"
