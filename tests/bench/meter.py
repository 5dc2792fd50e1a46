"""What a process has used so far, as the kernel counts it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

_SCHEDULER_CLOCK = 2
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User plus system time of all threads of a process, those that have ended too, to the microsecond."""
    # What clock_getcpuclockid(3) computes; /proc/PID/stat tells the same in steps of a hundredth of a second.
    return time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK)


def wake_ups(pid: int) -> int:
    """How often the threads of a process that live now have given up the processor of their own accord: to wait."""
    statuses = [task / "status" for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(_field(status, "voluntary_ctxt_switches")) for status in statuses)


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def written_bytes(pid: int) -> int:
    """What a process has caused to be sent to a block device. On tmpfs it stays 0."""
    return int(_field(Path(f"/proc/{pid}/io"), "write_bytes"))


def _field(path: Path, name: str) -> str:
    return next(line.split()[1] for line in path.read_text().splitlines() if line.startswith(f"{name}:"))


def file_system(folder: Path) -> str:
    """Name the kind of file system a folder lies on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(place, kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(holding, key=lambda mount: len(mount[0]))[1]


class Used(NamedTuple):
    """What a process took in a time: its part of a core, and wake-ups a second."""

    share: float
    wake_ups: float


class Meter:
    """Watches a process from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._start, self._cpu, self._wake_ups = time.perf_counter(), cpu_seconds(pid), wake_ups(pid)

    def read(self) -> Used:
        """Return what it took since."""
        seconds = time.perf_counter() - self._start
        return Used((cpu_seconds(self._pid) - self._cpu) / seconds, (wake_ups(self._pid) - self._wake_ups) / seconds)
