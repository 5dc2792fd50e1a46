"""Draws the processor time per message of all subjects as bars, in SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from bench.table import written

if TYPE_CHECKING:
    from bench.table import Report, Row

_WIDTH, _LEFT, _RIGHT, _BAR, _STEP, _TOP = 1000, 500, 90, 18, 30, 56
_OURS, _THEIRS, _TARGET = "#1f77b4", "#9aa5b1", "#c0392b"
#: A bar that is longer than this many times the median one is cut, so that the others can be told apart.
_MOST_TIMES = 4


def draw(report: Report) -> str:
    """Draw every row in µs of the run, the shortest first; a stroke marks the bar that a row has."""
    rows = sorted(
        (row for row in report.rows if row.unit == "µs" and row.samples and "sensors:" not in row.what),
        key=lambda row: row.figure,
    )
    height = _TOP + _STEP * len(rows) + 20
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        '<text x="16" y="24" font-size="16" font-weight="bold">Processor time per message in µs (QoS 1)</text>',
        '<text x="16" y="42" fill="#555">lower is better; a red stroke is the most that it may be</text>',
    ]
    if rows:
        longest = min(rows[-1].figure, _MOST_TIMES * rows[len(rows) // 2].figure)
        scale = (_WIDTH - _LEFT - _RIGHT) / longest
        parts += [_bar(row, _TOP + _STEP * place, scale, longest) for place, row in enumerate(rows)]
    return "\n".join([*parts, "</svg>", ""])


def _bar(row: Row, top: int, scale: float, longest: float) -> str:
    cut = row.figure > longest
    length = min(row.figure, longest) * scale
    ours = row.what.startswith(("edge-agent", "our"))
    middle = top + _BAR - 4
    name, figure = escape(row.what.removesuffix(": CPU a message")), written(row.figure)
    marked = row.most is not None and row.most <= longest
    # Beside the bar, and beside its stroke where that stands further out.
    beside = _LEFT + max(length, (row.most or 0.0) * scale + 2 if marked else 0.0) + 6
    parts = [
        f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{name}</text>',
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" fill="{_OURS if ours else _THEIRS}"/>',
        f'<text x="{beside:.1f}" y="{middle}">{figure}{" (cut)" if cut else ""}</text>',
    ]
    if row.most is not None and marked:
        stroke = f'y1="{top - 3}" y2="{top + _BAR + 3}" stroke="{_TARGET}" stroke-width="3"'
        parts.append('<line x1="{0:.1f}" x2="{0:.1f}" {1}/>'.format(_LEFT + row.most * scale, stroke))
    return "\n".join(parts)
