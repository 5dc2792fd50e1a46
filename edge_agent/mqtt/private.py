"""Everything that touches the private side of aiomqtt and paho, and what is done where a new version has changed it.

Each assumption has its test in tests/integration/test_session_driver.py. Before a connection is made they are tried
out on a client that goes nowhere; where one does not hold, `PublicSide` does the same by public means, at several times
the cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MessageType

from edge_agent.errors import EdgeAgentError
from edge_agent.mqtt.intake import Found
from edge_agent.mqtt.packets import pubacks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import aiomqtt
    from paho.mqtt.client import SocketLike

_SAMPLE = b"\x32\x06\x00\x01t\x00\x07p"  # PUBLISH of MQTT 3.1.1: topic t, packet id 7, payload p
_PUBACK = b"\x40\x02\x00\x07"
#: Packets that `PublicSide` reads before others have their turn in the event loop.
_MOST_PACKETS = 200
_KEPT_BY_PAHO = (
    "_sock_close",
    "_sock_send",
    "_loop_rc_handle",
    "_ping_t",
    "_last_bytes_received",
    "_last_msg_out",
    "_keepalive",
    "_out_packet",
)
#: The keepalive is looked after when it is due, within these limits; by public means so often.
SHORTEST_QUIET_SECONDS, LONGEST_QUIET_SECONDS = 0.05, 60.0
_LOOK_SECONDS = 1.0


class PrivateSide:
    """Paho by its private side, a `Feed`: it reads what it is fed only; the socket is read here."""

    def __init__(self, client: paho.Client) -> None:
        self._paho = cast("Any", client)
        self._receive: Callable[[int], bytes] = self._paho._sock_recv
        self._paho._sock_recv = self._eat
        self._meal, self._eaten = b"", 0
        self._ended, self._heard_at = False, 0.0
        self._error: OSError | None = None

    def __repr__(self) -> str:
        return f"PrivateSide({len(self._meal) - self._eaten} bytes to read{', ended' if self._ended else ''})"

    @property
    def in_records(self) -> bool:
        """Whether the socket gives what has come in parts (TLS), so that a short read does not mean the end of it."""
        return hasattr(self._paho.socket(), "pending")

    def receive(self, most: int) -> bytes:
        """Read the socket. Raises BlockingIOError where nothing is there."""
        data = self._receive(most)
        self._heard_at = paho.time_func()
        return data

    def feed(self, data: bytes) -> None:
        """Feed paho one packet or a part of one."""
        self._meal, self._eaten = data, 0
        code = self._paho._packet_read()
        if code > 0:
            self._paho._loop_rc_handle(code)  # as loop_read does

    def end(self, error: OSError | None) -> None:
        """Feed paho the end of the stream, or the failure of reading it."""
        self._ended, self._error = True, error
        self.feed(b"")

    def acknowledge(self, packets: Sequence[int]) -> None:
        """Send PUBACK for each packet id: at once, or after whatever is half written."""
        data = pubacks(packets)
        if data and not self._paho._out_packet:
            # A queue that is empty is not needed: that spares two system calls and a turn of the event loop.
            with contextlib.suppress(OSError):  # a full socket; what else is wrong shows when the queue is written
                data = data[self._paho._sock_send(data) :]
        if data:
            self._paho._packet_queue(MessageType.PUBACK, data, 0, 1)  # public `ack` makes a send of each

    def unsent(self, mid: int) -> bool:
        """Whether any byte of a publish still waits for the socket here."""
        queue = self._paho._out_packet
        return any(entry["mid"] == mid and entry["command"] & 0xF0 == MessageType.PUBLISH for entry in queue)

    def close(self) -> None:
        """Close the socket; paho does so by itself only with one that failed while connected."""
        self._paho._sock_close()

    def tick(self, *, reading: bool) -> None:
        """Note for paho, which does not see it, that something was read; while nothing is, no PINGRESP is missed."""
        client = self._paho
        client._last_bytes_received = max(client._last_bytes_received, self._heard_at)
        if self._heard_at >= client._ping_t or not reading:
            client._ping_t = 0.0  # its note of an unanswered PINGREQ

    def quiet_seconds(self) -> float:
        """Return how long paho has nothing to do for the keepalive, if nothing comes and nothing is sent."""
        client = self._paho
        if not client._keepalive:
            return LONGEST_QUIET_SECONDS
        since = min(client._last_msg_out, max(client._last_bytes_received, self._heard_at))
        if client._ping_t:
            since = min(since, client._ping_t)
        seconds: float = since + client._keepalive - paho.time_func()
        return min(max(seconds, SHORTEST_QUIET_SECONDS), LONGEST_QUIET_SECONDS)

    def _eat(self, most: int) -> bytes:
        part = self._meal[self._eaten : self._eaten + most]
        self._eaten += len(part)
        if self._error is not None:
            raise self._error
        if not part and not self._ended:
            raise BlockingIOError
        return part


class PublicSide:
    """The same by public means only. A message that is too large is put together by paho before it is cut here."""

    def __init__(self, client: paho.Client) -> None:
        self._paho = client

    def read(self, wanted: Callable[[], bool]) -> Found:
        """Read packet by packet as long as there is something to read and the receiver takes more."""
        found = Found.NOTHING
        for _ in range(_MOST_PACKETS):
            sock = self._paho.socket()
            if sock is None or not wanted() or not _readable(sock):
                return found
            self._paho.loop_read()
            found = Found.ALL
        return Found.SOME

    def acknowledge(self, packets: Sequence[int]) -> None:
        """Send PUBACK for each packet id."""
        for packet in packets:
            self._paho.ack(packet, 1)

    def unsent(self, _mid: int) -> bool:
        """Whether anything still waits for the socket here."""
        return self._paho.want_write()

    def close(self) -> None:
        """Close the socket."""
        sock = self._paho.socket()
        if sock is not None and sock.fileno() >= 0:
            close = self._paho.on_socket_close
            if close is not None:
                close(self._paho, None, sock)
            sock.close()

    def tick(self, *, reading: bool) -> None:
        """Do nothing: a pause that is longer than two keepalives costs the connection."""

    def quiet_seconds(self) -> float:
        """Return after how long paho is to look after the keepalive: nobody knows when it has to."""
        return _LOOK_SECONDS


def _readable(sock: SocketLike) -> bool:
    """Whether something can be read at once, be it decrypted already or in the kernel."""
    if getattr(sock, "pending", int)():
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def side_of(client: paho.Client) -> PrivateSide | PublicSide:
    """Return the private side of a client where it is as assumed, else the public one."""
    return PublicSide(client) if _paho_doubt(type(client)) else PrivateSide(client)  # type: ignore[arg-type] # as below


@lru_cache(maxsize=4)
def _paho_doubt(kind: type[paho.Client]) -> str:
    """Try out what `PrivateSide` assumes on a client that goes nowhere; return what does not hold, or nothing."""
    client: Any = kind(CallbackAPIVersion.VERSION2, "trial")
    for name in _KEPT_BY_PAHO:
        if not hasattr(client, name):
            return f"paho has no {name}"
    messages: list[paho.MQTTMessage] = []
    client.on_message = lambda _client, _userdata, message: messages.append(message)
    client.on_socket_register_write = lambda *_: None
    client.manual_ack_set(True)
    try:
        inside = PrivateSide(client)
        for part in (_SAMPLE[:5], _SAMPLE[5:]):
            inside.feed(part)
        inside.acknowledge([7])
        if [(each.topic, bytes(each.payload), each.mid, each.qos) for each in messages] != [("t", b"p", 7, 1)]:
            return "paho does not read what it is fed"
        if [(bytes(each["packet"]), inside.unsent(each["mid"])) for each in client._out_packet] != [(_PUBACK, False)]:
            return "paho does not queue what it is given"
    except MemoryError:
        raise
    except Exception as error:  # whatever it is, it is not as assumed
        return f"paho fails with {type(error).__name__}: {error}"
    return ""


def doubts(client: aiomqtt.Client) -> tuple[str, ...]:
    """Return what of the private sides is not as assumed, so that it is done by other means."""
    gone = [f"aiomqtt has no {name}" for name in ("_connected", "_disconnected") if _future(client, name) is None]
    return tuple(filter(None, (_paho_doubt(type(paho_of(client))), *gone)))  # type: ignore[arg-type] # mypy looks for the instance's hash


def paho_of(client: aiomqtt.Client) -> paho.Client:
    """Find the client that aiomqtt drives. There is no way round it: aiomqtt itself has no manual acknowledgement."""
    for each in vars(client).values():
        if isinstance(each, paho.Client):
            return each
    raise EdgeAgentError("this version of aiomqtt cannot be used: it does not drive a client of paho")


def stop_waiting(client: aiomqtt.Client, error: Exception) -> None:
    """End aiomqtt's wait for a CONNACK that cannot come any more; where that is not possible it waits its time out."""
    connected = _future(client, "_connected")
    if connected is not None and not connected.done():
        connected.set_exception(error)
        connected.exception()


def look_at_end(client: aiomqtt.Client) -> None:
    """Look at how the connection ended: asyncio complains where nobody does."""
    disconnected = _future(client, "_disconnected")
    if disconnected is not None and disconnected.done():
        disconnected.exception()


def _future(client: aiomqtt.Client, name: str) -> asyncio.Future[Any] | None:
    found = getattr(client, name, None)
    return found if isinstance(found, asyncio.Future) else None
