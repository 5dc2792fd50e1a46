"""Cancellations that libraries lose: the one place where they are heeded after all.

`asyncio.wait_for` before Python 3.12 swallows a cancellation that comes together with the result; aiomqtt and
psycopg's pool wait by it. A TaskGroup before Python 3.13 drops one that comes together with the failure of a task, and
redis-py 8.1 one that comes while it greets a new connection. A task that was asked to end then goes on for ever.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Raise CancelledError at the end of a step in which the present task was asked to end, whatever the step did.

    What the step has acquired must be given back by whoever stands around it.
    """
    before = _requests()
    try:
        yield
    finally:
        if _requests() > before:
            raise asyncio.CancelledError


def _requests() -> int:
    """Count how often the present task was asked to end and has not ended."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
