"""Metrics, health and status over HTTP/1.1: a few fixed answers, each to one request a connection.

Why none of the servers that prometheus_client or the standard library ship: those run in threads and would read the
agent's knowledge beside the turn that writes it. This one is a protocol on the loop of the agent, so an answer falls
between two turns and needs no lock, no task and no dependency.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from loguru import logger

from edge_agent.observe.answers import Endpoints, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

_END_OF_HEAD = b"\r\n\r\n"


class ClientLimits(NamedTuple):
    """What clients may take: bytes of a request's head, seconds for it and a whole exchange, connections at a time."""

    head_bytes: int = 8192
    head_seconds: float = 3.0
    exchange_seconds: float = 10.0
    connections: int = 16


#: So often a port that is taken is asked for.
RETRY_SECONDS = 5.0


class ObservationServer:
    """Serves /metrics, /health/live, /health/ready, /status, /plans and /why/… while it is entered.

    Where the port is taken it is logged, and `serve` tries on: control does not depend on who looks at it. A client
    that comes when there is no more room takes that of the one that has been slowest: of those that stay after their
    answer, else of those that have not asked yet, else of those that take their answer.

    `ready` gives a reason per part, None or "ok" where it is fine; `live` a reason, None or "ok" likewise. The parts of
    `dispensable` are shown with the others, `notes` beside them; neither makes anybody unready.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics: Callable[[], Iterator[bytes]],
        ready: Callable[[], Mapping[str, str | None]],
        live: Callable[[], str | None],
        status: Callable[[], Iterator[bytes]],
        notes: Callable[[], Mapping[str, str]] = dict,
        dispensable: Callable[[], Mapping[str, str | None]] = dict,
        plans: Callable[[], Iterator[bytes]] = lambda: iter(()),
        why: Callable[[str], Mapping[str, Any] | None] = lambda _: None,
        limits: ClientLimits = ClientLimits(),  # noqa: B008 - a tuple, it cannot change
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._address = (host, port)
        self._endpoints = Endpoints(metrics, ready, live, status, notes, dispensable, plans, why)
        self._limits, self._retry_seconds = limits, retry_seconds
        self._exchanges: dict[_Exchange, None] = {}  # the oldest first
        self._server: asyncio.Server | None = None
        self._closing = False

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for; while it does not, the one that was asked for."""
        return self._address[1] if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._closing = False
        await self._listen("ERROR")
        return self

    async def serve(self) -> None:
        """Try to listen until that is possible. To be run while it is entered; cancel it before leaving."""
        while self._server is None:
            await asyncio.sleep(self._retry_seconds)
            if await self._listen("DEBUG"):
                logger.info("Metrics and health are served")

    async def _listen(self, level: str) -> bool:
        host, port = self._address
        try:
            self._server = await asyncio.get_running_loop().create_server(self._exchange, host, port)
        except OSError as error:
            log = logger.bind(address=f"{host}:{port}", error=str(error))
            log.log(level, "Metrics and health cannot be served; it is tried again")
        return self._server is not None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        self._closing = True
        server.close()
        while self._exchanges:  # one that is accepted while the server closes is found by the next look
            for exchange in tuple(self._exchanges):
                exchange.abort()
            await asyncio.sleep(0)
        await server.wait_closed()

    def _exchange(self) -> _Exchange:
        # A connection can still be accepted while the server closes: it finds no room.
        limits = self._limits._replace(connections=0) if self._closing else self._limits
        return _Exchange(self._endpoints.respond, limits, self._exchanges)


class _Exchange(asyncio.Protocol):
    """One connection: a request's head in, an answer out, then silence until the client closes or time is up."""

    def __init__(
        self, respond: Callable[[bytes], Iterator[bytes]], limits: ClientLimits, exchanges: dict[_Exchange, None]
    ) -> None:
        self._respond = respond
        self._limits = limits
        self._exchanges = exchanges
        self._head = bytearray()
        self._deadline: asyncio.TimerHandle | None = None
        self.is_answered = self._is_full = False
        self._parts: Iterator[bytes] | None = None
        self._surplus = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._exchanges) >= self._limits.connections:
            min(self._exchanges, key=_Exchange.need, default=self).abort()  # of equals the oldest
        self._exchanges[self] = None
        self._expect(self._limits.head_seconds)

    def need(self) -> int:
        """Return how much the client still needs its place: not at all, to send its request, or to take its answer."""
        if not self.is_answered:
            return 1
        return 2 if self._parts is not None or self._transport.get_write_buffer_size() else 0

    def _expect(self, seconds: float) -> None:
        """Drop the connection unless it is over, or has a new time limit, in so many seconds."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.abort)

    def data_received(self, data: bytes) -> None:
        if self.is_answered:
            self._discard(data)
            return
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if max(end, 0) > self._limits.head_bytes or (end < 0 and len(self._head) > self._limits.head_bytes):
            self._send(problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE).parts())
        elif end >= 0:
            self._send(self._respond(bytes(self._head[:end])))

    def _send(self, parts: Iterator[bytes]) -> None:
        self.is_answered = True
        self._parts = parts
        self._expect(self._limits.exchange_seconds)
        self._head.clear()
        self._send_on()

    def _send_on(self) -> None:
        """Send the next part of the answer. The loop turns in between; a client that is slow is awaited."""
        if self._parts is None or self._is_full or self._transport.is_closing():
            return
        try:
            part = next(self._parts, None)
        except MemoryError:  # ends the process
            raise
        # The client sees that the answer has no end.
        except Exception as error:
            logger.opt(exception=error).error("An answer could not be finished")
            self.abort()
            return
        if part is not None:
            self._transport.write(part)
            if not self._is_full:
                asyncio.get_running_loop().call_soon(self._send_on)
            return
        self._parts = None
        # Half-closed: a full close with unread bytes of the client would reset the connection under the answer.
        with suppress(OSError):  # the client may be gone already
            self._transport.write_eof()

    def pause_writing(self) -> None:  # by its transport, within `write`
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._send_on()

    def _discard(self, data: bytes) -> None:
        self._surplus += len(data)
        if self._surplus > self._limits.head_bytes:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._deadline is not None:
            self._deadline.cancel()
        self._exchanges.pop(self, None)

    def abort(self) -> None:
        """Drop the connection now; its place is free at once."""
        self._exchanges.pop(self, None)
        self._transport.abort()
