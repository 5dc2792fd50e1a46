"""`edge-agent run` whose store hangs in a write, as on a disk that does not answer; a reading waits for it."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from support.plants import reading

from edge_agent.cli.run import run
from edge_agent.runtime.clock import SystemClock

if TYPE_CHECKING:
    from edge_agent.runtime.agent import Parts


def spawn_stuck(arguments: list[str], cwd: Path, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start such an agent; for `AgentProcess`."""
    env = env | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, __file__, *arguments], cwd=cwd, env=env, stdout=file, stderr=file)


def _rewire(parts: Parts) -> Parts:
    async def hang() -> None:
        never = Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.journal._connection.run(lambda _db: never.wait()), name="hang")
            parts.inbox.extend([reading(3.0, SystemClock().now())])

    return replace(parts, upkeep=hang)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["run"])
    parser.parse_args()
    sys.exit(run(argparse.Namespace(config=None, plant=None, record=None), rewire=_rewire))
