"""A TCP proxy that misbehaves on request: the network between the agent and its broker."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from edge_agent.mqtt.broker import LOOPBACK

if TYPE_CHECKING:
    from types import TracebackType

_CHUNK_BYTES = 4096


class Proxy:
    """Passes connections on to a port of this machine. Use it with `async with`; `port` is its own.

    `upstream` is every byte that clients have sent, over all connections.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0
        self.upstream = bytearray()

    @property
    def open_connections(self) -> int:
        """How many clients hold a connection now."""
        return len(self._writers) // 2

    def freeze(self) -> None:
        """Pass nothing on any more, in either direction; connections stay and can be made."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on again, beginning with what was held back."""
        self._flowing.set()

    def drop(self) -> None:
        """Cut every connection without a word; what was held back is lost."""
        for writer in tuple(self._writers):
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
            there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
            pair = {writer, there_writer}
            self._writers |= pair
            try:
                await asyncio.gather(
                    self._pass(reader, there_writer, self.upstream), self._pass(there_reader, writer, bytearray())
                )
            finally:
                self._writers -= pair
                there_writer.transport.abort()
        writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                seen += data
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
            await self._flowing.wait()
            writer.close()
