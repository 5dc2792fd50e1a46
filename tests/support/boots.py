"""The agent on a machine that boots with a wrong clock: `edge-agent run` with libfaketime, and boots by name.

    machine = Machine()
    agent = AgentProcess(folder, port, spawn=machine)
    agent.start()                                  # at the true time, which something keeps right
    agent.kill()
    machine.boot("two", ahead=-3600, sure=False)   # for the next start: an hour behind, and nobody knows
    agent.start()
    machine.set_clock(agent.folder, ahead=0, sure=True)   # a time server is reached while it runs

Only the wall clock is shifted: interval timers and the uptime go on, as they do on a real machine. An agent that has
started with a wrong clock sees it set within a second; one that has started with a right one keeps that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edge_agent.cli.run import run
from edge_agent.runtime.clock import SystemClock

_AHEAD, _SURE, _BOOT = "wall-ahead", "wall-sure", "EDGE_TEST_BOOT"
_SAME_SECONDS, _TOGETHER_SECONDS = 0.5, 0.01
# The one with locks lets threads that want Python's own lock stand in each other's way for seconds.
_LIBRARIES = ("libfaketime.so.1", "libfaketimeMT.so.1")
_PLACES = ("/usr/lib", "/usr/local/lib")


def library() -> Path | None:
    """Return the library that shifts a process' clocks; None where the package faketime is not installed."""
    return next((found for name in _LIBRARIES for place in _PLACES for found in Path(place).rglob(name)), None)


@dataclass
class Machine:
    """How the machine stands at the next start of an agent; the `spawn` of an AgentProcess."""

    name: str = "one"
    ahead: float = 0.0
    sure: bool = True

    def boot(self, name: str, *, ahead: float = 0.0, sure: bool = True) -> None:
        """Begin another boot; an empty name where the agent cannot know it."""
        self.name, self.ahead, self.sure = name, ahead, sure

    def set_clock(self, folder: Path, *, ahead: float, sure: bool) -> None:
        """Set the wall clock so many seconds ahead of the true time, under a running agent too."""
        self.ahead, self.sure = ahead, sure
        for name, content in ((_SURE, f"{int(sure)} {_offset() + ahead}"), (_AHEAD, f"{ahead:+.3f}")):
            fresh = folder / f"{name}.new"
            fresh.write_text(content, encoding="ascii")
            fresh.replace(folder / name)

    def __call__(self, arguments: list[str], cwd: Path, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        self.set_clock(cwd, ahead=self.ahead, sure=self.sure)
        env = env | {
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
            _BOOT: self.name,
        }
        if self.ahead:
            env |= {
                "LD_PRELOAD": str(library()),
                "FAKETIME_TIMESTAMP_FILE": str((cwd / _AHEAD).absolute()),
                "FAKETIME_CACHE_DURATION": "1",  # reading the file at each look at a clock takes longer than all else
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
        with log.open("ab") as file:
            return subprocess.Popen([sys.executable, __file__, *arguments], cwd=cwd, env=env, stdout=file, stderr=file)


def _sure() -> bool:
    """Return whether the wall clock is right; not before it shows what it was set to."""
    sure, offset = Path(_SURE).read_text(encoding="ascii").split()
    return sure == "1" and abs(_offset() - float(offset)) < _SAME_SECONDS


def _offset() -> float:
    """Return the wall less the monotonic count of this process, which may have to wait between two looks at clocks."""
    while True:
        before, wall, after = time.monotonic(), time.time(), time.monotonic()  # noqa: TID251 - what is faked, or not
        if after - before < _TOGETHER_SECONDS:
            return wall - after


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    clock = SystemClock(boot=os.environ[_BOOT], synchronized=_sure)
    sys.exit(run(argparse.Namespace(config=None, plant=None, record=given.record), clock=clock))
