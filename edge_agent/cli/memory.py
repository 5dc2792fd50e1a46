"""The end of a process that has run out of memory: at once, with a word and a code, so that it is started anew.

What is left of it could be a part that is gone while the others go on. Nothing that was acknowledged is lost: the end
is that of a power cut, after which the broker says the last will and delivers again.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from loguru import logger

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

EXIT_CODE = 1
#: Written past the log, which needs memory itself, or may have a thread of its own that would not come to it any more.
_WORD = b"edge-agent: out of memory, the process ends\n"


def end_at_once() -> None:
    """End the process."""
    with suppress(BaseException):
        logger.critical("The agent has run out of memory and ends")
    with suppress(BaseException):
        os.set_blocking(2, False)  # nobody may read it
        os.write(2, _WORD)
    os._exit(EXIT_CODE)


def watch_callbacks(loop: asyncio.AbstractEventLoop) -> None:
    """End the process where a callback of the event loop finds no memory: asyncio would note it and go on."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), MemoryError):
            end_at_once()
        loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


@contextmanager
def ending_without_memory() -> Iterator[None]:
    """End the process where a task finds no memory, alone or with others."""
    try:
        yield
    except* MemoryError:
        end_at_once()
