"""Moves bytes between the socket and paho in the event loop, and lets the socket rest when asked to.

Stands in for aiomqtt's socket callbacks and misc task: those cannot stop reading, and leave the socket of a failed
attempt open, where it would later take the session over from its successor.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from typing import TYPE_CHECKING

from paho.mqtt.enums import MessageType, MQTTErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import paho.mqtt.client as paho
    from paho.mqtt.client import SocketLike

#: How often keepalive is looked after.
_TICK_SECONDS = 1.0
#: Packets that are read at most before others have their turn in the event loop.
_MOST_PACKETS = 500
#: Under load the socket rests so long after each read, and what comes meanwhile is taken together. Load is when reads
#: follow each other within the second time: the first message after a silence is read at once.
_REST_SECONDS = 0.002
_LOAD_SECONDS = 0.005


class Pump:
    """The socket of one paho client. `fail` is told of whatever goes wrong in between, and is to `drop` then."""

    def __init__(self, client: paho.Client, fail: Callable[[Exception], None]) -> None:
        self._paho = client
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._socket: SocketLike | None = None
        self._wanted, self._reading, self._dropped = True, False, False
        self.opened = False  # whether there has been a connection at all
        self._timer: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None  # while the socket rests between two reads
        self._read_at = float("-inf")
        client.on_socket_open = self._on_open
        client.on_socket_close = self._on_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

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
        if wanted:
            self._loop.add_reader(self._socket.fileno(), self._read)
            if self._decrypted_bytes():  # these are out of the kernel already and wake nobody
                self._loop.call_soon(self._read)
        else:
            self._end_rest()
            self._loop.remove_reader(self._socket.fileno())

    def acknowledge(self, packets: Iterable[int]) -> None:
        """Queue PUBACK for each packet id as one entry: one send, after whatever is half written."""
        pubacks = b"".join([struct.pack(">BBH", MessageType.PUBACK, 2, packet) for packet in packets])
        if pubacks:
            self._paho._packet_queue(MessageType.PUBACK, pubacks, 0, 1)  # noqa: SLF001 - `ack` makes a send of each

    def unsent(self, mid: int) -> bool:
        """Whether any byte of a publish still waits for the socket here."""
        queue = self._paho._out_packet  # noqa: SLF001 - paho tells only whether there is any packet at all
        return any(entry["mid"] == mid and entry["command"] & 0xF0 == MessageType.PUBLISH for entry in queue)

    def drop(self) -> None:
        """Close the socket without a word, whatever state it is in, also while another thread still connects it."""
        self._dropped = True
        self._paho._sock_close()  # noqa: SLF001 - paho closes by itself only what failed while connected

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
            self._end_rest()
            self._loop.remove_reader(sock.fileno())
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
            self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)
            self.read(wanted=self._wanted)

    def _add_writer(self, sock: SocketLike) -> None:
        if self._socket is sock:  # otherwise its number may be another's by now
            self._loop.add_writer(sock.fileno(), self._write)

    def _decrypted_bytes(self) -> int:
        pending: Callable[[], int] | None = getattr(self._socket, "pending", None)
        return 0 if pending is None else pending()

    def _read(self) -> None:
        try:
            self._read_all()
        except Exception as error:
            self._fail(error)

    def _read_all(self) -> None:
        """Read every packet there is; paho's own loop_read takes one per wake-up of the event loop."""
        for _ in range(_MOST_PACKETS):
            if not self._reading:
                return
            code = self._paho._packet_read()  # noqa: SLF001 - loop_read does not tell whether there was a packet
            if code > 0:
                self._paho._loop_rc_handle(code)  # noqa: SLF001 - as loop_read does
                return
            if code == MQTTErrorCode.MQTT_ERR_AGAIN:
                break
        else:
            if self._decrypted_bytes():  # these are out of the kernel already and wake nobody
                self._loop.call_soon(self._read)
            return
        now = self._loop.time()
        if now - self._read_at < _LOAD_SECONDS and self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._rest = self._loop.call_later(_REST_SECONDS, self._wake)
        self._read_at = now

    def _wake(self) -> None:
        self._rest = None
        if self._reading and self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._read)
            self._read()

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _write(self) -> None:
        try:
            self._paho.loop_write()
        except Exception as error:
            self._fail(error)

    def _tick(self) -> None:
        """Keep alive. While the socket rests no PINGRESP can be read, so none is missed then."""
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)
        if not self._reading:
            self._paho._ping_t = 0.0  # noqa: SLF001 - paho's note of an unanswered PINGREQ
        try:
            self._paho.loop_misc()
        except Exception as error:
            self._fail(error)
