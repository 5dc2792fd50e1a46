"""What systemd is told of the agent: that it is ready, that it turns, that it stops (sd_notify(3), Type=notify)."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.turn import Turn

#: So many times within the time that systemd gives it the agent shows that it turns.
_FEEDS = 4
_MICROSECONDS = 1e6


class ServiceManager:
    """Notifies systemd from the turns of the loop: where the loop stands still, the notifications stop.

    A datagram is sent without ever waiting; one that systemd does not take is sent again with a later turn. Without
    NOTIFY_SOCKET in the environment nothing is sent.
    """

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        """Read from the environment where to tell, and how often: a watchdog set for another process is none."""
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address if address.startswith("/") else None
        mine = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        given = environ.get("WATCHDOG_USEC", "") if mine else ""
        self._every = float(given) / _MICROSECONDS / _FEEDS if given.isdecimal() and int(given) else None
        self._is_ready = False
        self._fed = 0.0

    def turn(self, turn: Turn) -> None:
        """Report readiness after the first turn, then from time to time that the loop still turns."""
        if self._address is None:
            return
        seconds = turn.now.seconds
        if not self._is_ready:
            self._is_ready = self._tell("READY=1")
            self._fed = seconds
        elif self._every is not None and not 0 <= seconds - self._fed < self._every and self._tell("WATCHDOG=1"):
            self._fed = seconds

    def stopping(self) -> None:
        """Report that the agent is stopping."""
        self._tell("STOPPING=1")

    def _tell(self, word: str) -> bool:
        if self._address is None:
            return False
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(word.encode(), self._address)
            return True
        return False
