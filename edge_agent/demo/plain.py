"""The demo without a terminal: a line for each alarm event and each step of a command, and now and then a status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.demo.facts import clock_text
from edge_agent.demo.wording import number, order
from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.harmless import harmless
from edge_agent.model.quality import Flag, flag_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.demo.tally import Tally
    from edge_agent.model.alarms import AlarmEvent
    from edge_agent.model.commands import Command, CommandEvent
    from edge_agent.model.remembered import SensorView, Snapshot
    from edge_agent.model.time import Instant
    from edge_agent.model.turn import Turn
    from edge_agent.ports.observing import Stage

#: What a status line shows; the other quantities are in the metrics.
_SHOWN = ("level", "fill", "flow", "demand")


class PlainLines:
    """Prints what each turn brought, as it comes: an observer, called after the tally, which knows the commands."""

    def __init__(self, say: Callable[[str], None], tally: Tally) -> None:
        self._say, self._tally = say, tally

    def turn(self, turn: Turn) -> None:
        """Print alarms first, then what was decided because of them."""
        priorities = {alarm.key: alarm.priority for alarm in turn.alarms}
        for event in turn.alarm_events:
            self._say(_alarm(event, priorities.get(event.key)))
        for command in turn.commands:
            self._say(_line(command.issued_at, "command decided", f"{_what(command)}: {command.reason}"))
        for step in turn.command_events:
            self._step(step)

    def _step(self, step: CommandEvent) -> None:
        trace = self._tally.trace(step.command_id)
        what = _what(trace.command) if trace else step.command_id
        self._say(_line(step.at, f"command {step.state}", f"{what}: {step.detail}" if step.detail else what))

    def status(self, snapshot: Snapshot) -> None:
        """Print levels, flows, pumps, and how many alarms are active."""
        parts = [_reading(view) for view in snapshot.sensors if view.quantity in _SHOWN]
        parts += [f"{view.node}/{view.actuator} {view.state or 'unknown'}" for view in snapshot.actuators]
        active = sum(alarm.active for alarm in snapshot.alarms)
        self._say(_line(snapshot.at, "status", ", ".join([*parts, f"active alarms {active}"])))

    def stage(self, name: Stage, seconds: float) -> None:
        """Ignore it."""

    def reaction(self, seconds: float) -> None:
        """Ignore it."""

    def written(self, duplicates: int) -> None:
        """Ignore it."""

    def missed(self, messages: int) -> None:
        """Ignore it."""


def _line(at: Instant, kind: str, text: str) -> str:
    return f"{clock_text(at)}  {kind:<18}  {harmless(text)}"


def _alarm(event: AlarmEvent, priority: str | None) -> str:
    raised = f" ({priority})" if priority and event.event is AlarmEventKind.RAISED else ""
    what = "alarm" if event.annunciated else "switch point"
    return _line(event.at, f"{what} {event.event}", f"{event.key}{raised}: {event.reason}")


def _what(command: Command) -> str:
    plan = f" ({command.plan})" if command.plan else ""
    return f"#{command.counter} {command.target} {order(command.action, command.value)}{plan}"


def _reading(view: SensorView) -> str:
    if view.value is None:
        return f"{view.node}/{view.sensor} missing"
    doubt = f" {flag_name(view.flag)}" if view.flag in {Flag.SUSPECT, Flag.FAIL, Flag.MISSING} else ""
    return f"{view.node}/{view.sensor} {number(view.value)} {view.unit}{doubt}"
