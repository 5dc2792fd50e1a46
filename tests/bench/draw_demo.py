"""Draws the picture of the demo's live view for the README, from a real run: python tests/bench/draw_demo.py.

Takes about two minutes. The frame that is drawn is the last one in which most was going on.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from edge_agent.demo.show import ShowOptions, show
from edge_agent.demo.view import render
from edge_agent.settings.agent import Settings
from edge_agent.settings.plantfile import load_plant_file

if TYPE_CHECKING:
    from edge_agent.demo.view import Picture

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 100, 30
# Until half past eight in the morning, when the village takes more than one pump gives.
SPEED, DURATION_SECONDS = 300.0, 104.0


def draw(picture: Picture, path: Path) -> None:
    """Write one frame as SVG."""
    console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
    console.print(render(picture, WIDTH, HEIGHT))
    console.save_svg(str(path), title="edge-agent demo")


class Best:
    """Keeps a copy of the drawing of the busiest frame."""

    def __init__(self, path: Path) -> None:
        self._path, self._most = path, (0, 0)

    def watch(self, picture: Picture) -> None:
        running = sum(view.state == "running" for view in picture.snapshot.actuators)
        active = sum(alarm.active for alarm in picture.snapshot.alarms)
        if (running, active) >= self._most:
            self._most = (running, active)
            draw(picture, self._path)


def main() -> None:
    file = load_plant_file(ROOT / "config" / "plant.toml")
    console = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, height=HEIGHT)
    options = ShowOptions(SPEED, DURATION_SECONDS, live=True, watch=Best(ROOT / "docs" / "demo.svg").watch)
    asyncio.run(show(Settings(), file, options, console, asyncio.Event()))


if __name__ == "__main__":
    main()
