"""Requests against what equipment does: every command that is needed and may be given is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute import decisions, outcomes
from edge_agent.execute.gate import INTERLOCK, Gate
from edge_agent.execute.need import Wanted, need
from edge_agent.execute.outcomes import Word
from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import CommandRecord, CommandState

if TYPE_CHECKING:
    from edge_agent.execute.authority import Authority
    from edge_agent.execute.control import Control
    from edge_agent.execute.facts import Executed, Leave
    from edge_agent.execute.opencommands import OpenCommands
    from edge_agent.execute.reach import Reach
    from edge_agent.execute.roster import Roster
    from edge_agent.model.commands import Check
    from edge_agent.model.time import Moment


class Reconciliation:
    """Gives commands. `blind` are the actuators whose command waits for evidence: they are looked at in every turn.

    `barred` are those whose command an interlock holds back: they are looked at when that may have changed.
    """

    def __init__(self, authority: Authority, reach: Reach, roster: Roster, open_commands: OpenCommands) -> None:
        self._authority, self._roster, self._open_commands = authority, roster, open_commands
        self.gate = Gate(authority, reach, roster)
        self.blind: dict[Control, None] = {}
        self.barred: dict[Control, None] = {}

    def __repr__(self) -> str:
        return f"<Reconciliation: {self.gate}, {len(self.blind)} wait for evidence>"

    def begin(self) -> None:
        """Begin anew with the actuators of another plant: all of them are looked at."""
        self.blind.clear()
        self.barred.clear()
        self.gate.begin()

    def run(self, looked: list[Control], leave: Leave, executed: Executed, now: Moment) -> dict[Control, float]:
        """Give every command that is needed and may be given; what waits for evidence is only ever made safe.

        Return until when at least checks hold the others back.
        """
        wanted: list[Wanted] = []
        held_until: dict[Control, float] = {}
        for control in looked:
            self.blind.pop(control, None)
            self.barred.pop(control, None)
            why = need(control, now)
            if why is None or control.desired is None:
                continue
            if control.safe or not leave.unsure(control.actuator.name):
                wanted.append(Wanted(control, control.desired, why))
            else:
                self.blind[control] = None
        self.gate.queue(looked, [(each.control, each.request) for each in wanted], leave, now)
        for each in sorted(wanted, key=lambda each: not each.control.safe):  # what stops comes before what begins
            checks = self.gate.checks(each.control, each.request, leave, now)
            if all(check.passed for check in checks):
                self._give(each, checks, executed, now)
            else:
                self._hold(each, checks, executed, now)
                held_until[each.control] = self._free_seconds(each, leave, now)
        self.gate.count()
        return held_until

    def _hold(self, wanted: Wanted, checks: list[Check], executed: Executed, now: Moment) -> None:
        """Hold a command back, and record why where that is news."""
        if any(check.name == INTERLOCK and not check.passed for check in checks):
            self.barred[wanted.control] = None
        if wanted.control.held_back.hold(checks, wanted.request, now.seconds):
            executed.decisions.append(decisions.held(wanted.request, wanted.reason, checks, now))

    def _free_seconds(self, wanted: Wanted, leave: Leave, now: Moment) -> float:
        """Return when it may be given, if nothing happens: what another was commanded may have come to nothing then."""
        free = self.gate.free_seconds(wanted.control, wanted.request, now)
        if wanted.control not in self.barred:
            return free
        partners = (self._roster.plant.get(name) for name in leave.partners(wanted.control.actuator.name))
        times = (at for each in partners if each is not None for at in each.traces.ends())
        return min((at for at in (free, *times) if at > now.seconds), default=NEVER)

    def _give(self, wanted: Wanted, checks: list[Check], executed: Executed, now: Moment) -> None:
        control, request, why = wanted
        detail = "its lease is renewed by another" if why == "renew" else f"now {request.action} is requested"
        self._open_commands.close(control, Word(CommandState.SUPERSEDED, detail), executed, now)
        command = self._authority.command(control.actuator, request, wanted.reason, now)
        record = CommandRecord(command)
        self.gate.started(control, request, now)
        outcomes.give(control, record, why, now)
        self._open_commands.follow(control, record, now.seconds + control.actuator.command_ttl_seconds)
        executed.commands.append(command)
        executed.decisions.append(decisions.commanded(request, command, checks, now))
