"""Groups as execution holds them: how many of one may run at once, and how far apart they start, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute.equipment import reported_on, turns_on
from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import Check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.execute.control import Control
    from edge_agent.execute.reach import Reach
    from edge_agent.execute.roster import Roster

#: What keeps a member of a group from starting.
TEAM = "group"


class Team(NamedTuple):
    """One group: its members, each with the actuators that run when it does."""

    name: str
    members: tuple[tuple[str, ...], ...]
    at_most: int
    stagger_seconds: float


class Teams:
    """Checks the starts of members of groups."""

    def __init__(self, roster: Roster, reach: Reach) -> None:
        self._roster, self._reach = roster, reach
        self._of: dict[str, list[Team]] = {}

    def __repr__(self) -> str:
        return f"<Teams of {len(self._of)} actuators>"

    def survey(self, teams: Iterable[Team]) -> None:
        """Go on with other groups."""
        self._of = {}
        for team in teams:
            for name in {name for member in team.members for name in member}:
                self._of.setdefault(name, []).append(team)

    def checks(self, control: Control, seconds: float) -> Iterator[Check]:
        """Check that no more than allowed may run once one has started, and that the last start is long enough ago."""
        for team in self._of.get(control.actuator.name, ()):
            others = self._others(team, control)
            running = [part for part in others if any(may_run(each, self._reach, seconds) for each in part)]
            names = ", ".join(part[0].actuator.name for part in running) or "no other"
            may = f"{names} may run" if len(running) < team.at_most else f"{names} may run: no more than {team.at_most}"
            yield Check(TEAM, len(running) < team.at_most, f"group {team.name}: {may}")
            wait = self._stagger_seconds(team, control) - seconds
            detail = "no other start" if wait <= 0 else f"group {team.name}: in {wait:.0f} s"
            yield Check("stagger", wait <= 0, detail)

    def free_seconds(self, control: Control) -> Iterator[float]:
        """Yield the monotonic times at which a start that is held back may come, though nothing happens."""
        for team in self._of.get(control.actuator.name, ()):
            yield self._stagger_seconds(team, control)
            for part in self._others(team, control):
                yield from (lease_over_seconds(each, self._reach) for each in part)

    def partners(self, control: Control) -> Iterator[Control]:
        """Yield the others of its groups whose start it may hold back."""
        for team in self._of.get(control.actuator.name, ()):
            for part in self._others(team, control):
                yield from part

    def _others(self, team: Team, control: Control) -> list[list[Control]]:
        """Return the controls of the other members; of one with several actuators all of them."""
        name, plant = control.actuator.name, self._roster.plant
        others = [[plant[each] for each in member if each in plant] for member in team.members if name not in member]
        return [part for part in others if part]

    def _stagger_seconds(self, team: Team, control: Control) -> float:
        started = [
            each.equipment.started_seconds
            for part in self._others(team, control)
            for each in part
            if each.equipment.started_seconds is not None
        ]
        return max(started, default=-NEVER) + team.stagger_seconds


def may_run(control: Control, reach: Reach, seconds: float) -> bool:
    """Whether equipment may be running: it does not only where that is known.

    Known is what it has reported, or what its node acknowledged where it reports nothing, while nothing that was
    commanded since may have changed it. Of one whose node is offline the last word holds where that says that it rests;
    else it may run until its lease has surely run out. What runs by hand has none: it runs until it reports otherwise.
    """
    if control.causes.by_hand:
        return True
    record = control.record
    if record is not None and turns_on(record.command.action, record.command.value):
        return True
    return not _rests(control, seconds) and seconds < lease_over_seconds(control, reach)


def _rests(control: Control, seconds: float) -> bool:
    """Whether the last word on equipment is that it rests, and no command that was given may have changed that."""
    equipment = control.equipment
    if control.reported is None:
        return equipment.running is False and equipment.heard
    late = True in control.traces.may_be(seconds)  # a start may come late
    return reported_on(control.reported.state) is False and equipment.running is not True and not late


def lease_over_seconds(control: Control, reach: Reach) -> float:
    """Return the monotonic time from which on equipment whose node is offline rests, as its lease is over."""
    gone = reach.gone_seconds.get(control.actuator.node)
    if gone is None or control.causes.by_hand or turns_on(control.actuator.fail_safe, None):
        return NEVER
    return gone + control.actuator.command_ttl_seconds + control.actuator.lease_seconds
