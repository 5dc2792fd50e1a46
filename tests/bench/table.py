"""The rows of a benchmark run, with their bars, as text for the terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_HEAD = ("measured", "median", "lowest", "highest", "unit", "bar", "met")


@dataclass(frozen=True)
class Row:
    """One figure of a run: its samples, and the most it may be where there is a bar.

    Without samples it was not measured, and the note says why.
    """

    topic: str
    what: str
    samples: Sequence[float] = ()
    unit: str = ""
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def figure(self) -> float:
        """The median of the samples."""
        return median(self.samples)

    @property
    def bar(self) -> str:
        if self.least is not None:
            return f"≥ {written(self.least)}"
        return "" if self.most is None else f"≤ {written(self.most)}"

    @property
    def met(self) -> str:
        if not self.bar:
            return ""
        if not self.samples:
            return "not measured"
        fine = self.figure <= self.most if self.most is not None else self.figure >= (self.least or 0)
        return "yes" if fine else "NO"

    def cells(self) -> tuple[str, ...]:
        """Give its cells in the order of the head."""
        if not self.samples:
            return (self.what, "—", "", "", "", self.bar, self.met)
        spread = ("", "") if len(self.samples) == 1 else (written(min(self.samples)), written(max(self.samples)))
        return (self.what, written(self.figure), *spread, self.unit, self.bar, self.met)


@dataclass
class Report:
    """All rows of a run, in the order they came; `say` is told of each at once."""

    say: Callable[[str], None] = print
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.say("  " + " ".join(cell for cell in (*row.cells(), row.note) if cell))

    def of(self, topic: str) -> list[Row]:
        return [row for row in self.rows if row.topic == topic]

    @property
    def topics(self) -> list[str]:
        return list(dict.fromkeys(row.topic for row in self.rows))


def written(figure: float) -> str:
    """Write a figure with three digits that count: 0.123, 4.56, 78.9, 1,234."""
    size = abs(figure)
    if size >= 100 or figure == 0:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if size >= 10 else f"{figure:.2f}" if size >= 1 else f"{figure:.3f}"


def percentile(samples: Iterable[float], share: float) -> float:
    """The sample below which (or at which) that share of all lies; the last one for a share of 1."""
    ordered = sorted(samples)
    return ordered[max(0, min(len(ordered), -int(-share * len(ordered) // 1)) - 1)]


def terminal(report: Report) -> str:
    """Write the table for people at a terminal."""
    cells = [_HEAD, *(row.cells() for row in report.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines: list[str] = []
    for topic in report.topics:
        lines += ["", topic, _line(_HEAD, widths)]
        for row in report.of(topic):
            lines.append(_line(row.cells(), widths) + (f"  {row.note}" if row.note else ""))
    return "\n".join(lines)


def markdown(report: Report) -> str:
    """Write the tables of all topics for a document."""
    parts = []
    for topic in report.topics:
        lines = [f"## {topic}", "", _pipes((*_HEAD, "note")), _pipes(("---",) * (len(_HEAD) + 1))]
        lines += [_pipes((*row.cells(), row.note)) for row in report.of(topic)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if column in {0, 4} else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
