"""The fourth phase: standing wishes against reported states become commands; their outcomes come back here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute.control import Control
from edge_agent.execute.equipment import turns_on
from edge_agent.execute.identity import command_id as identify
from edge_agent.model.commands import (
    Check,
    Command,
    CommandEvent,
    CommandRecord,
    CommandState,
    Decision,
    Mode,
    Reported,
    Wish,
)
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.execute.control import Need
    from edge_agent.model.inbox import BreakerReport, DeliveryReport
    from edge_agent.model.plant import Plant
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Moment

_PREFIX: dict[Need, str] = {
    "wish": "",
    "repeat": "once more: ",
    "renew": "lease renewed: ",
    "restore": "the equipment does otherwise: ",
}


#: Why a command is done without its node having said so.
_REPORTED = "the equipment reports it"


@dataclass(slots=True)
class Executed:
    """What execution decided in one turn."""

    commands: list[Command] = field(default_factory=list)
    events: list[CommandEvent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


class _Open(NamedTuple):
    """A command whose outcome is unknown. Its expiry stands on the monotonic scale: the wall clock may jump."""

    control: Control
    record: CommandRecord
    expires_seconds: float


class Executor:
    """Reconciles every actuator of one site. Knows the epoch, counts the commands, judges what may go out."""

    def __init__(self, plant: Plant, agent: str, mode: Mode, remembered: Remembered, now: Moment) -> None:
        self.mode = mode
        self.epoch = remembered.epoch
        self.controls = {actuator.name: Control(actuator) for actuator in plant.actuators}
        self.online: dict[str, bool] = {}
        self.breakers: dict[str, str] = {}
        self._site, self._agent, self._counter = plant.site, agent, 0
        self._open: dict[str, _Open] = {}
        for memory in remembered.actuators:
            if memory.actuator in self.controls:
                self.controls[memory.actuator].remember(memory, now)
        for record in remembered.commands:
            control = self.controls.get(record.command.target)
            if control is not None:
                # It may have been carried out or not: its acknowledgement, a report or its expiry will tell.
                control.resume(record, now)
                self._open[record.command.id] = _Open(control, record, now.seconds_at(record.command.expires_at))

    def wish(self, wishes: Iterable[Wish], executed: Executed, now: Moment) -> None:
        """Take new wishes of plans, as far as the mode lets plans have a say."""
        for wish in wishes:
            control = self.controls.get(wish.actuator)
            if control is None:
                continue
            if self.mode == "auto":
                control.wish(wish, now)
            else:
                self._only_record(control, wish, executed, now)

    def _only_record(self, control: Control, wish: Wish, executed: Executed, now: Moment) -> None:
        """Record what would have been done, and do nothing."""
        checks = self._checks(control, wish, now)
        command_id = None
        if self.mode == "advisory":
            command = self._command(control, wish, wish.reason, now)
            command_id = command.id
            executed.commands.append(command)
            executed.events.append(CommandEvent(command.id, CommandState.ADVISED, now.at, 0, "advisory mode"))
        executed.decisions.append(
            Decision(
                now.at,
                wish.actuator,
                wish.action,
                wish.value,
                wish.plan,
                "advised" if self.mode == "advisory" else "held",
                wish.reason,
                wish.alarms,
                tuple(checks),
                command_id,
            )
        )

    def report(self, actuator: str, state: str, value: float | None, executed: Executed, now: Moment) -> None:
        """Take what an actuator says it does. It settles a command that was open when a former run ended."""
        control = self.controls[actuator]
        control.report(Reported(state, value, now.at), now)
        settled = control.settled_by_report(now)
        if settled is not None:
            self._advance(settled.command.id, CommandState.DONE, _REPORTED, executed, now)

    def node_status(self, node: str, online: bool, now: Moment) -> None:  # noqa: FBT001  # the pair is the message
        """Take whether a node is there."""
        if online and self.online.get(node) is False:
            for control in self._of(node):
                control.awake(now)
        self.online[node] = online

    def breaker(self, report: BreakerReport, now: Moment) -> None:
        """Take what the delivery found about a node."""
        self.breakers[report.node] = report.state
        if report.state != "open":
            for control in self._of(report.node):
                control.awake(now)

    def _of(self, node: str) -> list[Control]:
        return [control for control in self.controls.values() if control.actuator.node == node]

    def concerns(self, command_id: str, actuator: str) -> bool:
        """Whether an actuator may speak of a command: not of another's that is open."""
        found = self._open.get(command_id)
        return found is None or found.control.actuator.name == actuator

    def acknowledge(self, command_id: str, status: str, detail: str, executed: Executed, now: Moment) -> None:
        """Take a node's word on a command. A second one, or one on an unknown command, changes nothing."""
        state, found = CommandState(status), self._open.get(command_id)
        if found is not None and state is not CommandState.ACCEPTED:
            # It was published, though the broker's word on that is still on its way.
            found.record.attempts = max(found.record.attempts, 1)
        self._advance(command_id, state, detail, executed, now)

    def delivered(self, report: DeliveryReport, executed: Executed, now: Moment) -> None:
        """Take the fate of one attempt to deliver a command. What a node has accepted was delivered."""
        found = self._open.get(report.command_id)
        if found is None:
            return
        record = found.record
        if report.state == "published":
            record.attempts += 1
            if record.state is not CommandState.DECIDED:  # a further attempt, or the node was faster than the broker
                executed.events.append(self._event(record, report.detail, now))
                return
        elif record.state is CommandState.ACCEPTED:
            return
        if record.attempts and found.control.proven(record):
            self._advance(report.command_id, CommandState.DONE, _REPORTED, executed, now)
        else:
            self._advance(report.command_id, CommandState(report.state), report.detail, executed, now)

    def _advance(self, command_id: str, state: CommandState, detail: str, executed: Executed, now: Moment) -> None:
        found = self._open.get(command_id)
        if found is None:
            return
        control, record, _ = found
        if control.advance(record, state, now):
            executed.events.append(self._event(record, detail, now))
            if not record.open:
                del self._open[command_id]

    @staticmethod
    def _event(record: CommandRecord, detail: str, now: Moment) -> CommandEvent:
        return CommandEvent(record.command.id, record.state, now.at, record.attempts, detail)

    def reconcile(self, executed: Executed, now: Moment) -> None:
        """Close what has run out of time, then give every command that is needed and may be given."""
        self._expire(executed, now)
        if self.mode != "auto":
            return
        for control in self.controls.values():
            need = control.need(now)
            if need is not None and control.desired is not None:
                self._consider(control, control.desired, need, executed, now)

    def _expire(self, executed: Executed, now: Moment) -> None:
        """Close the commands that nobody will hear of any more.

        An acknowledgement may come a timeout after the expiry; a node that accepted has the length of the lease.
        """
        for identity, (control, record, expires_seconds) in list(self._open.items()):
            actuator = control.actuator
            accepted = record.state is CommandState.ACCEPTED
            grace = actuator.lease_seconds if accepted else actuator.ack_timeout_seconds
            if now.seconds <= expires_seconds + grace:
                continue
            if control.proven(record):
                self._advance(identity, CommandState.DONE, _REPORTED, executed, now)
                continue
            detail = "accepted, but never done" if accepted else "nothing was heard of it"
            self._advance(identity, CommandState.EXPIRED, detail, executed, now)

    def _consider(self, control: Control, wish: Wish, need: Need, executed: Executed, now: Moment) -> None:
        checks = self._checks(control, wish, now)
        reason = _PREFIX[need] + wish.reason
        if not all(check.passed for check in checks):
            if control.hold(checks):
                executed.decisions.append(self._decision(wish, "held", reason, checks, None, now))
            return
        if control.record is not None:
            detail = "its lease is renewed by another" if need == "renew" else f"now {wish.action} is wished"
            self._advance(control.record.command.id, CommandState.SUPERSEDED, detail, executed, now)
        command = self._command(control, wish, reason, now)
        record = CommandRecord(command)
        control.give(record, need, on=turns_on(wish.action, wish.value), now=now)
        self._open[command.id] = _Open(control, record, now.seconds + control.actuator.command_ttl_seconds)
        executed.commands.append(command)
        executed.decisions.append(self._decision(wish, "commanded", reason, checks, command.id, now))

    def _checks(self, control: Control, wish: Wish, now: Moment) -> list[Check]:
        """Look at everything that may hold a command back; the passed ones are part of the explanation."""
        node = control.actuator.node
        online, breaker = self.online.get(node), self.breakers.get(node, "closed")
        checks = [
            Check("mode", self.mode == "auto", self.mode),
            Check("node", online is not False, "never heard" if online is None else "online" if online else "offline"),
            Check("breaker", self._breaker_lets(control, breaker), breaker),
        ]
        on = turns_on(wish.action, wish.value)
        return checks + control.equipment.protections(on=on, seconds=now.seconds)

    def _breaker_lets(self, control: Control, breaker: str) -> bool:
        """Half open, it lets one command through to the node and waits for what becomes of it."""
        if breaker == "half_open":
            return not any(other.record is not None for other in self._of(control.actuator.node) if other != control)
        return breaker == "closed"

    def _command(self, control: Control, wish: Wish, reason: str, now: Moment) -> Command:
        self._counter += 1
        actuator = control.actuator
        return Command(
            identify(self._site, self._agent, self.epoch, self._counter, now.at),
            self._site,
            actuator.node,
            actuator.id,
            wish.action,
            wish.value,
            now.at,
            now.at + round(actuator.command_ttl_seconds * MICROSECONDS),
            actuator.lease_seconds,
            self.epoch,
            self._counter,
            wish.plan,
            reason,
        )

    @staticmethod
    def _decision(
        wish: Wish, verdict: str, reason: str, checks: list[Check], command_id: str | None, now: Moment
    ) -> Decision:
        return Decision(
            now.at,
            wish.actuator,
            wish.action,
            wish.value,
            wish.plan,
            "commanded" if verdict == "commanded" else "held",
            reason,
            wish.alarms,
            tuple(checks),
            command_id,
        )
