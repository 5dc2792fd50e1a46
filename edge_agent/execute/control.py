"""One actuator under control: its standing wish, its open command, and whether a command is needed now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge_agent.execute.equipment import Equipment, fulfils, reported_on, turns_on
from edge_agent.model.commands import TRANSITIONS, ActuatorMemory, CommandState, Wish

if TYPE_CHECKING:
    from edge_agent.model.commands import Check, CommandRecord, Reported
    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Instant, Moment

Need = Literal["wish", "repeat", "renew", "restore"]
_AFTER_REFUSAL = frozenset({CommandState.REJECTED, CommandState.FAILED, CommandState.EXPIRED})


class Control:
    """Desired against reported state of one actuator.

    `record` is its newest command while that is open. After the outcome `retry_seconds` tells from when another
    command may follow if the equipment does not do what is desired; each miss doubles the pause, up to half a lease.
    """

    def __init__(self, actuator: Actuator) -> None:
        self.actuator = actuator
        self.equipment = Equipment(actuator)
        self.desired: Wish | None = None
        self.desired_at: Instant = 0
        self.reported: Reported | None = None
        self.record: CommandRecord | None = None
        self.held: frozenset[str] = frozenset()  # the checks that hold the next command back, once told
        self.changed = False  # something to remember has changed
        self._told = False  # the standing wish has been commanded, and the outcome was not a miss
        self._again = False  # a command for the standing wish missed
        self._answered = False  # the equipment has reported since the newest command
        self._telling = False  # it did otherwise before: if it does what was commanded, the command is why
        self._former = False  # the open command is of a former run
        self._leased_seconds: float | None = None  # when the newest command, and with it a lease, was given
        self._retry_seconds = 0.0
        self._pause_seconds = actuator.ack_timeout_seconds

    def remember(self, memory: ActuatorMemory, now: Moment) -> None:
        """Take up the standing wish of a former run. The lease is renewed soon: nobody knows how much is left."""
        self.equipment.remember(memory, now)
        if memory.desired is not None:
            action, value, plan, priority, reason = memory.desired
            self.desired = Wish(self.actuator.name, action, value, plan, priority, reason)
            self.desired_at = memory.desired_at or now.at
            # A wish that checks held back has not been commanded; the equipment counts what was.
            self._told = self.equipment.running is turns_on(action, value) and not memory.missed
            self._again = memory.missed
            self._leased_seconds = now.seconds - self.actuator.lease_seconds
            # First hear what the equipment does: its retained state comes with the connection.
            self._retry_seconds = now.seconds + self.actuator.ack_timeout_seconds

    def resume(self, record: CommandRecord, now: Moment) -> None:
        """Take up an open command of a former run; whether it was carried out is yet to be heard."""
        self.record, self._former, self._telling = record, True, True
        if self.equipment.running is turns_on(record.command.action, record.command.value):
            self.equipment.doubt()
        if self._open_for_wish():
            self._told = True
            self._leased_seconds = now.seconds_at(record.command.issued_at)

    def _open_for_wish(self) -> bool:
        """Whether the open command asks for what is wished."""
        wish, record = self.desired, self.record
        if wish is None or record is None:
            return False
        return (record.command.action, record.command.value) == (wish.action, wish.value)

    def memory(self, now: Moment) -> ActuatorMemory:
        """Tell what the next run must know."""
        equipment, wish = self.equipment, self.desired
        started, stopped = equipment.started_seconds, equipment.stopped_seconds
        return ActuatorMemory(
            self.actuator.name,
            None if wish is None else [wish.action, wish.value, wish.plan, wish.priority, wish.reason],
            None if wish is None else self.desired_at,
            equipment.running,
            None if started is None else now.at_seconds(started),
            None if stopped is None else now.at_seconds(stopped),
            [now.at_seconds(seconds) for seconds in equipment.starts],
            self._again,
        )

    def wish(self, wish: Wish, now: Moment) -> None:
        """Let a wish stand. Where it asks for what stands already, only who wishes it is new."""
        before = self.desired
        self.desired, self.desired_at, self.changed = wish, now.at, True
        if before is None or (before.action, before.value) != (wish.action, wish.value):
            self._told, self._again, self.held = self._open_for_wish(), False, frozenset()
            self._retry_seconds, self._pause_seconds = now.seconds, self.actuator.ack_timeout_seconds

    def report(self, reported: Reported, now: Moment) -> None:
        """Take what the equipment says it does."""
        self.reported, self._answered = reported, True
        if self.desired is not None and fulfils(self.desired.action, self.desired.value, reported):
            self._pause_seconds = self.actuator.ack_timeout_seconds
        on = reported_on(reported.state)
        if on is not None and self.equipment.learn(on=on, seconds=now.seconds):
            self.changed = True

    def need(self, now: Moment) -> Need | None:
        """Tell why a command is needed now, None where none is."""
        wish = self.desired
        if wish is None or now.seconds < self._retry_seconds:
            return None
        if self._open_for_wish():
            accepted = self.record is not None and self.record.state is CommandState.ACCEPTED
            return "renew" if accepted and self._lease_due(wish, now) else None
        if not self._told:
            return "repeat" if self._again else "wish"
        # A node that does not report after a command has said nothing against it.
        if self._answered and self.reported and fulfils(wish.action, wish.value, self.reported) is False:
            return "restore"
        return "renew" if self._lease_due(wish, now) else None

    def _lease_due(self, wish: Wish, now: Moment) -> bool:
        """Whether half the lease is over. What the node falls back to by itself needs none."""
        if wish.action == self.actuator.fail_safe or self._leased_seconds is None:
            return False
        return now.seconds - self._leased_seconds >= self.actuator.lease_seconds / 2

    def proven(self, record: CommandRecord) -> bool:
        """Whether the equipment's own report tells that a command was carried out, whatever became of its ack."""
        if record is not self.record or not (self._answered and self._telling) or self.reported is None:
            return False
        return fulfils(record.command.action, record.command.value, self.reported) is True

    def settled_by_report(self, now: Moment) -> CommandRecord | None:
        """Tell which open command of a former run the report has settled.

        It may have been a renewal, which the report does not tell from what was before: the lease is renewed soon.
        """
        record = self.record
        if record is None or not self._former or not self.proven(record):
            return None
        self._leased_seconds = now.seconds - self.actuator.lease_seconds
        return record

    def hold(self, checks: list[Check]) -> bool:
        """Note the checks that hold a command back. Returns whether they are others than before."""
        held = frozenset(check.name for check in checks if not check.passed)
        changed = held != self.held
        self.held = held
        return changed

    def give(self, record: CommandRecord, need: Need, *, on: bool, now: Moment) -> None:
        """Note that a command is given."""
        if need == "restore":  # it was done before, and did not last: insist, but ever less often
            self._slow_down()
        self.equipment.command(on=on, seconds=now.seconds)
        wanted, last = record.command, self.reported
        self._telling = last is None or fulfils(wanted.action, wanted.value, last) is False
        self.record, self._told, self._again, self.held = record, True, False, frozenset()
        self._answered = self._former = False
        self._leased_seconds = now.seconds
        self.changed = True

    def advance(self, record: CommandRecord, state: CommandState, now: Moment) -> bool:
        """Move a command on in its life. Returns False where that is no legal step: then nothing has changed."""
        if state not in TRANSITIONS.get(record.state, ()):
            return False
        record.state = state
        if record.open:
            return True
        record.closed_at = now.at
        if record is self.record:
            self._close(record, now)
        return True

    def _close(self, record: CommandRecord, now: Moment) -> None:
        """Draw the consequences of an outcome: for the equipment always, for the standing wish where it was its own."""
        concerns_wish = self._open_for_wish()
        self.record = None
        state, actuator = record.state, self.actuator
        never_sent = state in {CommandState.EXPIRED, CommandState.FAILED} and not record.attempts
        if state is CommandState.REJECTED or never_sent:
            self.equipment.take_back()
            self.changed = True
        else:
            self.equipment.settle(done=state is CommandState.DONE)
        if not concerns_wish:  # another is wished since: it waits for nothing
            return
        if state not in _AFTER_REFUSAL:
            # A moment for the report of the new state to arrive, before it is missed.
            self._retry_seconds = now.seconds + self._pause_seconds
            return
        self._told, self._again, self.changed = False, True, True
        refused = state is CommandState.REJECTED
        pause = actuator.lease_seconds / 2 if refused else self._pause_seconds
        self._retry_seconds = now.seconds + pause
        self._slow_down()

    def _slow_down(self) -> None:
        self._pause_seconds = min(2 * self._pause_seconds, self.actuator.lease_seconds / 2)

    def awake(self, now: Moment) -> None:
        """Let a node that came back be asked at once."""
        self._retry_seconds = min(self._retry_seconds, now.seconds)
