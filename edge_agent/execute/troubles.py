"""What is wrong with one actuator, as conditions that stand as alarms while they last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.panel import Hand
from edge_agent.model.agenda import NEVER
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.desired import Desired
from edge_agent.model.plant import (
    CONTRADICTS,
    FAILED,
    LOCKED_OUT,
    NOT_IN_AUTO,
    STOP_NOT_CONFIRMED,
)
from edge_agent.model.titles import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.execute.control import Control
    from edge_agent.execute.roster import Roster
    from edge_agent.model.plant import Priority
    from edge_agent.model.time import Moment

    Conditions = dict[AlarmKey, tuple[Priority, str]]
    Trouble = tuple[str, Priority, str]

#: A fail-safe action that is not confirmed so long after it was due, or two acknowledgement times, and the ramp, is an
#: alarm.
CONFIRM_SECONDS = 10.0


def troubles(control: Control, seconds: float) -> Iterator[Trouble]:
    """Yield name, priority and reason of each condition of an actuator at a monotonic time."""
    name = title(control.actuator)
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
    if control.unsafe_since is not None and seconds >= _unconfirmed_seconds(control):
        name, action, late = title(control.actuator), control.actuator.fail_safe, seconds - control.unsafe_since
        yield STOP_NOT_CONFIRMED, "critical", f"{name}: {action} has not been confirmed for {late:.0f} s"


def _unconfirmed_seconds(control: Control) -> float:
    since = control.unsafe_since
    patience = control.actuator.ramp_seconds + max(CONFIRM_SECONDS, 2 * control.actuator.ack_timeout_seconds)
    return NEVER if since is None else since + patience


def trouble_seconds(control: Control) -> float:
    """Return the monotonic time at which the next condition of an actuator is due, if nothing happens."""
    return min(control.contradicted_seconds, _unconfirmed_seconds(control))


class Watch:
    """Keeps account of what is wrong with all actuators: those that were looked at in a turn are looked at here too."""

    def __init__(self) -> None:
        self.found: Conditions = {}
        self._by: dict[Control, frozenset[AlarmKey]] = {}
        self.has_news = True  # at first, for what stood before

    def __repr__(self) -> str:
        return f"<Watch: {len(self.found)} conditions>"

    def look(self, looked: Iterable[Control], roster: Roster, now: Moment) -> Conditions | None:
        """Return what is wrong with all actuators, by alarm; None where it is the same as before."""
        for control in looked:
            watch(control, now.seconds)
            actuator = control.actuator
            tell = troubles if actuator.name in roster.plant else unconfirmed
            told = {
                AlarmKey(actuator.node, actuator.id, name): (priority, reason)
                for name, priority, reason in tell(control, now.seconds)
            }
            if told or control in self._by:
                self._take(control, told)
        has_news, self.has_news = self.has_news, False
        return self.found.copy() if has_news else None

    def _take(self, control: Control, told: Conditions) -> None:
        before = self._by.pop(control, frozenset())
        if told:
            self._by[control] = frozenset(told)
        for key in before - told.keys():
            del self.found[key]
        self.found |= told
        self.has_news = self.has_news or told.keys() != before

    def keep(self, roster: Roster) -> None:
        """Forget the actuators that are gone; what is wrong with the others is looked for anew."""
        for control in [each for each in self._by if each not in roster]:
            self._take(control, {})


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
    return f"{title(control.actuator)}: {asked} is requested, it reports {reported}"
