"""What is wrong with one actuator, as conditions that stand as alarms while they last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.panel import Hand
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.desired import Desired
from edge_agent.model.plant import (
    CONTRADICTS,
    FAILED,
    LOCKED_OUT,
    NOT_IN_AUTO,
    STOP_NOT_CONFIRMED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.execute.control import Control
    from edge_agent.execute.roster import Roster
    from edge_agent.model.plant import Priority
    from edge_agent.model.time import Moment

    Conditions = dict[AlarmKey, tuple[Priority, str]]
    Trouble = tuple[str, Priority, str]

#: A fail-safe action that is not confirmed so long after it was due, or two acknowledgement times, is an alarm.
CONFIRM_SECONDS = 10.0
#: So often the conditions of actuators are looked at.
WATCH_SECONDS = 1.0


def troubles(control: Control, seconds: float) -> Iterator[Trouble]:
    """Yield name, priority and reason of each condition of an actuator at a monotonic time."""
    name = control.actuator.name
    if control.panel.hand is Hand.LOCAL:
        yield NOT_IN_AUTO, "medium", f"{name} is in local: its panel has it"
    elif control.panel.taken:
        yield NOT_IN_AUTO, "medium", f"{name} was switched at its panel: it is left alone until it is released"
    lock_out = control.lock_out
    if lock_out.locked:
        yield LOCKED_OUT, "high", f"{name} has failed {lock_out.failures} times: {lock_out.why or 'see the journal'}"
    if lock_out.why:
        yield FAILED, "high", f"{name}: {lock_out.why}"
    if control.contradicted(seconds):
        yield CONTRADICTS, "high", _contradiction(control)
    yield from unconfirmed(control, seconds)


def unconfirmed(control: Control, seconds: float) -> Iterator[Trouble]:
    """Yield the condition that a fail-safe action has not been confirmed for long."""
    late = 0.0 if control.unsafe_since is None else seconds - control.unsafe_since
    if late >= max(CONFIRM_SECONDS, 2 * control.actuator.ack_timeout_seconds):
        name, action = control.actuator.name, control.actuator.fail_safe
        yield STOP_NOT_CONFIRMED, "critical", f"{name}: {action} has not been confirmed for {late:.0f} s"


class Watch:
    """Looks at all actuators now and then: an alarm waits a second for nothing."""

    def __init__(self) -> None:
        self._next_seconds = float("-inf")

    def __repr__(self) -> str:
        return f"<Watch: next look at {self._next_seconds:g}>"

    def look(self, roster: Roster, now: Moment, *, has_changed: bool) -> Conditions | None:
        """Return what is wrong with actuators, by alarm; None where it is not time to look again."""
        if now.seconds < self._next_seconds and not has_changed:
            return None
        self._next_seconds = now.seconds + WATCH_SECONDS
        found: Conditions = {}
        for control in roster:
            watch(control, now.seconds)
            actuator = control.actuator
            look = troubles if actuator.name in roster.plant else unconfirmed
            for name, priority, reason in look(control, now.seconds):
                found[AlarmKey(actuator.node, actuator.id, name)] = priority, reason
        return found


def watch(control: Control, seconds: float) -> None:
    """Note since when a fail-safe request is neither confirmed nor held back by a protection or a hand."""
    if not control.safe or control.confirmed or control.panel.hand is Hand.LOCAL or _protected(control):
        control.unsafe_since = None
    elif control.unsafe_since is None:
        control.unsafe_since = seconds


def _protected(control: Control) -> bool:
    return control.state is Desired.HELD and "min_on" in control.held_back.by


def _contradiction(control: Control) -> str:
    asked = "nothing" if control.desired is None else control.desired.action
    reported = "nothing" if control.reported is None else control.reported.state
    return f"{control.actuator.name}: {asked} is requested, it reports {reported}"
