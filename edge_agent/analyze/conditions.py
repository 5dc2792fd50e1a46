"""Alarms of actuators and of the agent itself: conditions that others find, raised and cleared here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze.heard import Changes
from edge_agent.model.alarms import AGENT
from edge_agent.model.plant import (
    CONTRADICTS,
    FAILED,
    LOCKED_OUT,
    NO_EFFECT,
    NO_EVIDENCE,
    NOT_IN_AUTO,
    POLICY_REFUSED,
    STOP_NOT_CONFIRMED,
    TRIPPED,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.analyze.register import AlarmRegister
    from edge_agent.model.alarms import AlarmKey
    from edge_agent.model.plant import Plant, Priority
    from edge_agent.model.time import Moment

_OVER = {
    FAILED: "commands are carried out again",
    CONTRADICTS: "the equipment does what is requested",
    NO_EVIDENCE: "there is evidence again, or nothing that needs it",
    NOT_IN_AUTO: "the agent has it again",
    STOP_NOT_CONFIRMED: "the fail-safe action is confirmed, or no longer requested",
    LOCKED_OUT: "it was reset",
    TRIPPED: "no trip holds it",
    NO_EFFECT: "what is measured moves, or nothing runs",
    POLICY_REFUSED: "the thresholds and plans in force are the newest",
}


class Conditions:
    """Keeps the alarms of conditions those that stand: the register is told only of changes."""

    def __init__(self, register: AlarmRegister, plant: Plant) -> None:
        self._register = register
        self._actuators = {actuator.name for actuator in plant.actuators}
        self._standing: set[AlarmKey] = {
            alarm.key for alarm in register.alarms if alarm.active and self.owns(alarm.key)
        }

    def __repr__(self) -> str:
        return f"Conditions({', '.join(map(str, sorted(self._standing))) or 'none'})"

    def adopt(self, plant: Plant) -> None:
        """Go on with a changed plant: what stands of actuators that are gone is cleared with the next update."""
        self._actuators = {actuator.name for actuator in plant.actuators}

    def owns(self, key: AlarmKey) -> bool:
        """Whether an alarm is such a condition, of an actuator there is or of the agent."""
        if key.threshold not in _OVER:
            return False
        return key.node == AGENT if not key.sensor else f"{key.node}/{key.sensor}" in self._actuators

    def update(self, current: Mapping[AlarmKey, tuple[Priority, str]], now: Moment) -> Changes:
        """Raise the conditions that are new, with priority and reason, and clear those that are over."""
        if current.keys() == self._standing:
            return Changes([], [])
        for key, (priority, reason) in current.items():
            if key not in self._standing:
                self._register.raise_(key, priority, now, reason)
        for key in self._over(current):
            self._register.clear(key, now, f"{key}: {_OVER[key.threshold]}")
        self._standing = set(current)
        return self._register.take_changes()

    def _over(self, current: Mapping[AlarmKey, tuple[Priority, str]]) -> Iterable[AlarmKey]:
        return sorted(self._standing - current.keys())  # in order, so that replays agree
