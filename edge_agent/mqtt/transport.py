"""Moves bytes between the socket and paho in the event loop, and lets the socket rest when asked to.

Stands in for aiomqtt's socket callbacks and misc task: those cannot stop reading, and leave the socket of a failed
attempt open, where it would later take the session over from its successor.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.mqtt.intake import Found, Intake
from edge_agent.mqtt.private import PublicSide, side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import paho.mqtt.client as paho
    from paho.mqtt.client import SocketLike

    from edge_agent.model.inbox import Message
    from edge_agent.mqtt.packets import Splitter

#: While haste is called for the socket rests no longer than so after a read.
_SHORTEST_REST_SECONDS = 0.002
#: It rests only where reads follow each other within so many times its rest: what comes alone is read at once, and
#: costs one wake-up, not two. With a rest of 2 ms and twice that, 200 to 500 messages a second took a fifth more.
_LOAD_RESTS = 1.25
#: It rests no longer than so many bytes take to come, by the pace of the last read: some 150 messages are worth a
#: wake-up, and more would fill the window of the broker.
_WORTHWHILE_BYTES = 16_384
#: Where so few are acknowledged at once the broker may have stopped at its window, and goes on now.
_FEW = 100


class Transport:
    """The socket of one paho client. `fail` is told of whatever goes wrong in between, and is to `drop` then.

    Under load it rests for `gather_seconds` after a read, and what comes meanwhile is read together; hardly so while
    `hasty` says that something is waited for.
    """

    def __init__(
        self,
        client: paho.Client,
        splitter: Splitter,
        receive: Callable[[list[Message]], None],
        fail: Callable[[Exception], None],
        *,
        gather_seconds: float = 0.0,
        hasty: Callable[[], bool] = lambda: False,
    ) -> None:
        self._paho = client
        self._fail = fail
        self._gather_seconds, self._hasty = max(gather_seconds, _SHORTEST_REST_SECONDS), hasty
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._socket: SocketLike | None = None
        self._wanted, self._reading, self._dropped = True, False, False
        self._listening = False  # whether the event loop tells of what comes
        self.opened = False  # whether there has been a connection at all
        self._timer: asyncio.TimerHandle | None = None
        self._next: asyncio.Handle | None = None  # the next read, where it does not wait for the socket
        self._read_at = float("-inf")
        self._take: Callable[[], Found]
        self._side = side = side_of(client)
        if isinstance(side, PublicSide):
            self._take = partial(side.read, lambda: self._reading)
            self._taken: Callable[[], int] = int  # nobody knows
        else:
            intake = Intake(side, splitter, receive, lambda: self._reading)
            self._take, self._taken = intake.read, lambda: intake.taken
        client.on_socket_open = self._on_open
        client.on_socket_close = self._on_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

    def __repr__(self) -> str:
        state = "closed" if self._socket is None else "reading" if self._reading else "resting"
        return f"Transport({state})"

    @property
    def reading(self) -> bool:
        """Whether the socket is being read at this moment."""
        return self._reading

    def read(self, *, wanted: bool) -> None:
        """Read the socket from now on, or let it rest. Keepalive goes on either way."""
        self._wanted = wanted
        if self._socket is None or wanted == self._reading:
            return
        self._reading = wanted
        self._listen(wanted=wanted)
        if wanted:  # what has been read or decrypted already wakes nobody
            self._next = self._loop.call_soon(self._read)

    def acknowledge(self, packets: Sequence[int]) -> None:
        """Send PUBACK for each packet id, or queue them."""
        self._side.acknowledge(packets)
        if len(packets) < _FEW:
            self.hurry()

    def flush(self) -> None:
        """Write what waits for the socket now, as far as it goes, and not after the event loop's next look at it."""
        if self._socket is not None:
            self._write()

    def hurry(self) -> None:
        """End the rest of the socket: something is waited for."""
        if self._reading and not self._listening and self._next is not None:
            self._next.cancel()
            self._next = self._loop.call_soon(self._read)

    def unsent(self, mid: int) -> bool:
        """Whether a publish may still wait for the socket here."""
        return self._side.unsent(mid)

    def drop(self) -> None:
        """Close the socket without a word, whatever state it is in, also while another thread still connects it."""
        self._dropped = True
        self._side.close()

    def _on_open(self, _client: paho.Client, _userdata: object, sock: SocketLike) -> None:
        """Start, called in the thread that connects; meanwhile the connection may have been given up."""
        if self._dropped:
            sock.close()
            raise ConnectionAbortedError("given up while connecting")
        self._loop.call_soon_threadsafe(self._attach, sock)

    def _on_close(self, _client: paho.Client, _userdata: object, sock: SocketLike) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is sock:
            self._listen(wanted=False)
            self._loop.remove_writer(sock.fileno())
            self._socket, self._reading = None, False

    def _on_register_write(self, _client: paho.Client, _userdata: object, sock: SocketLike) -> None:
        if self._thread == threading.get_ident():
            self._add_writer(sock)
        else:
            self._loop.call_soon_threadsafe(self._add_writer, sock)

    def _on_unregister_write(self, _client: paho.Client, _userdata: object, sock: SocketLike) -> None:
        if self._socket is sock:
            self._loop.remove_writer(sock.fileno())

    def _attach(self, sock: SocketLike) -> None:
        if not self._dropped and sock.fileno() >= 0:
            self._socket, self.opened = sock, True
            self._timer = self._loop.call_later(self._side.quiet_seconds(), self._tick)
            self.read(wanted=self._wanted)

    def _add_writer(self, sock: SocketLike) -> None:
        if self._socket is sock:  # otherwise its number may be another's by now
            self._loop.add_writer(sock.fileno(), self._write)

    def _listen(self, *, wanted: bool) -> None:
        """Ask the event loop to report what comes, or not; no read is due by itself then."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if wanted == self._listening or self._socket is None:
            return
        self._listening = wanted
        if wanted:
            self._loop.add_reader(self._socket.fileno(), self._read)
        else:
            self._loop.remove_reader(self._socket.fileno())

    def _read(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if not self._reading:
            return
        try:
            found = self._take()
        except MemoryError:  # nobody is to take it for an end of the connection
            raise
        except Exception as error:
            self._fail(error)
            return
        if self._reading:  # neither paused nor closed by what was read
            self._go_on(found)

    def _go_on(self, found: Found) -> None:
        """Choose how the next read comes about. A socket that rests is read again without asking the event loop."""
        if found is Found.NOTHING:
            self._listen(wanted=True)
            return
        now = self._loop.time()
        passed, self._read_at = now - self._read_at, now
        rest = self._rest_seconds(passed)
        if found is Found.SOME:
            self._next = self._loop.call_soon(self._read)
        elif passed < _LOAD_RESTS * rest:
            self._listen(wanted=False)
            self._next = self._loop.call_later(rest, self._read)
        else:
            self._listen(wanted=True)

    def _rest_seconds(self, passed: float) -> float:
        """Return how long to rest after a read that came so long after the last one."""
        if self._hasty():
            return _SHORTEST_REST_SECONDS
        worthwhile = max(passed, _SHORTEST_REST_SECONDS) * _WORTHWHILE_BYTES / max(self._taken(), 1)
        return min(max(worthwhile, _SHORTEST_REST_SECONDS), self._gather_seconds)

    def _write(self) -> None:
        try:
            self._paho.loop_write()
        except MemoryError:
            raise
        except Exception as error:
            self._fail(error)

    def _tick(self) -> None:
        """Keep alive. Whatever comes shows that the broker is there."""
        self._side.tick(reading=self._reading)
        try:
            self._paho.loop_misc()
        except MemoryError:
            raise
        except Exception as error:
            self._fail(error)
        if self._socket is not None:
            self._timer = self._loop.call_later(self._side.quiet_seconds(), self._tick)
