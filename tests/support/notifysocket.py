"""A service manager for tests: the socket that systemd would listen on."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class NotifySocket:
    """Hears what a service tells its manager; at a path, or at an abstract address where none is given."""

    def __init__(self, path: Path | None = None) -> None:
        name = f"edge-agent-{uuid.uuid4().hex}"
        self.address = f"@{name}" if path is None else str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name}" if path is None else str(path))
        self._socket.setblocking(False)
        self._words: list[str] = []

    @property
    def words(self) -> list[str]:
        """Everything that was told so far."""
        try:
            while True:
                self._words.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return self._words

    def close(self) -> None:
        self._socket.close()
