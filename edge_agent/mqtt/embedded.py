"""amqtt in this process, for where no Mosquitto is installed. Needs the extra `sim`; imported only where it is used.

amqtt takes a CONNECT of MQTT 5 for one of 3.1.1, reads its properties as the length of the client's name and waits for
thousands of bytes. So the connections are accepted here, and version 5 is refused before amqtt sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.errors import BrokerError

from edge_agent.errors import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_LISTENER = "embedded"
_CONFIGURATION = {
    "listeners": {"default": {"type": "external"}, _LISTENER: {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}
_MQTT_5 = 5
#: CONNACK of MQTT 5 with the reason "unsupported protocol version" and no properties.
_REFUSAL = b"\x20\x03\x00\x84\x00"


class _Subscriptions(dict[str, Any]):
    """What is subscribed to; whoever walks through it may wait meanwhile, and others change it."""

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(super().__iter__()))

    def items(self) -> Any:  # noqa: ANN401 - a copy in the place of a view
        """Return a copy."""
        return tuple(super().items())


class _SteadyBroker(Broker):  # type: ignore[misc]  # amqtt ships no types
    """amqtt, but for a client that it loses where another one subscribes in the same instant."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        super().__init__(configuration)
        self._subscriptions = _Subscriptions()


@contextlib.asynccontextmanager
async def run_amqtt(host: str, port: int) -> AsyncIterator[int]:
    """Run the broker and tell its port; 0 asks for a free one. Raises BrokerUnavailableError."""
    broker = _SteadyBroker(_CONFIGURATION)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = await _read_head(reader)
            if head[-1] == _MQTT_5:
                await _refuse(writer)
            else:
                with contextlib.suppress(
                    RuntimeError
                ):  # it loses a client while another subscribes: that one comes again
                    await broker.external_connected(_Resumed(head, reader), StreamWriterAdapter(writer), _LISTENER)
        writer.close()

    try:
        await broker.start()
        server = await asyncio.start_server(serve, host, port)
    except (BrokerError, OSError) as error:
        raise BrokerUnavailableError(f"the broker cannot listen on port {port}: {error}") from error
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        logging.getLogger("amqtt.broker").setLevel(logging.ERROR)  # it warns of last words that nobody is left to hear
        await broker.shutdown()


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    """Read the beginning of CONNECT: packet type, length, the protocol's name and (last) its version."""
    head = await reader.readexactly(2)
    while head[-1] & 0x80 and len(head) < 5:
        head += await reader.readexactly(1)
    return head + await reader.readexactly(7)


async def _refuse(writer: asyncio.StreamWriter) -> None:
    writer.write(_REFUSAL)
    await writer.drain()


class _Resumed:
    """What amqtt reads from: first what was read already, then the stream. Has the members of its ReaderAdapter."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader) -> None:
        self._head = head
        self._rest = StreamReaderAdapter(reader)

    async def read(self, n: int = -1) -> bytes:
        """Read exactly n bytes, or all until the end."""
        if n < 0:
            taken, self._head = self._head, b""
            return taken + bytes(await self._rest.read())
        taken, self._head = self._head[:n], self._head[n:]
        rest: bytes = b"" if len(taken) == n else await self._rest.read(n - len(taken))
        return taken + rest

    def feed_eof(self) -> None:
        """Note the end."""
        self._rest.feed_eof()
