"""Recordings of what came in, one JSON line a turn, and their way back through the loop.

The first line tells who recorded: `{"recording": 1, "agent": …, "mode": …, "epoch": …, "boot": …}`. Each further line
is the input of one turn: `{"at": RFC 3339, "seconds": monotonic, "messages": […], "deliveries": […], "breakers": […],
"renewals": […], "links": […], "epochs": […], "refusals": […], "operations": […]}`, each where it holds anything, with
`"sure": false` where the wall clock was not known to be right.
For files written by hand a line may also be a single message, `{"at": …, "topic": …, "payload": …}`; before such a line
time passes in steps of one second, while between recorded turns it passes as it did.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_agent.errors import RecordingError
from edge_agent.model.commands import Mode  # noqa: TC001  # pydantic reads it at run time
from edge_agent.model.inbox import (
    BreakerReport,
    CutReason,
    DeliveryReport,
    EpochReport,
    Inbox,
    LinkReport,
    Message,
    Operation,
    Receipt,
    RefusalReport,
    RenewalReport,
    Route,
)
from edge_agent.model.time import MICROSECONDS, Moment, parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Steps in which time passes between lines that were written by hand.
FILL_SECONDS = 1.0


class JsonRecorder:
    """Writes a recording, line by line, as the turns come."""

    def __init__(self, file: IO[str], *, agent: str, mode: Mode, epoch: int, boot: str = "") -> None:
        self._file = file
        self._line({"recording": 1, "agent": agent, "mode": mode, "epoch": epoch, "boot": boot})

    def record(self, inbox: Inbox, now: Moment) -> None:
        """Keep the input of one turn. A changed policy is not kept: a replay judges by the plant file it is given.

        Raises RecordingError where the file cannot be written.
        """
        line: dict[str, Any] = {"at": rfc3339(now.at), "seconds": now.seconds}
        if not now.sure:
            line["sure"] = False
        if inbox.messages:
            line["messages"] = [_message_out(message) for message in inbox.messages]
        if inbox.deliveries:
            line["deliveries"] = [list(report) for report in inbox.deliveries]
        if inbox.breakers:
            line["breakers"] = [list(report) for report in inbox.breakers]
        if inbox.renewals:
            line["renewals"] = [report.detail for report in inbox.renewals]
        if inbox.links:
            line["links"] = [report.connected for report in inbox.links]
        if inbox.epochs:
            line["epochs"] = [list(report) for report in inbox.epochs]
        if inbox.refusals:
            line["refusals"] = [report.detail for report in inbox.refusals]
        if inbox.operations:
            line["operations"] = [list(operation) for operation in inbox.operations]
        self._line(line)

    def _line(self, content: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")
        except OSError as error:
            raise RecordingError(f"the recording cannot be written: {error.strerror or error}") from error


def _message_out(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"topic": message.topic}
    try:
        out["payload"] = message.payload.decode()
    except UnicodeDecodeError:
        out["base64"] = b64encode(message.payload).decode()
    if message.receipt is not None:
        out["packet"] = message.receipt.packet
    if message.retained:
        out["retained"] = True
    if message.redelivered:
        out["redelivered"] = True
    if message.cut is not None:
        out["cut"] = message.cut
    return out


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Header(_Strict):
    """The first line of a recording. A file without one is replayed as `replay`, in mode auto, epoch 1."""

    recording: Literal[1] = 1
    agent: str = "replay"
    mode: Mode = "auto"
    epoch: int = 1
    boot: str = ""


class _Message(_Strict):
    topic: str
    payload: str = ""
    base64: str | None = None
    packet: int | None = None
    retained: bool = False
    redelivered: bool = False
    cut: CutReason | None = None


class _Line(_Strict):
    at: str
    seconds: float | None = None
    sure: bool = True
    messages: list[_Message] = Field(default_factory=list)
    deliveries: list[tuple[str, Literal["published", "failed", "expired"], str]] = Field(default_factory=list)
    breakers: list[tuple[str, Literal["open", "half_open", "closed"]]] = Field(default_factory=list)
    renewals: list[str] = Field(default_factory=list)
    links: list[bool] = Field(default_factory=list)
    epochs: list[tuple[int, str]] = Field(default_factory=list)
    refusals: list[str] = Field(default_factory=list)
    operations: list[tuple[Literal["reset", "release"], str, str, str]] = Field(default_factory=list)


class _Single(_Message):
    at: str


_Content = Header | _Line | _Single
_KINDS: dict[str, TypeAdapter[_Content]] = {
    "header": TypeAdapter(Header),
    "turn": TypeAdapter(_Line),
    "message": TypeAdapter(_Single),
}


class RecordedTurn(NamedTuple):
    """The input of one turn, as it was."""

    now: Moment
    inbox: Inbox


class Recording:
    """Reads a recording. Raises RecordingError naming the line that cannot be read."""

    def __init__(self, lines: Iterable[str], parse: Callable[[str], Route]) -> None:
        self._parse = parse
        self._lines = enumerate(lines, start=1)
        self._number = 0
        self.header, self._pending = Header(), self._next()
        if isinstance(self._pending, Header):
            self.header, self._pending = self._pending, self._next()

    def _next(self) -> _Content | None:
        for number, text in self._lines:
            self._number = number
            if text.strip():
                return self._read(text)
        return None

    def _read(self, text: str) -> _Content:
        try:
            content = json.loads(text)
            kind = "header" if "recording" in content else "message" if "topic" in content else "turn"
            return _KINDS[kind].validate_json(text)
        except (ValueError, TypeError, RecursionError) as error:  # a ValidationError is a ValueError
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> RecordingError:
        return RecordingError(f"line {self._number} is no part of a recording: {_short(error)}")

    @property
    def start(self) -> Moment:
        """The moment of the first turn. Raises RecordingError where there is none."""
        if self._pending is None or isinstance(self._pending, Header):
            raise RecordingError("the recording is empty")
        return self._moment(self._pending, None)

    def turns(self) -> Iterator[RecordedTurn]:
        """Yield the turns; before a line written by hand, time passes in steps of one second."""
        last: Moment | None = None
        while self._pending is not None:
            line = self._pending
            if isinstance(line, Header):
                raise RecordingError(f"line {self._number} is a second header")
            now = self._moment(line, last)
            while last is not None and _by_hand(line) and now.seconds - last.seconds > FILL_SECONDS:
                last = last._replace(
                    at=last.at + round(FILL_SECONDS * MICROSECONDS), seconds=last.seconds + FILL_SECONDS
                )
                yield RecordedTurn(last, Inbox())
            yield RecordedTurn(now, self._inbox(line))
            last = now
            self._pending = self._next()

    def _moment(self, line: _Line | _Single, last: Moment | None) -> Moment:
        try:
            at = parse_rfc3339(line.at)
        except ValueError as error:
            raise RecordingError(f"line {self._number}: {error}") from error
        seconds = line.seconds if isinstance(line, _Line) else None
        if seconds is None:  # written by hand: the wall is its only clock
            seconds = at / MICROSECONDS if last is None else last.seconds_at(at)
        moment = Moment(at, seconds, self.header.boot, line.sure if isinstance(line, _Line) else True)
        if last is not None and moment.seconds < last.seconds:
            raise RecordingError(f"line {self._number} is from before the line above it")
        return moment

    def _inbox(self, line: _Line | _Single) -> Inbox:
        if isinstance(line, _Single):
            return Inbox([self._message(line)])
        return Inbox(
            [self._message(message) for message in line.messages],
            [DeliveryReport(*report) for report in line.deliveries],
            [BreakerReport(*report) for report in line.breakers],
            [RenewalReport(detail) for detail in line.renewals],
            None,
            [LinkReport(connected) for connected in line.links],
            [EpochReport(*report) for report in line.epochs],
            [RefusalReport(detail) for detail in line.refusals],
            [Operation(*operation) for operation in line.operations],
        )

    def _message(self, line: _Message) -> Message:
        try:
            payload = line.payload.encode() if line.base64 is None else b64decode(line.base64, validate=True)
        except ValueError as error:
            raise self._unreadable(error) from error
        receipt = None if line.packet is None else Receipt(0, line.packet)
        route = self._parse(line.topic)
        return Message(route, line.topic, payload, receipt, line.retained, line.redelivered, line.cut)


def _by_hand(line: _Line | _Single) -> bool:
    """Tell a line that was written by hand: a recorded one names its monotonic time, and every turn there was."""
    return isinstance(line, _Single) or line.seconds is None


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'it'}: {first['msg']}"
    return str(error)
