"""Files that people attach, on disk under the SHA-256 of their content: a name can't lie about what it names."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[0-9a-f]{64}")


class FileStore:
    """A folder of files, apart by site. What is in it is never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, site: str, content: bytes) -> str:
        """Keep a file; the SHA-256 of its content as hex. The same content is kept once.

        Raises:
            OSError: The disk does not take it.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(site, digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        return digest

    def find(self, site: str, digest: str) -> Path | None:
        """Where a file is; None when there is none."""
        if _NAME.fullmatch(digest) is None:
            return None
        path = self._path(site, digest)
        return path if path.is_file() else None

    def _path(self, site: str, digest: str) -> Path:
        return self._folder / site / digest[:2] / digest
