"""A TCP proxy before PostgreSQL that can cut a connection just before the answer to COMMIT."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.waiting import PATIENCE_S

COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""The server's CommandComplete to a COMMIT (message type C, length 11, the tag)."""


class CommitEater:
    """Forwards to a Unix socket; while `hungry`, every answer to COMMIT ends the connection instead."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.hungry = False
        self.eaten = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def run(self) -> None:
        """Accept until closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                for target in (self._to_server, self._to_client):
                    threading.Thread(target=target, args=(client, server), daemon=True).start()

    def close(self) -> None:
        """Accept no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        _shut(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.hungry and COMMITTED in data:
                    self.eaten += 1
                    break
                client.sendall(data)
        _shut(client, server)


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextlib.contextmanager
def commit_eater(server: str) -> Iterator[CommitEater]:
    """A running one before the server's Unix socket."""
    eater = CommitEater(server)
    thread = threading.Thread(target=eater.run, daemon=True)
    thread.start()
    yield eater
    eater.close()
    thread.join(PATIENCE_S)
