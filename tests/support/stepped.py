"""The agent with a wall clock that can be set while it runs, as a time server or a hand does: `edge-agent run` else.

As a program it reads how far its wall clock is off, in microseconds, from a file of its folder at each look.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.cli.run import run
from edge_agent.model.time import MICROSECONDS
from edge_agent.runtime.clock import SystemClock

if TYPE_CHECKING:
    from edge_agent.model.time import Moment
    from edge_agent.runtime.agent import Parts

_FILE = "clock-offset"
_FORM = "<q"


class SteppedClock(SystemClock):
    """Real time whose wall clock is off by what a file says; the monotonic count does not notice."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = os.open(file, os.O_RDONLY)

    def now(self) -> Moment:
        real = super().now()
        (offset,) = struct.unpack(_FORM, os.pread(self._file, struct.calcsize(_FORM), 0))
        return real._replace(at=real.at + offset)


def step_clock(folder: Path, seconds: float) -> None:
    """Set the wall clock of the agent in a folder, running or not, so far off real time."""
    (folder / _FILE).touch()
    with (folder / _FILE).open("r+b", buffering=0) as file:
        file.write(struct.pack(_FORM, round(seconds * MICROSECONDS)))


def spawn_stepped(arguments: list[str], cwd: Path, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start an agent with such a clock; for `AgentProcess`."""
    step_clock(cwd, 0)
    env = env | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, __file__, *arguments], cwd=cwd, env=env, stdout=file, stderr=file)


def _rewire(parts: Parts) -> Parts:
    return replace(parts, clock=SteppedClock(Path(_FILE)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["run"])
    parser.parse_args()
    sys.exit(run(argparse.Namespace(config=None, plant=None, record=None), rewire=_rewire))
