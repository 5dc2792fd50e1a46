"""The single lines of the live view."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.text import Text

from edge_agent.demo.course import sparkline
from edge_agent.demo.facts import clock_text
from edge_agent.demo.tally import KEPT
from edge_agent.demo.wording import counted, number, order, outcomes
from edge_agent.execute.equipment import reported_on
from edge_agent.model.commands import CommandState
from edge_agent.model.harmless import harmless
from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.demo.facts import DemoFacts
    from edge_agent.demo.tally import Tally, Trace
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.remembered import ActuatorView, SensorView, Snapshot

_FLAGS = {
    Flag.GOOD: ("✓", "green"),
    Flag.NOT_EVALUATED: ("·", "dim"),
    Flag.SUSPECT: ("?", "yellow"),
    Flag.FAIL: ("✗", "bold red"),
    Flag.MISSING: ("-", "bold red"),
}
_PRIORITIES = {"critical": "bold white on red", "high": "red", "medium": "yellow", "low": "cyan"}
_STATES = {
    CommandState.DECIDED: "cyan",
    CommandState.PUBLISHED: "cyan",
    CommandState.ACCEPTED: "cyan",
    CommandState.DONE: "green",
    CommandState.SUPERSEDED: "dim",
    CommandState.ADVISED: "dim",
}
#: How the reason of a command begins that only renews a lease.
RENEWAL = "lease renewed: "
_STATE_WIDTH = max(len(state) for state in CommandState)


def cell(text: str, width: int) -> str:
    """Pad or cut a text to a number of terminal cells; a cut one ends in an ellipsis and a space."""
    text = harmless(text)
    fitted = set_cell_size(text, width)
    return fitted if len(text) < width or width < 3 else set_cell_size(text, width - 2) + "… "


def _line(*parts: tuple[str, str], width: int) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for text, style in parts:
        line.append(harmless(text), style)
    line.truncate(width, overflow="ellipsis")
    return line


def heading(title: str, width: int) -> Text:
    """Draw a line with a title in it."""
    return _line(("─ ", "dim"), (title, "bold"), (" " + "─" * (width - len(title) - 3), "dim"), width=width)


def value(view: SensorView) -> str:
    """Write the newest value with its unit; a dash where there is none."""
    return "-" if view.value is None else f"{number(view.value)} {'' if view.unit == '1' else view.unit}".rstrip()


def flag(view: SensorView, tally: Tally) -> Text:
    """Show the flag of a sensor; while its newest reading waits for the next one, that of the one before."""
    shown = view.flag
    if shown == Flag.NOT_EVALUATED:
        shown = tally.flags.get(f"{view.node}/{view.sensor}", shown)
    return Text(*_FLAGS[Flag(shown)])


def spark(sensor: str, tally: Tally, width: int) -> Text:
    """Draw the recent course of a sensor."""
    course = tally.courses.get(sensor)
    return Text(sparkline(course.columns(width)) if course else " " * width, "cyan", no_wrap=True)


def actuators(snapshot: Snapshot, starts: Mapping[str, int], width: int) -> list[Text]:
    """Return a line for each actuator: what it does, what is requested, by which plan, and how often it started."""
    if not snapshot.actuators:
        return [Text("  none", "dim")]
    longest = max(len(view.name or f"{view.node}/{view.actuator}") for view in snapshot.actuators)
    return [_actuator(view, starts, min(longest, 24), width) for view in snapshot.actuators]


def _actuator(view: ActuatorView, starts: Mapping[str, int], name_width: int, width: int) -> Text:
    name = f"{view.node}/{view.actuator}"
    on = view.state is not None and reported_on(view.state) is True
    state = view.state or "unknown"
    if on and view.value is not None and view.value < 1:
        state = f"{state} {view.value:.0%}"
    requested = "nothing requested yet"
    if view.desired is not None:
        requested = f"requested: {order(view.desired, view.desired_value)}" + (f" ({view.plan})" if view.plan else "")
    started = starts.get(name)
    return _line(
        (cell(f" {view.name or name}", name_width + 2), ""),
        (" ● " if on else " ○ ", "bold green" if on else "dim"),
        (cell(state, 12), "green" if on else ""),
        (cell(requested, max(20, min(44, width - name_width - 37))), ""),
        (f"{counted(started, 'start'):>9}" if started is not None and view.kind == "pump" else " " * 9, ""),
        (f"  {view.command}" if view.command else "", "cyan"),
        width=width,
    )


def alarm(active: Alarm, width: int) -> Text:
    """Return the line of an active alarm: its priority, since when, which, and why."""
    style = _PRIORITIES[active.priority]
    reason = active.reason if str(active.key).partition(":")[0] in active.reason else f"{active.key}: {active.reason}"
    return _line(
        (" ", ""), (f"{active.priority:<8}", style), (f" {clock_text(active.since)}  {reason}", ""), width=width
    )


def commands(tally: Tally, width: int, count: int) -> list[Text]:
    """Return lines of the newest commands, newest first. Renewals that are done count with the command they renew."""
    renewals: Counter[str] = Counter()
    lines = []
    for trace in tally.recent(KEPT):
        target = trace.command.target
        if trace.state is CommandState.DONE and trace.command.reason.startswith(RENEWAL):
            renewals[target] += 1
        else:
            lines.append(_command(trace, renewals.pop(target, 0), width))
    return lines[:count] or [Text("  none", "dim", no_wrap=True)]


def _command(trace: Trace, renewals: int, width: int) -> Text:
    command = trace.command
    renewed = f", renewed {renewals}x" if renewals else ""
    why = command.reason if trace.state in _STATES else trace.detail
    return _line(
        (f" {clock_text(command.issued_at)} ", ""),
        (f"{trace.state:<{_STATE_WIDTH}} ", _STATES.get(trace.state, "bold red")),
        (f"{command.target} {order(command.action, command.value)}", "bold"),
        (f"{renewed}  ", "cyan"),
        (why, "dim"),
        width=width,
    )


def footer(tally: Tally, facts: DemoFacts, notes: Iterable[str], width: int) -> list[Text]:
    """Count what happened, and say where more is to be seen."""
    done = outcomes(tally.outcomes, tally.open_commands)
    return [
        heading("Since the start", width),
        _line(
            (f" readings {_flags(tally)}", ""),
            (f"  dead letters {tally.dead_letters.total()}", "bold red" if tally.dead_letters else ""),
            width=width,
        ),
        _line(
            (f" alarms raised {tally.raised.total()}, cleared {tally.cleared.total()}", ""),
            (f"  commands {tally.commands}" + (f": {done}" if done else ""), ""),
            width=width,
        ),
        _line((" " + "   ".join([*notes, f"metrics {facts.metrics}", "Ctrl-C ends"]), "dim"), width=width),
    ]


def _flags(tally: Tally) -> str:
    parts = [f"{name} {count:,}" for name, count in tally.readings.items() if name != "good"]
    return ", ".join([f"good {tally.readings['good']:,}", *sorted(parts)])
