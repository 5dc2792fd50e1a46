"""Waiting for a condition with a deadline, for tests: they never sleep for a fixed time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PROBE_SECONDS = 0.01


async def wait_until(condition: Callable[[], object], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a deadline is its purpose
    """Return when the condition holds; fail with its name when the deadline (seconds) passes first."""
    try:
        async with asyncio.timeout(timeout):
            while not condition():  # noqa: ASYNC110 - the condition may lie outside of this process
                await asyncio.sleep(_PROBE_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {timeout:g} s: {_name(condition)}") from None


def block_until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Do the same without an event loop, for tests that watch other processes."""
    deadline = time.perf_counter() + timeout
    while not condition():
        if time.perf_counter() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {_name(condition)}")
        time.sleep(_PROBE_SECONDS)


def rarely(look: Callable[[], object], seconds: float = 0.25) -> Callable[[], object]:
    """Make a condition that is looked at only so often, where looking disturbs what is measured."""
    again_at = 0.0

    def holds() -> object:
        nonlocal again_at
        if time.perf_counter() < again_at:
            return False
        again_at = time.perf_counter() + seconds
        return look()

    return holds


def _name(condition: Callable[[], object]) -> str:
    code = getattr(condition, "__code__", None)
    return f"{condition!r} at {code.co_filename}:{code.co_firstlineno}" if code else repr(condition)
