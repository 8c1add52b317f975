"""Files that people attach, on disk under the SHA-256 of their content: a name can't lie about what it names."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

_PART: Final = ".part-"
_NAME: Final = re.compile(r"[0-9a-f]{64}")


class Part:
    """A file that is on its way. `end` keeps it, `drop` forgets it; one of the two is called."""

    def __init__(self, file: BinaryIO, path: Path, place: Callable[[str], Path]) -> None:
        self._file = file
        self._path = path
        self._place = place
        self._hash = hashlib.sha256()
        self.size = 0
        """Bytes so far."""

    def add(self, piece: bytes) -> None:
        """Write the next piece.

        Raises:
            OSError: The disk does not take it.
        """
        self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def end(self) -> str:
        """Keep it: on disk under the SHA-256 of its content, which is returned as hex.

        Raises:
            OSError: The disk does not take it.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        digest = self._hash.hexdigest()
        place = self._place(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        self._path.replace(place)
        return digest

    def drop(self) -> None:
        """Forget it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class FileStore:
    """A folder of files, apart by site. What is in it is never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, site: str) -> "Part":
        """Begin to keep a file whose pieces come one after the other.

        Raises:
            OSError: The disk does not take it.
        """
        folder = self._folder / site
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_PART, dir=folder)
        return Part(os.fdopen(handle, "wb"), Path(name), lambda digest: self._path(site, digest))

    def find(self, site: str, digest: str) -> Path | None:
        """Where a file is; None when there is none."""
        if _NAME.fullmatch(digest) is None:
            return None
        path = self._path(site, digest)
        return path if path.is_file() else None

    def _path(self, site: str, digest: str) -> Path:
        return self._folder / site / digest[:2] / digest
