"""Recordings on their way back through the loop: one JSON line a turn.

A header tells who recorded, and all that it knew: `{"recording": 4, "agent": …, "mode": …, "epoch": …, "boot": …,
"version": …, "site": …, "topic_prefix": …, "state": …}`. There is one at each start, where a file begins, and where
lines were lost. Each further line is the input of one turn: `{"at": RFC 3339, "seconds": monotonic, "messages": […],
"events": […]}`, each where it holds anything, with `"sure": false` where the wall clock was not known to be right.
For files written by hand a line may also be a single message, `{"at": …, "topic": …, "payload": …}`; before such a line
time passes in steps of one second, while between recorded turns it passes as it did.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_agent.errors import RecordingError
from edge_agent.known import Knowledge
from edge_agent.model.commands import Mode  # pydantic reads it at run time
from edge_agent.model.inbox import (
    CutReason,
    Inbox,
    Message,
    Receipt,
    Route,
)
from edge_agent.model.time import MICROSECONDS, Moment, parse_rfc3339
from edge_agent.runtime.freezing import thaw
from edge_agent.runtime.recordedevents import FORM, FORMER, event_from_json, of_former_form
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_agent.model.inbox import Event

#: Steps in which time passes between lines that were written by hand.
FILL_SECONDS = 1.0


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Header(_Strict):
    """Who recorded, and what it knew. A file without one is replayed as `replay`, in mode auto, epoch 1.

    `start`: a process began with it; else it goes on, after `lost` turns that are not in the recording, or in a new
    file. One written by hand may have no `state`.
    """

    recording: Literal[1, 2, 3, 4, 5] = FORM
    agent: str = "replay"
    mode: Mode = "auto"
    epoch: int = 1
    boot: str = ""
    version: str = ""
    site: str | None = None
    topic_prefix: str | None = None
    start: bool = True
    lost: int = 0
    state: dict[str, Any] | None = None

    def knowledge(self) -> Knowledge | None:
        """Make what the agent knew; None where the recording does not tell. Raises RecordingError."""
        if self.state is None:
            return None
        if self.version != installed_version() or self.recording != FORM:
            told = f"what the agent knew was recorded by version {self.version}, this is {installed_version()}"
            if self.version == installed_version():
                told = "what the agent knew was recorded by another build of this version"
            raise RecordingError(f"{told}; judge the recording by a plant file instead, with --plant")
        found = thaw(self.state)
        if not isinstance(found, Knowledge):
            raise RecordingError("what the agent knew cannot be read: it is something else")
        found.analyzer.reindex()
        return found


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
    events: list[dict[str, Any]] = Field(default_factory=list)


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
    """Reads a recording. Raises RecordingError naming the line that cannot be read.

    `parse` tells what a topic carries; it may be set when the header has told whose they are.
    """

    def __init__(self, lines: Iterable[str], parse: Callable[[str], Route] | None = None) -> None:
        self.parse = parse
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
            if kind == "turn" and not FORMER.isdisjoint(content):
                text = json.dumps(of_former_form(content))
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
        """Yield the turns of all parts."""
        return (part for part in self.parts() if isinstance(part, RecordedTurn))

    def parts(self) -> Iterator[Header | RecordedTurn]:
        """Yield headers and turns; before a line written by hand, time passes in steps of one second."""
        yield self.header
        last: Moment | None = None
        while self._pending is not None:
            line = self._pending
            if isinstance(line, Header):
                self.header, last = line, None
                yield line
            else:
                now = self._moment(line, last)
                yield from _filled(line, last, now)
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
        return Inbox([self._message(each) for each in line.messages], [self._event(each) for each in line.events])

    def _event(self, content: dict[str, Any]) -> Event:
        try:
            return event_from_json(content)
        except (ValueError, RecordingError) as error:
            raise self._unreadable(error) from error

    def _message(self, line: _Message) -> Message:
        try:
            payload = line.payload.encode() if line.base64 is None else b64decode(line.base64, validate=True)
        except ValueError as error:
            raise self._unreadable(error) from error
        receipt = None if line.packet is None else Receipt(0, line.packet)
        if self.parse is None:
            raise RecordingError("nobody has told whose topics these are")
        return Message(self.parse(line.topic), line.topic, payload, receipt, line.retained, line.redelivered, line.cut)


def _filled(line: _Line | _Single, last: Moment | None, now: Moment) -> Iterator[RecordedTurn]:
    """Yield the turns between the last line and one that was written by hand."""
    while last is not None and _by_hand(line) and now.seconds - last.seconds > FILL_SECONDS:
        last = last._replace(at=last.at + round(FILL_SECONDS * MICROSECONDS), seconds=last.seconds + FILL_SECONDS)
        yield RecordedTurn(last, Inbox())


def _by_hand(line: _Line | _Single) -> bool:
    """Return whether a line was written by hand: a recorded one names its monotonic time, and every turn there was."""
    return isinstance(line, _Single) or line.seconds is None


_FIRST_LINE = re.compile(r" at line 1(?= column \d+$)")


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'it'}: {_FIRST_LINE.sub(' in', first['msg'])}"
    if isinstance(error, json.JSONDecodeError):  # its own sentence calls each line of a recording the first
        return f"{error.msg[:1].lower()}{error.msg[1:]} in column {error.colno}"
    return str(error)
