"""The table of the fault suite: one row a fault, printed at the end of the run and written as a page where asked."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from support.postgres import find_programs

from edge_agent.mqtt.broker import find_mosquitto

#: Above the page's table; what each fault is stands in the docstrings of tests/faults.
COLUMNS = (
    "fault",
    "times tried",
    "published",
    "stored",
    "lost",
    "duplicated",
    "executed twice",
    "executed after expiry",
    "seconds to recover",
    "highest RSS",
)


@dataclass(slots=True)
class Row:
    """One fault and what came of it, summed over all tries; seconds and megabytes are the worst of them.

    `note` says what a number needs: what the broker itself lost, the median beside the worst.
    """

    fault: str
    tried: int = 0
    published: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    executed_twice: int = 0
    executed_late: int = 0
    recovered_seconds: float | None = None
    rss_mb: float | None = None
    note: str = ""
    commands: int = 0  # executed, in all

    def recovered(self, seconds: float) -> None:
        """Take note of one recovery; the slowest is shown."""
        self.recovered_seconds = max(seconds, self.recovered_seconds or 0.0)

    def clean(self) -> bool:
        """Whether nothing was lost, doubled or done at the wrong time."""
        return not (self.lost or self.duplicated or self.executed_twice or self.executed_late)

    def cells(self) -> list[str]:
        """Write the columns of the table."""
        seconds = "" if self.recovered_seconds is None else f"{self.recovered_seconds:.2f}"
        rss = "" if self.rss_mb is None else f"{self.rss_mb:.0f} MB"
        counts = [getattr(self, each.name) for each in fields(self)[1:8]]
        return [self.fault, *(f"{count:,}" for count in counts), seconds, rss]


class FaultTable:
    """All rows of one run, in order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, row: Row) -> Row:
        """Take a row; it may still be filled."""
        self.rows.append(row)
        return row

    def lines(self) -> list[str]:
        """Write the table for a terminal."""
        cells = [list(COLUMNS), *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
        told = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]
        notes = [f"{row.fault}: {row.note}" for row in self.rows if row.note]
        return [told[0], "-" * len(told[0]), *told[1:], self.summary(), *notes]

    def summary(self) -> str:
        """Tell the sums in a sentence."""
        tried, published, commands = (
            sum(getattr(row, n) for row in self.rows) for n in ("tried", "published", "commands")
        )
        return f"In all: {tried:,} tries, {published:,} messages published, {commands:,} commands executed."

    def markdown(self, command: str) -> str:
        """Write the table as a page's part: when and with what it was made, how to repeat it."""
        ruler = "| --- |" + " ---: |" * (len(COLUMNS) - 1)
        told = [f"| {' | '.join(COLUMNS)} |", ruler, *(f"| {' | '.join(row.cells())} |" for row in self.rows)]
        notes = [f"- {row.fault}: {row.note}" for row in self.rows if row.note]
        return (
            "\n".join(
                [*made_with(), "", f"Repeat it with `{command}`.", "", *told, "", self.summary(), "", *notes]
            ).rstrip()
            + "\n"
        )


def made_with() -> list[str]:
    """Tell date, commit and versions, and nothing of the machine but its kernel's kind."""
    today = datetime.now(UTC).date()  # noqa: TID251 - of the measurement itself
    versions = [
        f"Python {platform.python_version()}",
        f"Mosquitto {_version([str(find_mosquitto()), '-h'])}",
        f"PostgreSQL {_version([str(find_programs() / 'postgres'), '--version'])}",
        f"Redis {_version(['redis-server', '--version'])}",
        f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} {platform.machine()}",
    ]
    return [f"Measured {today.isoformat()} at commit {_commit()}, with {', '.join(versions)}."]


def _commit() -> str:
    root = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        found = ""
    return found or "unknown"


def _version(command: list[str]) -> str:
    """Find the first word that begins like a version in what a program says of itself."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "absent"
    words = [word.removeprefix("v=") for word in said.replace("\n", " ").split()]
    return next((word for word in words if word[:1].isdigit() and "." in word), "of an unknown version")
