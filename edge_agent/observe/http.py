"""Metrics, health and status over HTTP/1.1: a few fixed answers, each to one request a connection.

Why none of the servers that prometheus_client or the standard library ship: those run in threads and would read the
agent's knowledge beside the turn that writes it. This one is a protocol on the loop of the agent, so an answer falls
between two turns and needs no lock, no task and no dependency.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from loguru import logger

from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_JSON_TYPE = "application/json"
_METHODS = ("GET", "HEAD")
_END_OF_HEAD = b"\r\n\r\n"


class Limits(NamedTuple):
    """What one client may take: bytes of a request's head, seconds for a whole exchange, connections at a time."""

    head_bytes: int = 8192
    exchange_seconds: float = 10.0
    connections: int = 16


class Answer(NamedTuple):
    """A status, a content type and a body."""

    status: HTTPStatus
    content_type: str
    body: bytes

    @classmethod
    def json(cls, status: HTTPStatus, content: Mapping[str, Any]) -> Answer:
        """Answer with a JSON object. Raises ValueError for NaN and infinity, which JSON does not know."""
        return cls(status, _JSON_TYPE, json.dumps(content, allow_nan=False).encode() + b"\n")

    def encoded(self, *, with_body: bool = True) -> bytes:
        """Write it as HTTP/1.1. Without its body it is the answer to HEAD: the headers are the same."""
        allow = f"Allow: {', '.join(_METHODS)}\r\n" if self.status is HTTPStatus.METHOD_NOT_ALLOWED else ""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n{allow}"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode("ascii") + (self.body if with_body else b"")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What each path answers, from callables that are asked at each request."""

    metrics_text: Callable[[], bytes]
    ready: Callable[[], Mapping[str, str | None]]
    live: Callable[[], str | None]
    status: Callable[[], Mapping[str, Any]]
    notes: Callable[[], Mapping[str, str]] = dict
    dispensable: Callable[[], Mapping[str, str | None]] = dict

    def respond(self, head: bytes) -> bytes:
        """Answer the head of a request, whatever bytes it is made of. Raises MemoryError only."""
        parts = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return _refusal(HTTPStatus.BAD_REQUEST)
        method, target, _ = parts
        return self._answer(method, _path(target)).encoded(with_body=method != "HEAD")

    def _answer(self, method: str, path: str) -> Answer:
        content = self._contents().get(path)
        if content is None:
            return _problem(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return content()
        except MemoryError:  # the process is to end
            raise
        # Whatever a part of the agent does when asked, the server must go on answering for the others.
        except Exception as error:
            logger.opt(exception=error).error("A request could not be answered", path=path)
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _contents(self) -> dict[str, Callable[[], Answer]]:
        return {
            "/metrics": lambda: Answer(HTTPStatus.OK, METRICS_TYPE, self.metrics_text()),
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/status": lambda: Answer.json(HTTPStatus.OK, self.status()),
        }

    def _live(self) -> Answer:
        reason = self.live() or "ok"
        return Answer.json(_health(fine=reason == "ok"), {"live": reason == "ok", "reason": reason})

    def _ready(self) -> Answer:
        parts = {part: reason or "ok" for part, reason in self.ready().items()}
        fine = all(reason == "ok" for reason in parts.values())
        parts |= {part: reason or "ok" for part, reason in self.dispensable().items()}
        return Answer.json(_health(fine=fine), {"ready": fine, "parts": parts, "notes": dict(self.notes())})


class ObservationServer:
    """Serves /metrics, /health/live, /health/ready and /status while it is entered.

    `ready` gives a reason per part, None or "ok" where it is fine; `live` a reason, None or "ok" likewise. The parts of
    `dispensable` are shown with the others, `notes` beside them; neither makes anybody unready.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics_text: Callable[[], bytes],
        ready: Callable[[], Mapping[str, str | None]],
        live: Callable[[], str | None],
        status: Callable[[], Mapping[str, Any]],
        notes: Callable[[], Mapping[str, str]] = dict,
        dispensable: Callable[[], Mapping[str, str | None]] = dict,
        limits: Limits = Limits(),  # noqa: B008 - a tuple, it cannot change
    ) -> None:
        self._address = (host, port)
        self._endpoints = Endpoints(metrics_text, ready, live, status, notes, dispensable)
        self._limits = limits
        self._exchanges: set[_Exchange] = set()
        self._server: asyncio.Server | None = None
        self._closing = False

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for. Raises RuntimeError while it is not entered."""
        if self._server is None:
            raise RuntimeError("the server is not entered")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        host, port = self._address
        self._closing = False
        try:
            self._server = await loop.create_server(self._exchange, host, port)
        except (OSError, OverflowError) as error:
            raise EdgeAgentError(f"metrics and health cannot be served on {host}:{port}: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        self._closing = True
        server.close()
        while self._exchanges:  # one pass of the loop ends those that were open
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

    def __init__(self, respond: Callable[[bytes], bytes], limits: Limits, exchanges: set[_Exchange]) -> None:
        self._respond = respond
        self._limits = limits
        self._exchanges = exchanges
        self._head = bytearray()
        self._answered = False
        self._surplus = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        full = len(self._exchanges) >= self._limits.connections
        self._exchanges.add(self)
        if full:
            self._transport.abort()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._limits.exchange_seconds, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._answered:
            self._discard(data)
            return
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if max(end, 0) > self._limits.head_bytes or (end < 0 and len(self._head) > self._limits.head_bytes):
            self._send(_refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        elif end >= 0:
            self._send(self._respond(bytes(self._head[:end])))

    def _send(self, answer: bytes) -> None:
        self._answered = True
        self._head.clear()
        self._transport.write(answer)
        # Half-closed: a full close with unread bytes of the client would reset the connection under the answer.
        with suppress(OSError):  # the client may be gone already
            self._transport.write_eof()

    def _discard(self, data: bytes) -> None:
        self._surplus += len(data)
        if self._surplus > self._limits.head_bytes:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._deadline.cancel()
        self._exchanges.discard(self)

    def abort(self) -> None:
        """Drop the connection now."""
        self._transport.abort()


def _path(target: str) -> str:
    """Reduce a request target (`/path?query`, or a whole URL as proxies send it) to its path."""
    if target.lower().startswith("http://"):
        target = "/" + target[len("http://") :].partition("/")[2]
    return target.partition("?")[0]


def _health(*, fine: bool) -> HTTPStatus:
    return HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE


def _problem(status: HTTPStatus) -> Answer:
    return Answer.json(status, {"error": status.phrase})


def _refusal(status: HTTPStatus) -> bytes:
    return _problem(status).encoded()
