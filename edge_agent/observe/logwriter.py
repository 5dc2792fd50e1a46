"""Log lines leave the loop here: into a bounded queue, and from a thread of its own to the file."""

from __future__ import annotations

import io
import os
import select
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from edge_agent.model.harmless import harmless_lines

if TYPE_CHECKING:
    from collections.abc import Callable

#: Lines that wait for a reader that stands still, and bytes of the longest: 16 MB at the very most.
MOST_LINES = 1_000
MOST_LINE_BYTES = 16_384
#: How long the end of the process waits for what is still in the queue.
CLOSE_SECONDS = 1.0
#: How long a descriptor that does not take more is waited for before it is tried again; and the shortest beat.
BEAT_SECONDS = 1.0
_CUT = b"...\n"


class LogWriter:
    """Accepts lines without ever waiting, and writes them in order; a reader that stands still stops nobody.

    When the queue is full new lines are lost, and counted; what led to it is kept. `beat` is called from the writing
    thread after each line, and again after the seconds that it returns, unless that is None; `tell` with the number of
    lines that were lost, once there is room again. Both may put lines.
    """

    def __init__(
        self,
        descriptor: int | None,
        *,
        beat: Callable[[], float | None] = lambda: None,
        tell: Callable[[int], None] = lambda _: None,
        most_lines: int = MOST_LINES,
    ) -> None:
        """Write to a file descriptor, which stays open; None: every line is lost."""
        self._descriptor, self._beat, self._tell, self._most = descriptor, beat, tell, most_lines
        self._refused = self._failed = 0  # lost for want of room; because they could not be written
        self._told = 0  # of both
        self._closed = False
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        # A daemon: where it hangs in a write, the process ends without it.
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many lines will never be read."""
        return self._refused + self._failed

    def put(self, line: str) -> None:
        """Queue a line, with the newline at its end, to be written. Never waits."""
        if self._descriptor is None or self._closed or self._queue.qsize() >= self._most:
            self._refused += 1
            return
        data = line.encode("utf-8", "backslashreplace")
        if len(data) > MOST_LINE_BYTES:
            data = data[: MOST_LINE_BYTES - len(_CUT)] + _CUT
        self._queue.put(data)

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Write what waits, for so long at the most; return whether all is written. What comes later is lost.

        Where nobody reads by then the descriptor is pointed at nothing: whoever else writes to it would wait for ever.
        """
        self._queue.put(None)
        self._thread.join(seconds)
        self._closed = True
        is_written = not self._thread.is_alive()
        if self._descriptor is not None and not (is_written and self._takes(seconds)):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)
            os.close(nowhere)
        return is_written

    def _takes(self, seconds: float) -> bool:
        """Wait until a line could be written without waiting; return False where it could not in time."""
        return self._descriptor is not None and bool(select.select([], [self._descriptor], [], seconds)[1])

    def _run(self) -> None:
        patience: float | None = None
        while True:
            try:
                data = self._queue.get(timeout=patience)
            except Empty:
                data = b""
            if data is None:
                break
            self._handle(data)
            seconds = self._beat()
            patience = None if seconds is None else max(seconds, BEAT_SECONDS)
        self._tell_lost()
        while not self._queue.empty():  # the sentence about lost lines
            self._write(self._queue.get() or b"")

    def _handle(self, data: bytes) -> None:
        if not self._write(data):
            self._failed += 1
        elif self._queue.qsize() <= self._most // 2:
            self._tell_lost()

    def _tell_lost(self) -> None:
        lines, self._told = self.lost - self._told, self.lost
        if lines:
            self._tell(lines)

    def _write(self, data: bytes) -> bool:
        """Write a line, however long that takes; return False where it cannot be written."""
        if self._descriptor is None:
            return False
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # somebody else has set it so
                self._takes(BEAT_SECONDS)
            except OSError:
                return False
        return True


class Aside(io.TextIOBase):
    """Stands in for standard error: what Python says there by itself (warnings, lost exceptions) waits for nobody."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put, self._rest = put, ""

    def write(self, text: str) -> int:
        """Keep text until its line is whole, or too long."""
        whole, newline, self._rest = (self._rest + text).rpartition("\n")
        if newline:
            self._put(harmless_lines(whole) + newline)
        if len(self._rest) > MOST_LINE_BYTES:
            self._put(harmless_lines(self._rest) + "\n")
            self._rest = ""
        return len(text)
