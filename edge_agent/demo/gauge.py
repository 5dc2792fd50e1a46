"""A level as a bar with its thresholds marked: pure text, two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.model.plant import Threshold

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WATER = "dodger_blue2"
_AIR = "grey23"


class Span(NamedTuple):
    """What a bar reaches from and to, in the sensor's unit."""

    low: float
    high: float

    def column(self, value: float, width: int) -> int:
        """Find the column of a value in a bar of `width`; values outside fall on its ends."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return min(width - 1, max(0, int(share * width)))


def span_of(thresholds: Iterable[Threshold], wide: Span | None = None) -> Span:
    """Choose what a bar shows: `wide` where it is known, and every threshold in any case."""
    limits = [threshold.limit for threshold in thresholds]
    if wide is not None:
        return Span(min([wide.low, *limits]), max([wide.high, *limits]))
    if not limits:
        return Span(0.0, 1.0)
    room = 0.15 * (max(limits) - min(limits)) or 0.5 * abs(limits[0]) or 1.0
    return Span(min(limits) - room, max(limits) + room)


def bar(value: float | None, span: Span, thresholds: Sequence[Threshold], width: int) -> Text:
    """Draw a level as a bar of `width` cells between two edges, with a line where each threshold lies."""
    share = 0.0 if value is None or span.high <= span.low else (value - span.low) / (span.high - span.low)
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    text = Text("▕", "dim", no_wrap=True)
    ticks = {span.column(threshold.limit, width): threshold for threshold in thresholds}
    for column in range(width):
        filled = min(8, max(0, eighths - 8 * column))
        if column in ticks:
            text.append("│", f"bold {_colour(ticks[column])} on {_WATER if filled >= 4 else _AIR}")
        elif filled == 8:
            text.append("█", f"{_WATER} on {_WATER}")  # a block, to be seen without colours too
        else:
            text.append(_EIGHTHS[filled], f"{_WATER} on {_AIR}")
    return text.append("▏", "dim")


def marks(span: Span, thresholds: Sequence[Threshold], width: int) -> Text:
    """Write the thresholds under a bar: name and limit where there is room, else the name, else its initials."""
    placed = sorted((span.column(threshold.limit, width), threshold) for threshold in thresholds)
    for label in (_long, _name, _initials):
        text = _placed([(column, label(threshold), _colour(threshold)) for column, threshold in placed], width)
        if text is not None:
            return text
    return Text(" " * width)


def _long(threshold: Threshold) -> str:
    return f"{threshold.name} {threshold.limit:g}"


def _name(threshold: Threshold) -> str:
    return threshold.name


def _initials(threshold: Threshold) -> str:
    return "".join(part[0].upper() for part in threshold.name.replace("-", "_").split("_") if part)


def _colour(threshold: Threshold) -> str:
    if not threshold.annunciated:
        return "green"
    return "red" if threshold.priority == "critical" else "yellow"


def _placed(labels: list[tuple[int, str, str]], width: int) -> Text | None:
    """Place labels, each centred under its column as far as the ends allow; None where two would touch."""
    text = Text(no_wrap=True)
    for column, label, colour in labels:
        start = max(0, min(column - len(label) // 2, width - len(label)))
        gap = start - len(text)
        if gap < (1 if len(text) else 0):
            return None
        text.append(" " * gap)
        text.append(label, colour)
    text.append(" " * (width - len(text)))
    return text
