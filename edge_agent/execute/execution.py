"""The fourth phase: requests against reported states become commands; their outcomes come back here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute import departure
from edge_agent.execute.control import Control
from edge_agent.execute.equipment import fulfils, turns_on
from edge_agent.execute.identity import command_id as identify
from edge_agent.execute.nodeclocks import STEP_SECONDS, NodeClocks
from edge_agent.execute.stagger import Stagger, return_wait_seconds
from edge_agent.execute.troubles import troubles, unconfirmed, watch
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.commands import (
    MOST_EPOCH_JUMP,
    ActuatorMemory,
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
    from collections.abc import Callable, Iterable, Iterator

    from edge_agent.execute.control import Need
    from edge_agent.execute.departure import Departure
    from edge_agent.model.inbox import BreakerReport, DispatchReport, Operation
    from edge_agent.model.plant import Actuator, Plant, Priority
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Moment

#: A number that a node may tell in a refusal: at most as large as an epoch can be.
_NUMBER = re.compile(r"(?<!\d)\d{1,15}(?!\d)")

_PREFIX: dict[Need, str] = {
    "wish": "",
    "repeat": "once more: ",
    "renew": "lease renewed: ",
    "restore": "the equipment does otherwise: ",
}


#: Why a command is done without its node having said so.
_REPORTED = "the equipment reports it"
#: A node that has accepted a fail-safe action and does not end it is asked again after so long, or twice its timeout.
ACCEPTED_SECONDS = 10.0
#: So often the conditions of actuators are looked at.
WATCH_SECONDS = 1.0


@dataclass(slots=True)
class Executed:
    """What execution decided in one turn. `memories`: of actuators that are gone."""

    commands: list[Command] = field(default_factory=list)
    events: list[CommandEvent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    memories: list[ActuatorMemory] = field(default_factory=list)


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
        self.controls = {actuator.name: Control(actuator, now.seconds) for actuator in plant.actuators}
        self.online: dict[str, bool] = {}
        self.offline: set[str] = set()
        self.raised: int | None = None  # the epoch that was begun since it was last made durable
        self.refused: int | None = None  # the epoch that a node has named in refusing this agent's since the last turn
        self.linked = True  # as far as is known, the broker can be reached
        self._stagger = Stagger()
        self._offset, self._sure = now.offset, now.sure
        self.clocks = NodeClocks()
        self._next_watch = float("-inf")
        self.breakers: dict[str, str] = {}
        self._site, self._agent, self._counter = plant.site, agent, 0
        self._open: dict[str, _Open] = {}
        self.leaving: dict[str, Departure] = {}  # actuators that are in the plant no more, and not yet known to rest
        self._lost: list[CommandRecord] = []  # open commands of former runs for what nobody knows any more
        self._unknown: list[str] = []  # actuators that may run still, and nobody knows how to stop them
        self._recall(remembered, now)

    def _recall(self, remembered: Remembered, now: Moment) -> None:
        """Take up what a former run knew, of actuators that are not in the plant any more too."""
        former = {}
        for memory in remembered.actuators:
            control = self.controls.get(memory.actuator)
            if control is not None:
                control.remember(memory, now)
            elif self.mode == "auto":
                former[memory.actuator] = departure.remembered(memory, now)
                if former[memory.actuator] is None and (memory.running or memory.missed):
                    self._unknown.append(memory.actuator)
        for record in remembered.commands:
            name = record.command.target
            control = self.controls.get(name) or former.get(name)
            if control is None:
                self._lost.append(record)
                continue
            # It may have been carried out or not: its acknowledgement, a report or its expiry will tell.
            control.resume(record)
            self._open[record.command.id] = _Open(control, record, _expiry(control, record, now))
        for name, control in former.items():
            if control is not None and not control.at_rest:
                self.leaving[name] = departure.depart(control, now)

    def all_controls(self) -> Iterator[Control]:
        """Yield the actuators of the plant, and those that have left it and are being stopped."""
        yield from self.controls.values()
        for leaving in self.leaving.values():
            yield leaving.control

    def actuators(self) -> Iterator[Actuator]:
        """Yield all that may be commanded."""
        return (control.actuator for control in self.all_controls())

    def _control(self, name: str) -> Control:
        return self.controls[name] if name in self.controls else self.leaving[name].control

    def renew(self, plant: Plant, executed: Executed, now: Moment) -> None:
        """Go on with a changed plant. An actuator that is gone is first stopped, unless it is known to rest."""
        before = {control.actuator.name: control for control in self.all_controls()}
        self.controls = {actuator.name: _heir(before.get(actuator.name), actuator, now) for actuator in plant.actuators}
        for name in self.leaving.keys() & self.controls.keys():
            departure.come_back(self.controls[name], now)
            del self.leaving[name]
        for identity, open_ in list(self._open.items()):
            heir = self.controls.get(open_.control.actuator.name)
            if heir is not None:
                self._open[identity] = open_._replace(control=heir)
        for name, control in before.items():
            if name not in self.controls and name not in self.leaving:
                self._leave(control, executed, now)
        nodes = {*plant.nodes, *(actuator.node for actuator in self.actuators())}
        for node in [node for node in self.online if node not in nodes]:
            del self.online[node]
            self.offline.discard(node)
            self.breakers.pop(node, None)

    def _leave(self, control: Control, executed: Executed, now: Moment) -> None:
        """Let an actuator go: at once where it rests, or nothing may be commanded."""
        if self.mode == "auto" and not control.at_rest:
            self.leaving[control.actuator.name] = departure.depart(control, now)
        else:
            self._let_go(control, CommandState.SUPERSEDED, "its actuator is gone from the plant", executed, now)

    def _let_go(self, control: Control, state: CommandState, detail: str, executed: Executed, now: Moment) -> None:
        name = control.actuator.name
        if control.record is not None:
            self._advance(control.record.command.id, state, detail, executed, now)
        self.leaving.pop(name, None)
        executed.memories.append(departure.forgotten(name))

    def _see_off(self, executed: Executed, now: Moment) -> None:
        """Let go of the actuators that have left the plant and rest, or whose lease is over; tell what cannot be."""
        for leaving in [each for each in self.leaving.values() if each.over(now.seconds)]:
            if not leaving.control.at_rest:
                executed.decisions.append(departure.unconfirmed(leaving, now))
            self._let_go(leaving.control, CommandState.EXPIRED, "its actuator's lease is over", executed, now)
        if self._lost or self._unknown:
            self._tell_lost(executed, now)

    def _tell_lost(self, executed: Executed, now: Moment) -> None:
        for record in self._lost:
            record.state = CommandState.EXPIRED
            executed.events.append(self._event(record, departure.absent(record.command.target), now))
        may_run = {*self._unknown, *(record.command.target for record in self._lost)} if self.mode == "auto" else set()
        executed.decisions += [departure.unknown(name, now) for name in sorted(may_run)]
        executed.memories += [departure.forgotten(name) for name in sorted(may_run)]
        self._lost, self._unknown = [], []

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
        if not control.is_news(wish, frozenset({self.mode}), now):
            return
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

    def report(
        self, actuator: str, state: str, value: float | None, executed: Executed, now: Moment, *, local: bool = False
    ) -> None:
        """Take what an actuator says it does. It settles a command that was open when a former run ended."""
        control = self._control(actuator)
        control.report(Reported(state, value, now.at, local), now)
        settled = control.settled_by_report()
        if settled is not None:
            self._advance(settled.command.id, CommandState.DONE, _REPORTED, executed, now)

    def node_status(self, node: str, online: bool, now: Moment) -> None:  # noqa: FBT001  # the pair is the message
        """Note whether a node is there. What it reports when it comes back is no hand's doing."""
        before, self.online[node] = self.online.get(node), online
        (self.offline.discard if online else self.offline.add)(node)
        if online is before:
            return
        for control in self._of(node):
            if not online:
                control.gone()
            elif before is False:
                control.returned(now)

    def link(self, now: Moment, *, connected: bool) -> None:
        """Note that the broker came or went: what was missed meanwhile is asked at once."""
        if connected and not self.linked:
            self._awake(now)
        self.linked = connected

    def raise_epoch(self, above: int, now: Moment) -> bool:
        """Begin an epoch above another; return whether that was needed, and credible."""
        if not self.epoch <= above <= self.epoch + MOST_EPOCH_JUMP:
            return False
        self.epoch, self._counter, self.raised = above + 1, 0, above + 1
        self._awake(now)
        return True

    def operate(self, operation: Operation, now: Moment) -> bool:
        """Do what a person asks of an actuator; return whether that changed anything."""
        control = self.controls.get(operation.target)
        return control is not None and control.release(now, reset=operation.operation == "reset")

    def _awake(self, now: Moment) -> None:
        for control in self.all_controls():
            control.awake(now)

    def doing(self, wish: Wish) -> bool | None:
        """Return whether the equipment reports, in this run, doing what is asked; None where it has not reported."""
        reported = self.controls[wish.actuator].reported
        return None if reported is None else fulfils(wish.action, wish.value, reported)

    def breaker(self, report: BreakerReport, now: Moment) -> None:
        """Take what the delivery found about a node."""
        self.breakers[report.node] = report.state
        if report.state != "open":
            for control in self._of(report.node):
                control.awake(now)

    def _of(self, node: str) -> list[Control]:
        return [control for control in self.all_controls() if control.actuator.node == node]

    @property
    def awaits_nodes(self) -> bool:
        """Whether a command is open, so that an acknowledgement or a state of its actuator is to come."""
        return bool(self._open)

    def concerns(self, command_id: str, actuator: str) -> bool:
        """Whether an actuator may speak of a command: not of another's that is open."""
        found = self._open.get(command_id)
        return found is None or found.control.actuator.name == actuator

    def overhear(self, command_id: str, actuator: str, now: Moment) -> None:
        """Note that a node carries out a command that is not open here: what its equipment does is no hand's doing."""
        if command_id not in self._open:
            self._control(actuator).overhear(command_id, now)

    def acknowledge(self, command_id: str, status: str, detail: str, executed: Executed, now: Moment) -> None:
        """Take a node's word on a command. A second one, or one on an unknown command, changes nothing."""
        state, found = CommandState(status), self._open.get(command_id)
        if found is not None and state is not CommandState.ACCEPTED:
            # It was published, though the broker's word on that is still on its way.
            found.record.attempts = max(found.record.attempts, 1)
        self._advance(command_id, state, detail, executed, now, by_node=True)
        if found is not None and state is CommandState.REJECTED:
            self._heed_refusal(found.record.command.epoch, detail.lower())

    def _heed_refusal(self, epoch: int, detail: str) -> None:
        """Note that a node takes a command for one of the past: by its epoch, or by its counter within that."""
        if "epoch" in detail:
            self.refused = max([epoch, *(int(number) for number in _NUMBER.findall(detail))])
        elif "counter" in detail:
            self.refused = max(epoch, self.refused or 0)

    def delivered(self, report: DispatchReport, executed: Executed, now: Moment) -> None:
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

    def _advance(
        self,
        command_id: str,
        state: CommandState,
        detail: str,
        executed: Executed,
        now: Moment,
        *,
        by_node: bool = False,
    ) -> None:
        found = self._open.get(command_id)
        if found is None:
            return
        control, record, _ = found
        if control.advance(record, state, now, detail, by_node=by_node):
            executed.events.append(self._event(record, detail, now))
            if not record.open:
                del self._open[command_id]

    @staticmethod
    def _event(record: CommandRecord, detail: str, now: Moment) -> CommandEvent:
        return CommandEvent(record.command.id, record.state, now.at, record.attempts, detail)

    def reconcile(self, executed: Executed, now: Moment, unsure: Callable[[str], bool] = lambda _: False) -> None:
        """Close what has run out of time, then give every command that is needed and may be given.

        `unsure` says whether the request for an actuator waits for evidence: then only the fail-safe is commanded.
        """
        self._heed_clock(now)
        self._expire(executed, now)
        self._see_off(executed, now)
        if self.mode != "auto":
            return
        wanted = []
        for control in self.all_controls():
            need = control.need(now)
            if need is not None and control.desired is not None and (control.safe or not unsure(control.actuator.name)):
                wanted.append((control, control.desired, need))
        self._stagger.turn(sum(self._waits_its_turn(control, wish, now) for control, wish, _ in wanted))
        for control, wish, need in wanted:
            self._consider(control, wish, need, executed, now)

    def _heed_clock(self, now: Moment) -> None:
        """Where the wall clock was set, ask at once for what was missed: an expiry may have been why.

        What is remembered is dated anew then, and when the clock becomes sure: the next boot has nothing else.
        """
        stepped = abs(now.offset - self._offset) > STEP_SECONDS
        if stepped:
            self._awake(now)
        if stepped or now.sure is not self._sure:
            for control in self.all_controls():
                control.changed = True
        self._offset, self._sure = now.offset, now.sure

    @staticmethod
    def _starts(control: Control, wish: Wish) -> bool:
        """Whether a command for a request makes a pump start that is not known to run."""
        return (
            control.actuator.kind == "pump"
            and not control.safe
            and turns_on(wish.action, wish.value)
            and control.equipment.running is not True
        )

    def _waits_its_turn(self, control: Control, wish: Wish, now: Moment) -> bool:
        """Whether nothing but the starts of others holds a start back."""
        if not self._starts(control, wish):
            return False
        return all(check.passed for check in self._checks(control, wish, now) if check.name != "stagger")

    def conditions(self, now: Moment) -> dict[AlarmKey, tuple[Priority, str]] | None:
        """Return what is wrong with actuators, by alarm; None where it is not time to look again."""
        if now.seconds < self._next_watch and not any(control.changed for control in self.all_controls()):
            return None
        self._next_watch = now.seconds + WATCH_SECONDS
        found: dict[AlarmKey, tuple[Priority, str]] = {}
        for control in self.controls.values():
            watch(control, now.seconds)
            actuator = control.actuator
            for name, priority, reason in troubles(control, now.seconds):
                found[AlarmKey(actuator.node, actuator.id, name)] = priority, reason
        for leaving in self.leaving.values():
            watch(leaving.control, now.seconds)
            actuator = leaving.control.actuator
            for name, priority, reason in unconfirmed(leaving.control, now.seconds):
                found[AlarmKey(actuator.node, actuator.id, name)] = priority, reason
        return found

    def _expire(self, executed: Executed, now: Moment) -> None:
        """Close the commands that nobody will hear of any more.

        An acknowledgement may come a timeout after the expiry; a node that accepted has the length of the lease, or
        little more than its timeout where it is to do what is safe.
        """
        for identity, (control, record, expires_seconds) in list(self._open.items()):
            actuator = control.actuator
            accepted = record.state is CommandState.ACCEPTED
            safe = record.command.action == actuator.fail_safe
            over = now.seconds > expires_seconds + self._grace(control, accepted=accepted)
            if accepted and safe:
                given = expires_seconds - actuator.command_ttl_seconds
                over = now.seconds > given + max(ACCEPTED_SECONDS, 2 * actuator.ack_timeout_seconds)
            if not over:
                continue
            if control.proven(record):
                self._advance(identity, CommandState.DONE, _REPORTED, executed, now)
                continue
            detail = "accepted, but never done" if accepted else "nothing was heard of it"
            self._advance(identity, CommandState.EXPIRED, detail, executed, now)

    @staticmethod
    def _grace(control: Control, *, accepted: bool) -> float:
        return control.actuator.lease_seconds if accepted else control.actuator.ack_timeout_seconds

    def _consider(self, control: Control, wish: Wish, need: Need, executed: Executed, now: Moment) -> None:
        checks = self._checks(control, wish, now)
        reason = _PREFIX[need] + wish.reason
        if not all(check.passed for check in checks):
            if control.hold(checks, now):
                executed.decisions.append(self._decision(wish, "held", reason, checks, None, now))
            return
        if control.record is not None:
            detail = "its lease is renewed by another" if need == "renew" else f"now {wish.action} is wished"
            self._advance(control.record.command.id, CommandState.SUPERSEDED, detail, executed, now)
        command = self._command(control, wish, reason, now)
        record = CommandRecord(command)
        if self._starts(control, wish):
            self._stagger.started(control.actuator.name, now.seconds)
        control.give(record, need, on=turns_on(wish.action, wish.value), now=now)
        self._open[command.id] = _Open(control, record, now.seconds + control.actuator.command_ttl_seconds)
        executed.commands.append(command)
        executed.decisions.append(self._decision(wish, "commanded", reason, checks, command.id, now))

    def _checks(self, control: Control, wish: Wish, now: Moment) -> list[Check]:
        """Look at everything that may hold a command back; the passed ones are part of the explanation.

        No belief about its node holds the fail-safe action back, and nothing but the broker a trip.
        """
        node = control.actuator.node
        safe = wish.action == control.actuator.fail_safe
        online, breaker = self.online.get(node), self.breakers.get(node, "closed")
        heard = "never heard" if online is None else "online" if online else "offline"
        checks = [
            Check("mode", self.mode == "auto", self.mode),
            Check("broker", self.linked, "connected" if self.linked else "not connected"),
            Check("node", safe or online is not False, heard),
            Check("breaker", safe or self._breaker_lets(control, breaker), breaker),
        ]
        if wish.trip:
            return [*checks, Check("trip", passed=True, detail="minimum times do not hold it back")]
        on = turns_on(wish.action, wish.value)
        checks += control.equipment.protections(on=on, seconds=now.seconds)
        return checks + self._staggered(control, wish, now) if self._starts(control, wish) else checks

    def _staggered(self, control: Control, wish: Wish, now: Moment) -> list[Check]:
        """Check that a pump starts after others that would start in the same instant, and after a return of power."""
        wait = max(
            self._stagger.wait_seconds(control.actuator.name, now.seconds), return_wait_seconds(control, now.seconds)
        )
        return [Check("stagger", wait <= 0, "no other start" if wait <= 0 else f"{wish.action} in {wait:.0f} s")]

    def _breaker_lets(self, control: Control, breaker: str) -> bool:
        """Half open, it lets one command through to the node and waits for what becomes of it."""
        if breaker == "half_open":
            return not any(other.record is not None for other in self._of(control.actuator.node) if other != control)
        return breaker == "closed"

    def _command(self, control: Control, wish: Wish, reason: str, now: Moment) -> Command:
        self._counter += 1
        actuator = control.actuator
        issued_at = self.clocks.date(actuator.node, now, safe=wish.action == actuator.fail_safe)
        return Command(
            identify(self._site, self._agent, self.epoch, self._counter, now.at),
            self._site,
            actuator.node,
            actuator.id,
            wish.action,
            wish.value,
            issued_at,
            issued_at + round(actuator.command_ttl_seconds * MICROSECONDS),
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


def _heir(known: Control | None, actuator: Actuator, now: Moment) -> Control:
    if known is None:
        return Control(actuator, now.seconds)
    return known if known.actuator is actuator else known.succeeded(actuator, now)


def _expiry(control: Control, record: CommandRecord, now: Moment) -> float:
    """Place the expiry of a remembered command on the monotonic scale.

    It has no longer than it ever had, whatever the clock; all of that where nobody can tell how much has passed.
    """
    most = now.seconds + control.actuator.command_ttl_seconds
    return min(now.seconds_at(record.command.expires_at), most) if now.sure else most
