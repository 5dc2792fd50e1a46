"""What the paths of the agent's HTTP answer: metrics, health and status."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_JSON_TYPE = "application/json"
_METHODS = ("GET", "HEAD")
#: What stands before `NODE/ACTUATOR` in the path that answers why one does what it does.
WHY = "/why/"


class Answer(NamedTuple):
    """A status, a content type and a body, or the pieces of one that is made while it is sent."""

    status: HTTPStatus
    content_type: str
    body: bytes
    pieces: Iterator[bytes] | None = None

    @classmethod
    def json(cls, status: HTTPStatus, content: Mapping[str, Any]) -> Answer:
        """Answer with a JSON object. Raises ValueError for NaN and infinity, which JSON does not know."""
        return cls(status, _JSON_TYPE, json.dumps(content, allow_nan=False).encode() + b"\n")

    def head(self, version: str = "HTTP/1.1") -> bytes:
        """Write what goes before the body. Before HTTP/1.1 the end of one in pieces is the end of the connection."""
        allow = f"Allow: {', '.join(_METHODS)}\r\n" if self.status is HTTPStatus.METHOD_NOT_ALLOWED else ""
        length = f"Content-Length: {len(self.body)}\r\n"
        if self.pieces is not None:
            length = "" if version == "HTTP/1.0" else "Transfer-Encoding: chunked\r\n"
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\n{length}{allow}"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode("ascii")

    def parts(self, version: str = "HTTP/1.1") -> Iterator[bytes]:
        """Write it in parts that are to be sent one after the other."""
        head = self.head(version)
        if self.pieces is None:
            yield head + self.body
        elif version == "HTTP/1.0":
            yield from chain((head,), self.pieces)
        else:
            for piece in filter(None, self.pieces):
                yield b"%b%x\r\n%b\r\n" % (head, len(piece), piece)
                head = b""
            yield head + b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What each path answers, from callables that are asked at each request."""

    metrics: Callable[[], Iterator[bytes]]
    ready: Callable[[], Mapping[str, str | None]]
    live: Callable[[], str | None]
    status: Callable[[], Iterator[bytes]]
    notes: Callable[[], Mapping[str, str]] = dict
    dispensable: Callable[[], Mapping[str, str | None]] = dict
    plans: Callable[[], Iterator[bytes]] = lambda: iter(())
    why: Callable[[str], Mapping[str, Any] | None] = lambda _: None

    def respond(self, head: bytes) -> Iterator[bytes]:
        """Answer the head of a request, whatever bytes it is made of. Raises MemoryError only, until it is iterated."""
        parts = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return problem(HTTPStatus.BAD_REQUEST).parts()
        method, target, version = parts
        answer = self._answer(method, _path(target))
        return iter((answer.head(version),)) if method == "HEAD" else answer.parts(version)

    def _answer(self, method: str, path: str) -> Answer:
        content = self._contents().get(path) or self._about(path)
        if content is None:
            return problem(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return problem(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return content()
        except MemoryError:  # ends the process
            raise
        # Whatever a part of the agent does when asked, the server must go on answering for the others.
        except Exception as error:
            logger.opt(exception=error).error("A request could not be answered", path=path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _contents(self) -> dict[str, Callable[[], Answer]]:
        return {
            "/metrics": lambda: _in_pieces(METRICS_TYPE, self.metrics()),
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/status": lambda: _in_pieces(_JSON_TYPE, self.status()),
            "/plans": lambda: _in_pieces(_JSON_TYPE, self.plans()),
        }

    def _about(self, path: str) -> Callable[[], Answer] | None:
        """Find what a path about one actuator answers; None where it is about none."""
        if not path.startswith(WHY):
            return None
        return lambda: self._why(path.removeprefix(WHY))

    def _why(self, actuator: str) -> Answer:
        found = self.why(actuator)
        return problem(HTTPStatus.NOT_FOUND) if found is None else Answer.json(HTTPStatus.OK, found)

    def _live(self) -> Answer:
        reason = self.live() or "ok"
        return Answer.json(_health(fine=reason == "ok"), {"live": reason == "ok", "reason": reason})

    def _ready(self) -> Answer:
        parts = {part: reason or "ok" for part, reason in self.ready().items()}
        fine = all(reason == "ok" for reason in parts.values())
        parts |= {part: reason or "ok" for part, reason in self.dispensable().items()}
        return Answer.json(_health(fine=fine), {"ready": fine, "parts": parts, "notes": dict(self.notes())})


def _path(target: str) -> str:
    """Reduce a request target (`/path?query`, or a whole URL as proxies send it) to its path."""
    if target.lower().startswith("http://"):
        target = "/" + target[len("http://") :].partition("/")[2]
    return target.partition("?")[0]


def _in_pieces(content_type: str, pieces: Iterator[bytes]) -> Answer:
    first = next(pieces, b"")  # what fails at once is an answer of its own
    return Answer(HTTPStatus.OK, content_type, b"", chain((first,), pieces))


def _health(*, fine: bool) -> HTTPStatus:
    return HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE


def problem(status: HTTPStatus) -> Answer:
    """Answer with an error."""
    return Answer.json(status, {"error": status.phrase})
