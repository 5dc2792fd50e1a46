"""The event loop that the agent runs in: uvloop where it is installed, as the extra `uvloop`, else that of Python."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from edge_agent.settings.sections import EventLoop

T = TypeVar("T")


def run_in(choice: EventLoop, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to its end in a fresh event loop of the kind. Raises UsageError where it is not installed."""
    with asyncio.Runner(loop_factory=_factory(choice)) as runner:
        return runner.run(main())


def _factory(choice: EventLoop) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if choice == "asyncio" or (choice == "auto" and find_spec("uvloop") is None):
        return None
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError as error:
        raise UsageError('agent.event_loop is "uvloop", which is not installed: see docs/install.md') from error
    return factory
