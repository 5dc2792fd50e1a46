"""The plant file's quality tests over a recorded series: counts, flags in a file, a picture."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge_agent.cli.output import say
from edge_agent.errors import UsageError
from edge_agent.model.quality import PRECEDENCE, flag_name
from edge_agent.model.time import rfc3339
from edge_agent.series.judged import MOST_TOLD, JudgedSeries
from edge_agent.series.picture import draw
from edge_agent.series.table import SeriesFile
from edge_agent.settings.plantfile import find_plant, load_plant

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_agent.model.plant import Sensor

#: The bar is moved on after so many rows.
_ROWS_A_STEP = 1_000


def qc(arguments: argparse.Namespace) -> int:
    """Judge a file's series by the tests of one sensor; print counts, write the flags, draw the picture if asked."""
    sensor = _sensor(arguments)
    source: Path = arguments.file
    flags: Path = arguments.output or source.with_suffix(".flags.csv")
    if flags.resolve() == source.resolve():
        raise UsageError(f"--output {flags} is the file that is read")
    file = SeriesFile(source, time=arguments.time, value=arguments.value, timezone=arguments.timezone)
    series = _judge(file, sensor)
    _write_flags(series, flags)
    if arguments.plot:
        draw(series, arguments.plot)
    if arguments.json:
        say(json.dumps(_told(series, flags)) + "\n", as_it_is=True)
    else:
        _print(series, file, [flags, *([arguments.plot] if arguments.plot else [])])
    return 0


def _sensor(arguments: argparse.Namespace) -> Sensor:
    """Find the sensor whose tests are run. Raises UsageError where there is none, or where it names no test."""
    path = find_plant(arguments.plant)
    plant = load_plant(path)
    found = {sensor.name: sensor for sensor in plant.sensors}
    sensor = found.get(arguments.sensor)
    if sensor is None:
        raise UsageError(f"{path} has no sensor {arguments.sensor!r}; there are {', '.join(found) or 'none'}")
    if not sensor.quality:
        raise UsageError(f"{path}: {sensor.name} names no quality test; expected one in its table `quality`")
    return sensor


def _judge(file: SeriesFile, sensor: Sensor) -> JudgedSeries:
    series = JudgedSeries(sensor)
    with _progress(file.size) as move:
        for count, (row, read) in enumerate(file.rows(), 1):
            series.add(row)
            if count % _ROWS_A_STEP == 0:
                move(read)
    if not series.points:
        raise UsageError(f"{file} has no rows")
    return series


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal's standard error; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = TextColumn("judging"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda read: progress.update(task, completed=read)


def _write_flags(series: JudgedSeries, path: Path) -> None:
    """Write a row for every row that was read, with its flag and that of each test."""
    tests = list(series.sensor.quality)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["line", "observed_at", "value", "flag", *tests])
        for point in series.points:
            at = "" if point.at is None else rfc3339(point.at)
            value = "" if point.value is None else repr(point.value)
            found = point.tests
            table.writerow([point.line, at, value, flag_name(point.flag), *(found.get(test, "") for test in tests)])


def _told(series: JudgedSeries, flags: Path) -> dict[str, object]:
    return {
        "sensor": series.sensor.name,
        "rows": len(series.points),
        "repeated": series.repeated,
        "unread": series.unread,
        "flags": {name: dict(count) for name, count in series.counts().items()},
        "output": str(flags),
    }


def _print(series: JudgedSeries, file: SeriesFile, written: list[Path]) -> None:
    say(f"{series.sensor.name}: {len(series.points)} rows, {file.columns.told}\n")
    names = [flag_name(flag) for flag in reversed(PRECEDENCE)]
    table = Table(*["test", *names])
    for column in table.columns[1:]:
        column.justify = "right"
    for name, count in series.counts().items():
        table.add_row(name, *(str(count[flag]) if count[flag] else "" for flag in names))
    Console(highlight=False).print(table)
    for line, wrong in series.problems:
        say(f"line {line}: {wrong}\n")
    if series.unread > MOST_TOLD:
        say(f"and {series.unread - MOST_TOLD} more rows that could not be read\n")
    if series.repeated:
        say(f"{series.repeated} rows repeat another one, and count once\n")
    for path in written:
        say(f"wrote {path}\n")
