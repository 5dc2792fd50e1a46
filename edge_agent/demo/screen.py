"""What keeps showing the demo while it runs: the live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from rich.live import Live

from edge_agent.demo.view import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from edge_agent.demo.view import Picture

#: Real seconds between two frames.
FRAME_SECONDS = 0.25
#: Real seconds between two status lines.
STATUS_SECONDS = 5.0
_KEPT_LOG_LINES = 200


class HeldLog(io.StringIO):
    """Keeps what is logged while the screen is in use: the newest lines, to be written when it is free again."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=_KEPT_LOG_LINES)
        self.count = 0

    def write(self, text: str) -> int:
        """Keep a record."""
        self._lines.append(text)
        self.count += 1
        return len(text)

    def take(self) -> list[str]:
        """Hand over what is kept."""
        lines = list(self._lines)
        self._lines.clear()
        return lines


async def show_live(console: Console, picture: Callable[[], Picture]) -> NoReturn:
    """Draw frames until cancelled, on the terminal's other screen; what stood there before comes back."""
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            live.update(render(picture(), *console.size), refresh=True)
            await asyncio.sleep(FRAME_SECONDS)


async def show_plain(status: Callable[[], None]) -> NoReturn:
    """Print a status line every few seconds until cancelled."""
    while True:
        await asyncio.sleep(STATUS_SECONDS)
        status()
