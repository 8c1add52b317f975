"""A file of real blocks that is given up when the disk is full, so that alarms still find room."""

import contextlib
import os
from pathlib import Path


class Ballast:
    """The ballast beside a spool; no bytes means that there is none and none is wanted.

    On a small disk it is at most a quarter of it.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        disk = os.statvfs(path.parent)
        self._size = min(size, disk.f_blocks * disk.f_frsize // 4)

    @property
    def given_up(self) -> bool:
        """It is wanted and is not there."""
        return self._size > 0 and not self._path.exists()

    def give_up(self) -> bool:
        """Free its blocks; false when there were none to free."""
        if self._size == 0 or self.given_up:
            return False
        self._path.unlink()
        return True

    def restore(self) -> None:
        """Take it up again if the disk has room for it twice over; otherwise nothing changes."""
        if not self.given_up or self._free() < 2 * self._size:
            return
        part = self._path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
            part.rename(self._path)
        except OSError:
            # Somebody else took the room, a quota is smaller, or nothing can be written at all.
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _free(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize
