"""The live view: a snapshot and the tally in, one screen of text out. Reads nothing else and waits for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.text import Text

from edge_agent.demo import rows
from edge_agent.demo.facts import day_text
from edge_agent.demo.gauge import bar, marks, span_of
from edge_agent.model.plant import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.demo.facts import DemoFacts
    from edge_agent.demo.tally import Tally
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.remembered import SensorView, Snapshot

#: Narrower than this nothing is drawn well; lines are then cut at the right.
NARROWEST = 60
_LEVELS = ("level", "fill")
_VALUE_WIDTH = 10
_MOST_SPARKS = 30


class Picture(NamedTuple):
    """Everything one frame is drawn from. `starts` counts the starts of actuators since the demo's start."""

    snapshot: Snapshot
    tally: Tally
    facts: DemoFacts
    starts: Mapping[str, int]
    notes: tuple[str, ...] = ()


def render(picture: Picture, width: int, height: int) -> Group:
    """Draw a frame of at most `width` by `height` cells."""
    width = max(width, NARROWEST)
    levels = [view for view in picture.snapshot.sensors if view.quantity in _LEVELS]
    others = [view for view in picture.snapshot.sensors if view.quantity not in _LEVELS]
    blocks = [
        _tanks(levels, picture, width),
        [rows.heading("Readings", width), *_readings(others, picture.tally, width)],
        [rows.heading("Pumps and valves", width), *rows.actuators(picture.snapshot, picture.starts, width)],
        [rows.heading("Active alarms", width), *_alarms(picture.snapshot.alarms, width)],
        [rows.heading("Commands", width), *rows.commands(picture.tally, width, height)],
    ]
    footer = rows.footer(picture.tally, picture.facts, picture.notes, width)
    lines = [_title(picture, width), *_fitted(blocks, height - 1 - len(footer)), *footer]
    return Group(*lines[:height])


def _title(picture: Picture, width: int) -> Text:
    snapshot, facts = picture.snapshot, picture.facts
    now = day_text(snapshot.at, facts.start)
    right = f"{now}  {facts.speed:g}x  {snapshot.mode}  {facts.broker} "
    return Text(rows.cell(f" {facts.site}", width - len(right)) + right, "bold white on dark_blue", no_wrap=True)


def _fitted(blocks: list[list[Text]], height: int) -> list[Text]:
    """Cut blocks so that together they fit, the longest first, and say in the last line of each what is left out."""
    kept = [len(block) for block in blocks]
    shortest = [min(len(block), 3) for block in blocks]
    while sum(kept) > height:
        # Commands are only history: they go first.
        candidates = [number for number, count in enumerate(kept) if count > shortest[number]]
        if not candidates:
            break
        longest = max(candidates, key=lambda number: (number == len(kept) - 1, kept[number]))
        kept[longest] -= 1
    lines: list[Text] = []
    for block, count in zip(blocks, kept, strict=True):
        lines += block[:count]
        if count < len(block) and block is not blocks[-1]:
            lines[-1] = Text(f"  … {len(block) - count + 1} more lines; a taller window shows them", "dim")
    return lines


def _tanks(levels: list[SensorView], picture: Picture, width: int) -> list[Text]:
    lines: list[Text] = []
    for view in levels:
        lines += _tank(view, picture, width)
    return lines


def _tank(view: SensorView, picture: Picture, width: int) -> tuple[Text, Text]:
    """Draw a level: name, value, bar and course; below the bar its thresholds."""
    name, facts = f"{view.node}/{view.sensor}", picture.facts
    thresholds = facts.thresholds.get(name, ())
    span = span_of(thresholds, facts.spans.get(name))
    name_width = max(12, min(24, width // 5))
    sparks = max(10, min(_MOST_SPARKS, width // 5))
    room = width - name_width - _VALUE_WIDTH - sparks - 8
    line = Text(no_wrap=True).append(rows.cell(f" {view.name or name}", name_width + 1), "bold")
    line.append(f"{rows.value(view):>{_VALUE_WIDTH}} ")
    line.append_text(rows.flag(view, picture.tally)).append(" ")
    line.append_text(bar(view.value, span, thresholds, room)).append(" ")
    line.append_text(rows.spark(name, picture.tally, sparks))
    under = Text(" " * (name_width + _VALUE_WIDTH + 5), no_wrap=True)
    return line, under.append_text(marks(span, thresholds, room))


def _readings(views: list[SensorView], tally: Tally, width: int) -> list[Text]:
    """Draw sensors in two columns, down the first and then down the second."""
    if not views:
        return [Text("  none", "dim")]
    half, rest = width // 2, -(-len(views) // 2)
    cells = [_reading(view, tally, half - 1) for view in views]
    lines = []
    for row in range(rest):
        line = cells[row].copy()
        if row + rest < len(cells):
            line.append(" " * (half - line.cell_len)).append_text(cells[row + rest])
        lines.append(line)
    return lines


def _reading(view: SensorView, tally: Tally, width: int) -> Text:
    name = f"{view.node}/{view.sensor}"
    name_width = min(30, width // 2 - 1)
    sparks = min(_MOST_SPARKS, max(0, width - name_width - _VALUE_WIDTH - 5))
    line = Text(no_wrap=True).append(rows.cell(f" {view.name or name}", name_width + 1))
    line.append_text(rows.spark(name, tally, sparks))
    return line.append(f" {rows.value(view):>{_VALUE_WIDTH}} ").append_text(rows.flag(view, tally))


def _alarms(alarms: tuple[Alarm, ...], width: int) -> list[Text]:
    active = [alarm for alarm in alarms if alarm.active]
    if not active:
        return [Text("  none", "green", no_wrap=True)]
    active.sort(key=lambda alarm: (PRIORITIES.index(alarm.priority), -alarm.since))
    return [rows.alarm(alarm, width) for alarm in active]
