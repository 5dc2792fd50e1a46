"""Which actuators are looked at in a turn: those that something happened to, and those whose time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.troubles import trouble_seconds
from edge_agent.model.agenda import NEVER, Agenda
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.execute.control import Control
    from edge_agent.execute.roster import Roster
    from edge_agent.model.time import Moment

_LEASED = frozenset({Desired.FULFILLED, Desired.ACCEPTED})


class Attention:
    """Keeps account of the actuators that are to be looked at, at first and with another plant all of them.

    Whoever changes a control, or what its command must pass, stirs it; `looked` finds out what time alone may change.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._stirred: dict[Control, None] = {}
        self._agenda: Agenda[Control] = Agenda()
        self.begin()

    def __repr__(self) -> str:
        return f"<Attention: {len(self._stirred)} stirred, {self._agenda!r}>"

    def begin(self) -> None:
        """Look at all of them: the plant is another one."""
        self._agenda = Agenda()
        self._stirred = dict.fromkeys(self._roster)

    def stir(self, *controls: Control) -> None:
        """Look at some in this turn."""
        for control in controls:
            self._stirred[control] = None

    @property
    def stirred(self) -> tuple[Control, ...]:
        """Those that something has happened to in this turn so far."""
        return tuple(self._stirred)

    def take(self, seconds: float) -> list[Control]:
        """Return those that are to be looked at, in the order of the roster."""
        due = self._agenda.take(seconds)
        if not self._stirred and not due:
            return due
        stirred, self._stirred = self._stirred, {}
        return self._roster.in_order({*stirred, *due})

    def looked(self, control: Control, held_until: float, now: Moment) -> None:
        """Note that one was looked at; checks of its command hold it back until then at least."""
        self._stirred.pop(control, None)
        times = (at for at in (held_until, *_times(control)) if at > now.seconds)
        control.due_seconds = min(times, default=NEVER)
        self._agenda.put(control)

    def next_seconds(self) -> float:
        """Return the monotonic time at which one is to be looked at though nothing happens; infinite where none is."""
        return -NEVER if self._stirred else self._agenda.next_seconds()


def _times(control: Control) -> Iterator[float]:
    """Yield the monotonic times at which something about an actuator changes: a command, its lease, what is wrong."""
    yield control.pace.due_seconds
    if control.state in _LEASED and not control.safe:
        yield control.lease.half_seconds
    yield trouble_seconds(control)
    yield control.runs.due_seconds
