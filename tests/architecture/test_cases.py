"""How many cases a property tries is a share of one setting: a longer run is longer for all of them."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.cases import LONG, sized

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_property_has_a_number_of_its_own(path: Path) -> None:
    if path.name in {"cases.py", "conftest.py"}:
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    own = [call.lineno for call in calls if any(word.arg == "max_examples" for word in call.keywords)]
    assert not own, f"lines {own}: take a share of the profile's cases (tests.cases.sized)"


@pytest.mark.skipif(bool(LONG), reason="this is a long run")
def test_a_share_is_of_the_profiles_cases() -> None:
    whole = settings().max_examples
    assert sized(0.3).max_examples == round(0.3 * whole)
    assert sized(0.3, long=0.01).max_examples == round(0.3 * whole)
    assert sized(0.0001).max_examples == 1


def test_a_long_run_scales_every_share() -> None:
    code = (
        "import tests.conftest; from tests.cases import sized; "
        "print(sized(1).max_examples, sized(0.3).max_examples, sized(0.6, long=0.01).max_examples)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"SITEWARDEN_CASES": "5000"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["5000", "1500", "50"]
