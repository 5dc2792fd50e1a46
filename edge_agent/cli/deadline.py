"""The end of a process that cannot finish: a write that hangs in the kernel is waited for so long, and no longer."""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Timer
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.observe.logwriter import LogWriter

#: What finishes in order has ended by then (see runtime/agent.py); the interface promises less than ten seconds.
END_SECONDS = 8.5
_LOG_SECONDS = 0.3
EXIT_CODE = 1


class EndDeadline:
    """Ends the process a while after it was asked to end, from a thread of its own: the event loop may wait too.

    Nothing that was acknowledged is lost by it: the end is that of a power cut, after which the broker delivers again.
    """

    def __init__(self, log: LogWriter, *, seconds: float = END_SECONDS) -> None:
        self._log, self._seconds = log, seconds
        self._timer: Timer | None = None

    def begin(self, unwritten: Callable[[], str]) -> None:
        """Count from now; `unwritten` says in a sentence what is not written yet. A second call changes nothing."""
        if self._timer is None:
            self._timer = Timer(self._seconds, self._end, [unwritten])
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Note that all has ended."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, unwritten: Callable[[], str]) -> None:
        with suppress(Exception):
            logger.bind(unwritten=unwritten()).error("Not everything could be written in time; the process ends")
            self._log.close(_LOG_SECONDS)
        os._exit(EXIT_CODE)
