"""What a profile gives readings of, and what people call it."""

from pathlib import Path
from typing import Any

import pytest

from contract.measured import given_by, point_name
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
