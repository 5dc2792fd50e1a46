"""A TCP proxy that misbehaves on request: the network between the agent and its broker."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from enum import Enum
from typing import TYPE_CHECKING, Self

from edge_agent.mqtt.broker import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_CHUNK_BYTES = 4096


class Way(Enum):
    """A direction: up from the client to the target, or down."""

    UP = "up"
    DOWN = "down"


class Proxy:
    """Passes connections on to a port of this machine. Use it with `async with`; `port` is its own.

    `upstream` is every byte that clients have sent, over all connections.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._flowing = {way: asyncio.Event() for way in Way}
        self.thaw()
        self._byte_seconds = self._delay_seconds = 0.0
        self._clients: set[asyncio.StreamWriter] = set()
        self._targets: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0
        self.upstream = bytearray()

    @property
    def open_connections(self) -> int:
        """How many clients hold a connection now."""
        return len(self._clients)

    def freeze(self, *ways: Way) -> None:
        """Pass nothing on any more, in either direction or in one; connections stay and can be made."""
        for way in ways or Way:
            self._flowing[way].clear()

    def thaw(self) -> None:
        """Pass on again, beginning with what was held back."""
        for flowing in self._flowing.values():
            flowing.set()

    def slow(self, bytes_per_second: float, delay_seconds: float) -> None:
        """Pass so many bytes a second on in each direction, and each piece so much later; 0: as fast as they come."""
        self._byte_seconds = 1 / bytes_per_second if bytes_per_second else 0.0
        self._delay_seconds = delay_seconds

    def drop(self) -> None:
        """Cut every connection without a word; what was held back is lost."""
        for writer in (*self._clients, *self._targets):
            writer.transport.abort()

    def forsake(self) -> None:
        """Cut the target's side alone: its clients keep half-open connections, and what they send is swallowed."""
        for writer in tuple(self._targets):
            self._targets.discard(writer)
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.thaw()
        self.drop()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError):
            there_reader, there = await asyncio.open_connection(LOOPBACK, self._target_port)
            self._clients.add(writer)
            self._targets.add(there)
            try:
                await asyncio.gather(self._pass_up(reader, there), self._pass_down(there_reader, writer, there))
            finally:
                self._clients.discard(writer)
                self._targets.discard(there)
                there.transport.abort()
        writer.transport.abort()

    async def _pass_up(self, reader: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                self.upstream += data
                with contextlib.suppress(OSError):  # the other direction tells the client, or shall not
                    await self._carry(Way.UP, data, there)
            await self._flowing[Way.UP].wait()
            there.close()

    async def _pass_down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._carry(Way.DOWN, data, writer)
            await self._flowing[Way.DOWN].wait()
        if there in self._targets:  # else it was forsaken, and its client shall not know
            writer.close()

    async def _carry(self, way: Way, data: bytes, writer: asyncio.StreamWriter) -> None:
        await self._flowing[way].wait()
        seconds = self._delay_seconds + len(data) * self._byte_seconds
        if seconds:
            await asyncio.sleep(seconds)
        if way is Way.UP and writer not in self._targets:
            return  # forsaken: swallowed
        writer.write(data)
        await writer.drain()


class ProxyThread:
    """The same for tests without an event loop: a proxy in a thread, with its orders."""

    def __init__(self, target_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(target_port,), name="proxy", daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    @property
    def port(self) -> int:
        return self._proxy.port

    @property
    def connections(self) -> int:
        return self._proxy.connections

    def freeze(self, *ways: Way) -> None:
        self._call(lambda: self._proxy.freeze(*ways))

    def thaw(self) -> None:
        self._call(self._proxy.thaw)

    def slow(self, bytes_per_second: float, delay_seconds: float) -> None:
        self._call(lambda: self._proxy.slow(bytes_per_second, delay_seconds))

    def drop(self) -> None:
        self._call(self._proxy.drop)

    def forsake(self) -> None:
        self._call(self._proxy.forsake)

    def close(self) -> None:
        self._call(self._ended.set)
        self._thread.join(timeout=10)

    def _call(self, order: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(order)

    def _run(self, target_port: int) -> None:
        async def serve() -> None:
            async with Proxy(target_port) as self._proxy:
                self._started.set()
                await self._ended.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others)  # what is cancelled while it serves asyncio calls an error

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve())
