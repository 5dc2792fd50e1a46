"""A recorded series in a file of columns: which column is the time, which the value, and what each row says."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.errors import UsageError
from edge_agent.series.times import NoTimeError, NoZoneError, TimeReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.model.time import Instant

_DELIMITERS = (";", "\t", ",", "|")
#: What stands for a value that is not there.
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "--"})
#: Rows that are looked at to find the columns.
_LOOKED_AT = 50
#: Words in the names of columns that are times.
_TIME_WORDS = ("time", "date", "timestamp", "ts", "zeit", "datum", "observed_at")


class Row(NamedTuple):
    """One line of the file. `at` or `value` is None where it could not be read, and `wrong` says why then.

    A value that is not there, or not a number by its own word, has neither: `value` is NaN.
    """

    line: int
    at: Instant | None
    value: float | None
    wrong: str = ""


@dataclass(frozen=True)
class Columns:
    """How to read a file: delimiter, whether decimals have a comma, the two columns, and the lines before the data."""

    delimiter: str
    decimal_comma: bool
    time: int
    value: int
    names: tuple[str, ...]
    skip: int

    @property
    def told(self) -> str:
        """Say which columns they are."""
        named = [self.names[place] if self.names else f"column {place + 1}" for place in (self.time, self.value)]
        return f"times from {named[0]!r}, values from {named[1]!r}"


class SeriesFile:
    """A file of columns. `time` and `value` are names of columns or their numbers from 1; None: found by themselves."""

    def __init__(
        self, path: Path, *, time: str | None = None, value: str | None = None, timezone: str | None = None
    ) -> None:
        """Find the columns. Raises UsageError where there are none, OSError where the file cannot be read."""
        self._path, self._timezone = path, timezone
        self.size = path.stat().st_size
        self.columns = self._find(time, value)

    def __repr__(self) -> str:
        return f"SeriesFile({self._path}, {self.columns.told})"

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Yield every row, and how many bytes of the file are read by then (about).

        Raises UsageError where times have no offset and no zone was named.
        """
        columns, times = self.columns, TimeReader(self._timezone)
        with self._path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            table = csv.reader(file, delimiter=columns.delimiter)
            for _ in range(columns.skip):
                next(table)
            read = 0
            for cells in table:
                read += sum(map(len, cells)) + len(cells)
                if any(cell.strip() for cell in cells):
                    yield self._row(table.line_num, cells, times), read

    def _row(self, line: int, cells: list[str], times: TimeReader) -> Row:
        columns = self.columns
        if max(columns.time, columns.value) >= len(cells):
            return Row(line, None, None, f"has {len(cells)} columns")
        try:
            at = times.read(cells[columns.time].strip())
        except NoZoneError as error:
            raise UsageError(f"{self._path}: line {line}: {cells[columns.time]!r} {error}") from error
        except NoTimeError as error:
            return Row(line, None, None, f"{cells[columns.time]!r} {error}")
        value = number(cells[columns.value], decimal_comma=columns.decimal_comma)
        return Row(line, at, value, "" if value is not None else f"{cells[columns.value]!r} is not a number")

    def _find(self, time: str | None, value: str | None) -> Columns:
        with self._path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = [line for line, _ in zip(file, range(_LOOKED_AT), strict=False)]
        if not lines:
            raise UsageError(f"{self._path} is empty; expected a header and rows of times and values")
        delimiter = max(_DELIMITERS, key=lambda each: min(line.count(each) for line in lines[: max(1, len(lines) - 1)]))
        rows = list(csv.reader(lines, delimiter=delimiter))
        comma = delimiter != ","
        is_header = not any(_is_time(cell) or number(cell, decimal_comma=comma) is not None for cell in rows[0] if cell)
        names = tuple(cell.strip() for cell in rows[0]) if is_header else ()
        data = [row for row in rows[is_header:] if row]
        if not data:
            raise UsageError(f"{self._path} has no rows beside its header")
        at = self._place(time, names, data) if time else self._time(names, data)
        found = self._place(value, names, data) if value else self._value(at, data, comma=comma)
        return Columns(delimiter, comma, at, found, names, int(is_header))

    def _place(self, asked: str, names: tuple[str, ...], data: list[list[str]]) -> int:
        """Find a column by name, else by number."""
        if asked in names:
            return names.index(asked)
        if asked.isdecimal() and 1 <= int(asked) <= len(data[0]):
            return int(asked) - 1
        there = ", ".join(names) if names else f"1 to {len(data[0])}"
        raise UsageError(f"{self._path} has no column {asked!r}; there are {there}")

    def _time(self, names: tuple[str, ...], data: list[list[str]]) -> int:
        """Find the column of times: one that is named so, else the first that looks like it."""
        named = (place for place, name in enumerate(names) if any(word in name.casefold() for word in _TIME_WORDS))
        places: list[int] = [*named, *range(len(data[0]))]
        for place in places:
            if all(place < len(row) and _is_time(row[place]) for row in data[:-1] or data):
                return place
        raise UsageError(f"{self._path}: no column holds times; name one with --time")

    def _value(self, time: int, data: list[list[str]], *, comma: bool) -> int:
        """Find the column of values: the only one beside the times that holds numbers."""
        found = [
            place
            for place in range(len(data[0]))
            if place != time
            and all(
                place < len(row) and number(row[place], decimal_comma=comma) is not None for row in data[:-1] or data
            )
        ]
        if len(found) != 1:
            held = "several columns hold" if found else "no column holds"
            raise UsageError(f"{self._path}: {held} numbers; name one with --value")
        return found[0]


def number(text: str, *, decimal_comma: bool = False) -> float | None:
    """Read a value; NaN where it says that there is none, None where it is no number.

    >>> number("3.2"), number("3,2", decimal_comma=True), number("n/a"), number("three")
    (3.2, 3.2, nan, None)
    """
    written = text.strip()
    if written.casefold() in _MISSING:
        return nan
    if decimal_comma and written.count(",") == 1 and "." not in written:
        written = written.replace(",", ".")
    try:
        value = float(written)
    except ValueError:
        return None
    return value if isfinite(value) else nan


def _is_time(text: str) -> bool:
    try:
        TimeReader("UTC").read(text)
    except NoTimeError:
        return False
    return True
