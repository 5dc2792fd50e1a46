"""The command that shows the loop: broker, plant and agent in one process."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console

from edge_agent.cli.run import single, stop_on_signals, written
from edge_agent.demo.show import ShowOptions, show
from edge_agent.settings.agent import load_settings
from edge_agent.settings.plantfile import find_plant, load_plant_file

if TYPE_CHECKING:
    import argparse

    from edge_agent.settings.agent import Settings
    from edge_agent.settings.plantfile import PlantFile


def demo(arguments: argparse.Namespace) -> int:
    """Run broker, plant and agent in one process, and sum up at the end."""
    settings = load_settings(arguments.config, os.environ)
    file = load_plant_file(find_plant(arguments.plant))
    console = Console()
    live = not arguments.plain and sys.stdout.isatty() and not console.is_dumb_terminal
    with ExitStack() as stack:
        recording = None if arguments.record is None else stack.enter_context(written(arguments.record))
        options = ShowOptions(arguments.speed, arguments.duration, live, recording)
        return single(lambda: asyncio.run(_demo(settings, file, options, console)))


async def _demo(settings: Settings, file: PlantFile, options: ShowOptions, console: Console) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop.set, also_when_the_terminal_closes=True)
    await show(settings, file, options, console, stop)
    return 0
