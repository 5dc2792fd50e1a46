"""The picture of a judged series: the values, flagged ones coloured, and a strip of flags for each test."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from edge_agent.errors import UsageError
from edge_agent.model.quality import Flag
from edge_agent.model.time import as_datetime

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from edge_agent.series.judged import JudgedRow, JudgedSeries

#: Told apart without colours too: by the height of the strip's marks and the shape of the points.
_COLOURS = {
    "good": "#2f6f9f",
    "not_evaluated": "#a0a0a0",
    "suspect": "#e69f00",
    "fail": "#c0392b",
    "missing": "#6b4f9e",
}
_MARKS = {"suspect": "^", "fail": "x"}
_WIDTH, _HEIGHT, _STRIP, _DPI = 11.0, 3.6, 0.42, 150


def draw(series: JudgedSeries, path: Path) -> None:
    """Write the picture, of the kind that the file's suffix names. Raises UsageError where nothing can draw it."""
    plots = _library()
    tests = ["all tests", *series.sensor.quality]
    height = _HEIGHT + _STRIP * len(tests)
    figure, axes = plots.subplots(
        1 + len(tests), 1, sharex=True, figsize=(_WIDTH, height), layout="constrained",
        gridspec_kw={"height_ratios": [_HEIGHT, *[_STRIP] * len(tests)]},
    )  # fmt: skip
    try:
        _draw_values(axes[0], series)
        for strip, name in zip(axes[1:], tests, strict=True):
            _draw_strip(strip, series, name)
        axes[-1].set_xlabel("time (UTC)")
        try:
            figure.savefig(path, dpi=_DPI)
        except ValueError as error:
            raise UsageError(f"{path.name} cannot be drawn: {error}") from error
    finally:
        plots.close(figure)


def _library() -> Any:  # noqa: ANN401 - the library is an extra, and may not be there
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, a second to load

        mpl.use("agg")
        from matplotlib import pyplot as plt  # noqa: PLC0415
    except ImportError as error:
        raise UsageError("--plot needs matplotlib: install the extra, pip install 'edge-agent[plot]'") from error
    return plt


def _draw_values(axes: Any, series: JudgedSeries) -> None:  # noqa: ANN401 - of the library
    sensor = series.sensor
    timed = [point for point in series.points if point.at is not None]
    axes.plot(*_line(timed, sensor.interval_seconds), color=_COLOURS["good"], linewidth=0.9)
    for name, mark in _MARKS.items():
        chosen = [point for point in timed if point.flag is Flag[name.upper()]]
        if chosen:
            at: list[datetime] = [as_datetime(point.at or 0) for point in chosen]
            label = f"{name} ({len(chosen):,})"
            values = [point.value for point in chosen]
            axes.scatter(at, values, marker=mark, s=16, color=_COLOURS[name], label=label, zorder=3)
    _draw_limits(axes, series)
    axes.set_title(f"{sensor.name}: {len(series.points):,} rows", loc="left", fontsize=10)
    axes.set_ylabel(f"{sensor.quantity} ({sensor.unit})")
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _line(timed: list[JudgedRow], interval_seconds: float) -> tuple[list[datetime], list[float]]:
    """Return the values by time, with a hole where none came for three intervals."""
    times: list[datetime] = []
    values: list[float] = []
    for point in timed:
        at = as_datetime(point.at or 0)
        if times and (at - times[-1]).total_seconds() > 3 * interval_seconds:
            times.append(at)
            values.append(nan)
        times.append(at)
        values.append(nan if point.value is None else point.value)
    return times, values


def _draw_limits(axes: Any, series: JudgedSeries) -> None:  # noqa: ANN401 - of the library
    """Draw the limits of the value where they do not squeeze the series."""
    bounds = series.sensor.quality.bounds
    low, high = axes.get_ylim()
    margin = (high - low) / 2
    shown = [limit for limit in (bounds.lowest, bounds.highest) if low - margin <= limit <= high + margin]
    for limit in shown:
        label = f"limits {' and '.join(f'{each:g}' for each in shown)}" if limit == shown[0] else None
        axes.axhline(limit, color="#707070", linewidth=0.7, linestyle="--", label=label)


def _draw_strip(axes: Any, series: JudgedSeries, test: str) -> None:  # noqa: ANN401 - of the library
    """Draw the flags of one test as marks, the worse the taller."""
    heights = {"good": 0.25, "not_evaluated": 0.4, "missing": 0.55, "suspect": 0.75, "fail": 1.0}
    found: dict[str, list[datetime]] = {}
    for point in series.points:
        flag = point.flag.name.lower() if test == "all tests" else point.tests.get(test)
        if flag is not None and point.at is not None:
            found.setdefault(flag, []).append(as_datetime(point.at))
    for flag, height in heights.items():
        if found.get(flag):
            axes.vlines(found[flag], 0.0, height, color=_COLOURS[flag], linewidth=0.8)
    axes.set_ylim(0.0, 1.05)
    axes.set_yticks([])
    axes.set_ylabel(test.replace("_", " "), rotation=0, ha="right", va="center", fontsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
