"""A simulated device at the far end of a pseudo terminal."""

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable

_CHUNK = 4096


class SerialPort:
    """Serves `answer`, bytes in and bytes out, while it is `plugged` in. `path` is what a reader opens."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        # `theirs` stays open on our side too, or else reading would fail whenever nobody has it open.
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self.plugged = True
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._ours, _CHUNK)
            if self.plugged and (said := self._answer(data)):
                os.write(self._ours, said)

    def close(self) -> None:
        """Take the port away."""
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)
