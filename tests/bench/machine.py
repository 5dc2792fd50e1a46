"""What a run was made on and with: the kind of machine and the versions, and nothing that names the machine."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("aiomqtt", "paho-mqtt", "pydantic", "psycopg")
_ROOT = Path(__file__).resolve().parents[2]


def describe() -> list[tuple[str, str]]:
    """Tell machine, system, versions, commit and date, as pairs of name and text."""
    return [
        ("machine", f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB"),
        ("system", _system()),
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        ("SQLite", sqlite3.sqlite_version),
        ("Mosquitto", _first_version(["mosquitto", "-h"])),
        ("PostgreSQL", _first_version(["psql", "--version"])),
        ("Node.js", _first_version(["node", "--version"])),
        ("commit", commit()),
        ("date", datetime.now(UTC).date().isoformat()),  # noqa: TID251 - of the run
    ]


def commit() -> str:
    """Name the commit that was measured; with a plus where the tree has changes beside it."""
    short = _output(["git", "-C", os.fspath(_ROOT), "rev-parse", "--short=12", "HEAD"]).strip()
    changed = _output(["git", "-C", os.fspath(_ROOT), "status", "--porcelain", "--", "edge_agent"]).strip()
    return f"{short or 'unknown'}{'+' if changed else ''}"


def _processor() -> str:
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{found[1]} ({platform.machine()})" if found else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _first_version(command: list[str]) -> str:
    found = re.search(r"\d+(?:\.\d+)+", _output(command))
    return found[0] if found else "absent"


def _output(command: list[str]) -> str:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=10, env=os.environ | {"PATH": path}
        ).stdout
    except OSError:
        return ""
