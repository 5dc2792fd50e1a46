"""What may hold a command back: mode, broker, node, breaker, protections, and the starts of other pumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.equipment import turns_on
from edge_agent.execute.stagger import Stagger, return_wait_seconds
from edge_agent.model.commands import Check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.execute.authority import Authority
    from edge_agent.execute.control import Control
    from edge_agent.execute.reach import Reach
    from edge_agent.execute.roster import Roster
    from edge_agent.model.commands import Wish
    from edge_agent.model.time import Moment


class Gate:
    """Checks every command, whatever its cause; the checks that pass are part of its explanation."""

    def __init__(self, authority: Authority, reach: Reach, roster: Roster) -> None:
        self._authority, self._reach, self._roster = authority, reach, roster
        self._stagger = Stagger()

    def __repr__(self) -> str:
        return f"<Gate: {self._authority}, {self._reach}>"

    def checks(self, control: Control, wish: Wish, now: Moment) -> list[Check]:
        """Look at everything that may hold a command back.

        No belief about its node holds the fail-safe action back, and nothing but the broker a trip.
        """
        node = control.actuator.node
        safe = wish.action == control.actuator.fail_safe
        breaker = self._reach.breaker(node)
        checks = [
            Check("mode", self._authority.commands, self._authority.mode),
            self._reach.broker_check(),
            self._reach.node_check(node, safe=safe),
            Check("breaker", safe or self._breaker_lets(control, breaker), breaker),
        ]
        if wish.trip:
            return [*checks, Check("trip", passed=True, detail="minimum times do not hold it back")]
        on = turns_on(wish.action, wish.value)
        checks += control.equipment.protections(on=on, seconds=now.seconds)
        return [*checks, self._stagger_check(control, wish, now)] if starts(control, wish) else checks

    def _stagger_check(self, control: Control, wish: Wish, now: Moment) -> Check:
        """Check that a pump starts after others that would start in the same instant, and after a return of power."""
        wait = max(
            self._stagger.wait_seconds(control.actuator.name, now.seconds), return_wait_seconds(control, now.seconds)
        )
        return Check("stagger", wait <= 0, "no other start" if wait <= 0 else f"{wish.action} in {wait:.0f} s")

    def _breaker_lets(self, control: Control, breaker: str) -> bool:
        """Half open, it lets one command through to the node and waits for what becomes of it."""
        if breaker == "half_open":
            others = self._roster.of(control.actuator.node)
            return not any(other.record is not None for other in others if other != control)
        return breaker == "closed"

    def queue(self, wanted: Iterable[tuple[Control, Wish]], now: Moment) -> None:
        """Count the pumps that nothing but the starts of others holds back: they share the window."""
        self._stagger.turn(sum(self._waits_its_turn(control, wish, now) for control, wish in wanted))

    def _waits_its_turn(self, control: Control, wish: Wish, now: Moment) -> bool:
        if not starts(control, wish):
            return False
        return all(check.passed for check in self.checks(control, wish, now) if check.name != "stagger")

    def started(self, control: Control, wish: Wish, now: Moment) -> None:
        """Note that a command is about to be given."""
        if starts(control, wish):
            self._stagger.started(control.actuator.name, now.seconds)


def starts(control: Control, wish: Wish) -> bool:
    """Whether a command for a request makes a pump start that is not known to run."""
    return (
        control.actuator.kind == "pump"
        and not control.safe
        and turns_on(wish.action, wish.value)
        and control.equipment.running is not True
    )
