"""Numbers and counts as words, the same in the live view, the plain lines and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import CommandState

if TYPE_CHECKING:
    from collections.abc import Mapping


def number(value: float) -> str:
    """Write a value with three to four figures."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if size >= 100 else f"{value:.2f}"
    return text[1:] if text.startswith("-") and not float(text) else text


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: `1 start`, `2 starts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def order(action: str, value: float | None) -> str:
    """Write what is asked of an actuator: `start`, `set 0.8`."""
    return action if value is None else f"{action} {value:g}"


def outcomes(closed: Mapping[CommandState, int], still_open: int) -> str:
    """Write how commands ended: `done 3, failed 1, open 1`."""
    parts = [f"{state} {closed[state]}" for state in CommandState if closed.get(state)]
    return ", ".join([*parts, f"open {still_open}"] if still_open else parts)


def duration_text(seconds: float) -> str:
    """Write a length of time in its two largest units: `1 h 5 min`."""
    whole = round(seconds)
    for size, name, below, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {name} {rest} {small}" if rest else f"{whole // size} {name}"
    return f"{whole} s"
