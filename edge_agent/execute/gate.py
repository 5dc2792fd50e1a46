"""What may hold a command back: mode, broker, node, breaker, protections, and the starts of other pumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute import prospects
from edge_agent.execute.equipment import turns_on
from edge_agent.execute.stagger import Stagger, return_wait_seconds
from edge_agent.execute.teams import TEAM, Teams
from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import Check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.execute.authority import Authority
    from edge_agent.execute.control import Control
    from edge_agent.execute.facts import Leave
    from edge_agent.execute.reach import Reach
    from edge_agent.execute.roster import Roster
    from edge_agent.model.commands import Request
    from edge_agent.model.time import Moment

#: The name of the check that interlocks make.
INTERLOCK = "interlock"


class Gate:
    """Checks every command, whatever its cause; the checks that pass are part of its explanation."""

    def __init__(self, authority: Authority, reach: Reach, roster: Roster) -> None:
        self._authority, self._reach, self._roster = authority, reach, roster
        self._stagger = Stagger()
        self.teams = Teams(roster, reach)
        self._queueing: dict[Control, None] = {}  # pumps that nothing but the starts of others holds back

    def __repr__(self) -> str:
        return f"<Gate: {self._authority}, {self._reach}>"

    def checks(self, control: Control, request: Request, leave: Leave, now: Moment) -> list[Check]:
        """Look at everything that may hold a command back.

        No belief about its node holds the fail-safe action back, nor does an interlock, and nothing but the broker a
        trip.
        """
        node = control.actuator.node
        safe = request.action == control.actuator.fail_safe
        breaker = self._reach.breaker(node)
        checks = [
            Check("mode", self._authority.commands, self._authority.mode),
            self._reach.broker_check(),
            self._reach.node_check(node, safe=safe),
            Check("breaker", safe or self._breaker_lets(control, breaker), breaker),
        ]
        if request.trip:
            return [*checks, Check("trip", passed=True, detail="minimum times do not hold it back")]
        if not safe:
            checks += self._interlocks(control, request, leave)
        on = turns_on(request.action, request.value)
        checks += control.equipment.protections(on=on, seconds=now.seconds)
        ramp = control.travel.check(request, now.seconds)
        checks += [] if safe or ramp is None else [ramp]
        if begins(control, request):
            checks += self.teams.checks(control, now.seconds)
        if starts(control, request):
            return [*checks, self._stagger_check(control, request, now)]
        opening = self._opens(control, request) and control.actuator.power_return_seconds[1] > 0
        return [*checks, self._return_check(control, request, now)] if opening else checks

    @staticmethod
    def _opens(control: Control, request: Request) -> bool:
        """Whether a command makes a valve open that is not known to be so; no other opening holds it back."""
        unknown = control.actuator.kind == "valve" and not control.safe and control.equipment.running is not True
        return unknown and turns_on(request.action, request.value)

    @staticmethod
    def _return_check(control: Control, request: Request, now: Moment) -> Check:
        wait = return_wait_seconds(control, now.seconds)
        detail = "long enough after the return" if wait <= 0 else f"{request.action} in {wait:.0f} s"
        return Check("power_return", wait <= 0, detail)

    def _interlocks(self, control: Control, request: Request, leave: Leave) -> list[Check]:
        """Check that no interlock is against it; nothing is checked where none is about it."""
        begins = prospects.begins(control, there=self._reach.is_there(control.actuator.node))
        why = leave.bar(control.actuator.name, begins, prospects.after(request))
        return [] if why is None else [Check(INTERLOCK, not why, why or "none is against it")]

    def waiting(self, stirred: Iterable[Control]) -> list[Control]:
        """Return the controls whose start their group holds back, for one of those that something happened to."""
        partners = (partner for control in stirred for partner in self.teams.partners(control))
        return [partner for partner in dict.fromkeys(partners) if partner.held_back.by & {TEAM, "stagger"}]

    def _stagger_check(self, control: Control, request: Request, now: Moment) -> Check:
        """Check that a pump starts after others that would start in the same instant, and after a return of power."""
        wait = self._wait_seconds(control, now)
        return Check("stagger", wait <= 0, "no other start" if wait <= 0 else f"{request.action} in {wait:.0f} s")

    def _wait_seconds(self, control: Control, now: Moment) -> float:
        by_others = self._stagger.wait_seconds(control.actuator.name, now.seconds)
        return max(by_others, return_wait_seconds(control, now.seconds))

    def _breaker_lets(self, control: Control, breaker: str) -> bool:
        """Half open, it lets one command through to the node and waits for what becomes of it."""
        if breaker == "half_open":
            others = self._roster.of(control.actuator.node)
            return not any(other.record is not None for other in others if other != control)
        return breaker == "closed"

    def begin(self) -> None:
        """Begin anew with the actuators of another plant."""
        self._queueing.clear()

    def queue(
        self, looked: Iterable[Control], wanted: Iterable[tuple[Control, Request]], leave: Leave, now: Moment
    ) -> None:
        """Count the pumps that nothing but the starts of others holds back: they share the window.

        Those that are not looked at in this turn queue on where they did. `wanted`: who asks for a command now.
        """
        for control in looked:
            self._queueing.pop(control, None)
        for control, request in wanted:
            if self._waits_its_turn(control, request, leave, now):
                self._queueing[control] = None
        self.count()

    def count(self) -> None:
        """Note how many pumps queue: where none does any more, the next that do are another batch."""
        self._stagger.turn(len(self._queueing))

    def free_seconds(self, control: Control, request: Request, now: Moment) -> float:
        """Return the next monotonic time at which a check that holds a command back may pass, if nothing happens."""
        on = turns_on(request.action, request.value)
        times = [control.travel.until_seconds, *control.equipment.free_times(on=on)]
        if starts(control, request):
            times.append(now.seconds + self._wait_seconds(control, now))
        elif self._opens(control, request):
            times.append(now.seconds + return_wait_seconds(control, now.seconds))
        if begins(control, request):
            times += self.teams.free_seconds(control)
        return min((at for at in times if at > now.seconds), default=NEVER)

    def _waits_its_turn(self, control: Control, request: Request, leave: Leave, now: Moment) -> bool:
        if not starts(control, request):
            return False
        return all(check.passed for check in self.checks(control, request, leave, now) if check.name != "stagger")

    def started(self, control: Control, request: Request, now: Moment) -> None:
        """Note that a command is about to be given."""
        self._queueing.pop(control, None)
        if starts(control, request):
            self._stagger.started(control.actuator.name, now.seconds)


def begins(control: Control, request: Request) -> bool:
    """Whether a command for a request makes equipment run, or open, that is not known to do so."""
    return not control.safe and turns_on(request.action, request.value) and control.equipment.running is not True


def starts(control: Control, request: Request) -> bool:
    """Whether a command for a request makes a pump start that is not known to run."""
    return control.actuator.kind == "pump" and begins(control, request)
