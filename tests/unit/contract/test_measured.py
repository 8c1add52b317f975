"""What a profile gives readings of, and what people call it."""

from pathlib import Path
from typing import Any

import pytest

from contract.display import words_for
from contract.measured import given_by, point_name
from contract.profile.load import load_profile
from contract.profile.messages import Field
from contract.profile.model import (
    HttpProfile,
    Item,
    Kind,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Point,
    Profile,
)
from contract.profile.words import code
from contract.site import Given, Text
from contract.site_files import load_site
from contract.yamlfile import load_yaml

ROOT = Path(__file__).parents[3]
PROFILES = sorted((ROOT / "config" / "profiles").glob("*.yaml"))
NAMES = {"power": Text(zh="功率", en="Power"), "power_avg": Text(zh="平均功率", en="Mean power")}


@pytest.mark.parametrize(
    ("profile", "given"),
    [
        ({"points": [{"name": "u", "unit": "V"}]}, [Given(name="u", unit="V")]),
        ({"points": [{"name": "u", "report": False}]}, []),
        ({"points": [{"name": "di", "type": "bool"}]}, [Given(name="di", state=True)]),
        ({"points": [{"name": "breaker", "states": "on_load"}]}, [Given(name="breaker", state=True)]),
        ({"points": [{"name": "zone", "states": "z", "unit": "m"}]}, [Given(name="zone", unit="m")]),
        ({"points": [{"name": "mode", "max": 2}]}, [Given(name="mode", state=True)]),
        ({"points": [{"name": "factor", "max": 1, "type": "float32"}]}, [Given(name="factor")]),
        ({"points": [{"name": "factor", "max": 1, "scale": 0.01}]}, [Given(name="factor")]),
        (
            {
                "points": [
                    {
                        "name": "t_{n:02}",
                        "label": {"zh": "探头"},
                        "bound_only": True,
                        "repeat": [{"as": "n", "count": 2, "first": 0}],
                    }
                ]
            },
            [
                Given(name="t_00", label=Text(zh="探头 0"), bound_only=True),
                Given(name="t_01", label=Text(zh="探头 1"), bound_only=True),
            ],
        ),
        (
            {"topics": [{"fields": [{"name": "out", "codes": {"true": 1}}]}, {"availability": {}}]},
            [Given(name="out", state=True)],
        ),
        ({"lapses": [{"name": "took", "from": "a.b", "to": "c.d"}]}, [Given(name="took", unit="s")]),
        ({"rows": [{"at": ["t"], "readings": {"level": "油位"}}]}, [Given(name="level")]),
        (
            {
                "blocks": [
                    {"points": [{"name": "switch", "display": {"0x1": {"zh": "合"}, "-1": {"en": "?"}}}]}
                ]
            },
            [Given(name="switch", state=True, words={1.0: Text(zh="合"), -1.0: Text(en="?")})],
        ),
        (
            {"topics": [{"fields": [{"name": "at", "unit": "m", "display": {"0": {"zh": "无"}}}]}]},
            [Given(name="at", unit="m", words={0.0: Text(zh="无")})],
        ),
        ({"points": "none", "topics": 3, "rows": [7]}, []),
        ({"points": [{"name": 5}, {"name": "x_{y}"}, {"name": "good"}]}, [Given(name="good")]),
    ],
)
def test_what_is_told_of_a_profile_is_known_with_its_unit_and_kind(
    profile: dict[str, Any], given: list[Given]
) -> None:
    assert list(given_by(profile)) == given


@pytest.mark.parametrize(
    ("point", "zh", "en"),
    [
        ("power", "功率", "Power"),
        ("power_l1", "功率 L1", "Power L1"),
        ("power_12", "功率 12", "Power 12"),
        ("power_total", "功率 total", "Power total"),
        ("power_avg", "平均功率", "Mean power"),
        ("flow_rate", "flow rate", "Flow rate"),
        ("_1", " 1", " 1"),
    ],
)
def test_a_point_is_called_by_its_name_or_as_a_part_of_what_has_one(point: str, zh: str, en: str) -> None:
    assert point_name(NAMES, point) == Text(zh=zh, en=en)


@pytest.fixture(scope="module")
def names() -> dict[str, Text]:
    """Those that every site has."""
    return load_site(ROOT / "config" / "sites" / "demo").point_names


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_point_of_a_shipped_profile_has_a_name_in_both_languages(
    path: Path, names: dict[str, Text]
) -> None:
    given = given_by(load_yaml(path).value)
    assert [one.name for one in given if point_name(names, one.name).zh.isascii()] == []


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_code_that_a_shipped_profile_shows_has_words_in_both_languages(path: Path) -> None:
    profile = load_profile(path)
    shown = {one.name: one.words for one in given_by(load_yaml(path).value)}
    assert [
        name for name, words in shown.items() for text in words.values() if not (text.zh and text.en)
    ] == []
    states = getattr(profile, "states", {})
    for entry in _entries(profile):
        codes = {float(code(key)) for state in states.get(entry.states, ()) for key in state.words}
        named = words_for(entry.display).keys()
        assert not entry.report or not codes or named == codes, entry.name
        assert not entry.report or getattr(entry, "type", None) is not Kind.BOOL or named == {0, 1}, (
            entry.name
        )


def _entries(profile: Profile) -> list[Point | Field | Item]:
    match profile:
        case ModbusProfile():
            return list(profile.points)
        case MqttProfile() | HttpProfile():
            return [field for topic in profile.topics for field in topic.fields]
        case MeterProfile():
            return [item for block in profile.blocks for item in block.points]
        case _:
            return []
