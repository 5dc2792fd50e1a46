"""Writes recordings: all that a turn is given, line by line, after what the agent knew before."""

from __future__ import annotations

import json
from base64 import b64encode
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from edge_agent.model.time import rfc3339
from edge_agent.runtime.freezing import Capture
from edge_agent.runtime.recordedevents import FORM, event_to_json, is_large
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.known import Knowledge
    from edge_agent.model.inbox import Inbox, Message
    from edge_agent.model.time import Moment
    from edge_agent.ports.observing import Lines

#: So long lines wait for others, in plant seconds, and so many characters: what a kill costs.
FLUSH_SECONDS = 0.25
_FLUSH_CHARACTERS = 1 << 18
_json = json.JSONEncoder(separators=(",", ":")).encode
_DAY = 10  # characters of an RFC 3339 time


class JsonRecorder:
    """Records the input of every turn. Begins with all that the agent knows, and so again each day, or after a loss.

    What it knows is noted in pieces between two turns, 30 µs a sensor in all, and made text of beside the loop.
    """

    def __init__(self, lines: Lines, knowledge: Knowledge, topic_prefix: str) -> None:
        self._out, self._knowledge, self._topic_prefix = lines, knowledge, topic_prefix
        self._held: list[str] = []
        self._characters = 0
        self._flushed_seconds = float("-inf")
        self._day = ""
        self._begun = False  # the first header is written
        self.lost = 0  # turns since the last header that are not in the recording

    def prepare(self, now: Moment) -> Iterator[None]:
        """Note what the agent knows, in pieces, where that is due before the next turn.

        Raises RecordingError where the file cannot be written.
        """
        day = rfc3339(now.at)[:_DAY]
        if self._begun and (day != self._day or self._out.is_large):
            self.flush(now)
            if self._out.put_aside(self._day):
                self._day = day
                yield from self._begin(now, start=False)
        elif not self._begun or self.lost:
            self._day = self._day or day
            yield from self._begin(now, start=not self._begun)

    def record(self, inbox: Inbox, now: Moment) -> None:
        """Keep the input of one turn, before it is run. Raises RecordingError where the file cannot be written."""
        line = _line(inbox, now)
        if any(map(is_large, inbox.events)):
            self.flush()
            self._write(_text(line))
        else:
            self._hold(_json(line) + "\n")
        if self._characters >= _FLUSH_CHARACTERS or now.seconds - self._flushed_seconds >= FLUSH_SECONDS:
            self.flush(now)

    def flush(self, now: Moment | None = None) -> None:
        """Hand on the lines that wait for others."""
        if self._held:
            self._write(self._held, len(self._held))
        self._held = []
        self._characters = 0
        if now is not None:
            self._flushed_seconds = now.seconds

    def _write(self, text: Iterable[str], lines: int = 1) -> None:
        if not self._out.write(text):
            self.lost += lines

    def _begin(self, now: Moment, *, start: bool) -> Iterator[None]:
        """Write what the agent knows."""
        knowledge, self._begun = self._knowledge, True
        capture = Capture(knowledge)
        yield from capture.pieces()
        executor = knowledge.executor
        header = {"recording": FORM, "agent": knowledge.agent, "mode": executor.mode, "epoch": executor.epoch}
        header |= {"boot": now.boot, "version": installed_version(), "site": knowledge.plant.site}
        header |= {"topic_prefix": self._topic_prefix, "start": start, "lost": self.lost}
        self.lost = 0
        self.flush()
        self._write(_text(header | {"state": capture}))

    def _hold(self, text: str) -> None:
        self._held.append(text)
        self._characters += len(text)


def _text(content: dict[str, Any]) -> Iterator[str]:
    """Yield a line that has captures in it, bit by bit."""
    yield from _pieces(content)
    yield "\n"


def _pieces(content: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(content, Capture):
        yield from content.text()
    elif isinstance(content, dict) and content:
        for opening, (name, each) in zip(chain("{", repeat(",")), content.items(), strict=False):
            yield f"{opening}{_json(name)}:"
            yield from _pieces(each)
        yield "}"
    elif isinstance(content, list) and content:
        for opening, each in zip(chain("[", repeat(",")), content, strict=False):
            yield opening
            yield from _pieces(each)
        yield "]"
    else:
        yield _json(content)


def _line(inbox: Inbox, now: Moment) -> dict[str, Any]:
    line: dict[str, Any] = {"at": rfc3339(now.at), "seconds": now.seconds}
    if not now.sure:
        line["sure"] = False
    found = {
        "messages": [_message(message) for message in inbox.messages],
        "events": [event_to_json(event) for event in inbox.events],
    }
    return line | {name: content for name, content in found.items() if content}


def _message(message: Message) -> dict[str, Any]:
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
