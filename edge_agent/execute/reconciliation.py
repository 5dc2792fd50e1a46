"""Requests against what equipment does: every command that is needed and may be given is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute import decisions, outcomes
from edge_agent.execute.gate import Gate
from edge_agent.execute.need import PREFIX, need
from edge_agent.execute.outcomes import Word
from edge_agent.model.commands import CommandRecord, CommandState

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.execute.authority import Authority
    from edge_agent.execute.control import Control
    from edge_agent.execute.facts import Executed
    from edge_agent.execute.need import Need
    from edge_agent.execute.opencommands import OpenCommands
    from edge_agent.execute.reach import Reach
    from edge_agent.execute.roster import Roster
    from edge_agent.model.commands import Request
    from edge_agent.model.time import Moment


class Reconciliation:
    """Gives commands. `blind` are the actuators whose command waits for evidence: they are looked at in every turn."""

    def __init__(self, authority: Authority, reach: Reach, roster: Roster, open_commands: OpenCommands) -> None:
        self._authority, self._open_commands = authority, open_commands
        self.gate = Gate(authority, reach, roster)
        self.blind: dict[Control, None] = {}

    def __repr__(self) -> str:
        return f"<Reconciliation: {self.gate}, {len(self.blind)} wait for evidence>"

    def begin(self) -> None:
        """Begin anew with the actuators of another plant: all of them are looked at."""
        self.blind.clear()
        self.gate.begin()

    def run(
        self, looked: list[Control], unsure: Callable[[str], bool], executed: Executed, now: Moment
    ) -> dict[Control, float]:
        """Give every command that is needed and may be given; what waits for evidence is only ever made safe.

        Return until when at least checks hold the others back.
        """
        wanted, held_until = [], {}
        for control in looked:
            self.blind.pop(control, None)
            why = need(control, now)
            if why is None or control.desired is None:
                continue
            if control.safe or not unsure(control.actuator.name):
                wanted.append((control, control.desired, why))
            else:
                self.blind[control] = None
        self.gate.queue(looked, [(control, request) for control, request, _ in wanted], now)
        for control, request, why in wanted:
            if not self._consider(control, request, why, executed, now):
                held_until[control] = self.gate.free_seconds(control, request, now)
        self.gate.count()
        return held_until

    def _consider(self, control: Control, request: Request, why: Need, executed: Executed, now: Moment) -> bool:
        """Give a command, or hold it back; return whether it was given."""
        checks = self.gate.checks(control, request, now)
        reason = PREFIX[why] + request.reason
        if not all(check.passed for check in checks):
            if control.held_back.hold(checks, request, now.seconds):
                executed.decisions.append(decisions.held(request, reason, checks, now))
            return False
        detail = "its lease is renewed by another" if why == "renew" else f"now {request.action} is requested"
        self._open_commands.close(control, Word(CommandState.SUPERSEDED, detail), executed, now)
        command = self._authority.command(control.actuator, request, reason, now)
        record = CommandRecord(command)
        self.gate.started(control, request, now)
        outcomes.give(control, record, why, now)
        self._open_commands.follow(control, record, now.seconds + control.actuator.command_ttl_seconds)
        executed.commands.append(command)
        executed.decisions.append(decisions.commanded(request, command, checks, now))
        return True
