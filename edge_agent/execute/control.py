"""One actuator under control: where its request stands, its open command, and whether a command is needed now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from edge_agent.execute.equipment import Equipment, fulfils, reported_on, turns_on
from edge_agent.execute.lease import Lease
from edge_agent.execute.runtally import RunTally
from edge_agent.model.commands import TRANSITIONS, ActuatorMemory, CommandState, Wish
from edge_agent.model.desired import TRANSITIONS as STEPS
from edge_agent.model.desired import Desired
from edge_agent.model.plant import ACTIONS

if TYPE_CHECKING:
    from edge_agent.model.commands import Check, CommandRecord, Reported
    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Instant, Moment

Need = Literal["wish", "repeat", "renew", "restore"]
Hand = Literal["local", "unexpected"]

_MISSES = frozenset({CommandState.REJECTED, CommandState.FAILED, CommandState.EXPIRED})
_UNDER_WAY = frozenset({Desired.SENT, Desired.ACCEPTED})
_BLOCKED = frozenset({Desired.SUSPENDED, Desired.LOCKED_OUT})
_NEEDS: dict[Desired, Need] = {Desired.HELD: "wish", Desired.MISSED: "repeat", Desired.CONTRADICTED: "restore"}
#: That a command is held back for the same reasons is told again after so long, however often requests change.
HELD_SECONDS = 60.0
_MOST_TOLD = 32
#: So long a report may take to follow an acknowledgement at least, before it is missed.
REPORT_SECONDS = 10.0
#: The pauses between two tries of a fail-safe action grow to this, and those of a trip to this.
SAFE_PAUSE_SECONDS = 60.0
TRIP_PAUSE_SECONDS = 10.0


class Control:
    """Desired against reported state of one actuator.

    `record` is its newest command while that is open. `state` says where the request stands; `_due_seconds` from when
    another command may follow if one is needed. After a miss the pause doubles, as far as the lease leaves time.
    """

    def __init__(self, actuator: Actuator, start_seconds: float = 0.0) -> None:
        self.actuator = actuator
        self.equipment = Equipment(actuator)
        self.desired: Wish | None = None
        self.desired_at: Instant = 0
        self.state = Desired.UNASKED
        self.reported: Reported | None = None  # in this run
        self.runs = RunTally()
        self.record: CommandRecord | None = None
        self.held: frozenset[str] = frozenset()  # the checks that hold the next command back, once told
        self._told: dict[tuple[str, frozenset[str]], float] = {}  # what was told to be held back by what, and when
        self.changed = False  # something to remember has changed
        self.after_seconds = start_seconds  # evidence must be newer: the start, or the node's last return
        self.hand: Hand | None = None
        self.failures = 0  # in a row
        self.failure = ""  # why the last command for this request was not carried out
        self.restored = 0  # how often a contradicted request was commanded again
        self.lease = Lease(actuator.lease_seconds)
        self.unsafe_since: float | None = None  # since when a fail-safe request is neither confirmed nor held
        self._away = False  # its node was offline since the last report
        self._retries = 0  # after unexpected changes
        self._run_by_hand = False  # a hand made it leave the fail-safe action
        self._lasting: tuple[str, float | None] | None = None  # what was commanded last, where that was done
        self._proved = False  # the equipment has done what the command for this request asks
        self._contradicted_since: float | None = None
        self._answered = False  # the equipment has reported since the newest command
        self._telling = False  # it did otherwise before: if it does what was commanded, the command is why
        self._overtaken: tuple[bool, float] | None = None  # what a superseded command may still do, and until when
        self._overheard_until = float("-inf")  # another agent has commanded it
        self._newest = ""  # the id of the newest command, open or not
        self._former = False  # the open command is of a former run
        self._due_seconds = start_seconds
        self._pause_seconds = actuator.ack_timeout_seconds

    def __repr__(self) -> str:
        asked = "nothing" if self.desired is None else self.desired.action
        return f"<Control {self.actuator.name}: {asked}, {self.state}>"

    # What is remembered -----------------------------------------------------------------------------------------

    def remember(self, memory: ActuatorMemory, now: Moment) -> None:
        """Take up the request of a former run. Its lease is unknown, and so is what the equipment does."""
        self.equipment.remember(memory, now)
        self.failures = memory.failures
        self.hand = memory.hand if memory.hand in {"local", "unexpected"} else None  # type: ignore[assignment]
        self.changed = True  # its instants are placed anew
        if memory.desired is None:
            return
        action, value, plan, priority, reason = memory.desired
        self.desired = Wish(self.actuator.name, action, value, plan, priority, reason)
        self.desired_at = min(memory.desired_at or now.at, now.at)
        # A request that checks held back has not been commanded; the equipment counts what was.
        told = self.equipment.running is turns_on(action, value) and not memory.missed
        self._to(Desired.FULFILLED if told else Desired.MISSED if memory.missed else Desired.HELD)
        self._proved = told
        self._rest_or_block()
        # First hear what the equipment does: its retained state comes with the connection.
        self._due_seconds = now.seconds + self.actuator.ack_timeout_seconds

    def resume(self, record: CommandRecord) -> None:
        """Take up an open command of a former run; whether it was carried out is yet to be heard.

        The fail-safe action is given once more, unless its node has it: nobody waits until the first has expired.
        """
        self.record, self._former, self._telling = record, True, True
        self._newest = record.command.id
        if self.equipment.running is turns_on(record.command.action, record.command.value):
            self.equipment.doubt()
        if self._open_for_wish() and self.state not in _BLOCKED:
            self._to(Desired.HELD)
            if self.safe and record.state is not CommandState.ACCEPTED:
                return
            self._to(Desired.SENT)
            if record.state is CommandState.ACCEPTED:
                self._to(Desired.ACCEPTED)

    def succeeded(self, actuator: Actuator, now: Moment) -> Control:
        """Return what goes on in this one's place for an actuator that was declared anew, as after a restart.

        What stands is judged anew, what the equipment reported is still so, and the lease is renewed soon.
        """
        heir = Control(actuator, self.after_seconds)
        memory = self.memory(now)
        if memory.desired is not None and memory.desired[0] not in ACTIONS[actuator.kind]:
            memory.desired = None
        heir.reported = self.reported
        heir.remember(memory, now)
        if self.record is not None:
            heir.resume(self.record)
        return heir

    def memory(self, now: Moment) -> ActuatorMemory:
        """Return what the next run must know."""
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
            missed=self.state is Desired.MISSED,
            hand=self.hand,
            failures=self.failures,
            boot=now.boot,
            offset=now.offset,
            sure=now.sure,
            equipment=_equipment(self.actuator),
        )

    # What is requested ------------------------------------------------------------------------------------------

    @property
    def safe(self) -> bool:
        """Whether the fail-safe action is what is requested."""
        return self.desired is not None and self.desired.action == self.actuator.fail_safe

    @property
    def at_rest(self) -> bool:
        """Whether it is known to do its fail-safe action, and nothing that was commanded may change that."""
        if self.record is not None or not (self.desired is None or self.safe):
            return False
        safe = self.actuator.fail_safe
        does = None if self.reported is None else fulfils(safe, None, self.reported)
        if does is not None:
            return does
        if self.desired is not None:
            return self.state is Desired.FULFILLED
        return self.equipment.running in {None, turns_on(safe, None)}

    @property
    def locked_out(self) -> bool:
        """Whether it failed so often that a person must look at it before anything but the fail-safe is commanded."""
        return self.failures >= self.actuator.lock_out_after

    def wish(self, wish: Wish, now: Moment) -> None:
        """Let a request stand. Where it asks for what stands already, only who requests it is new."""
        before = self.desired
        self.desired, self.desired_at, self.changed = wish, now.at, True
        if before is not None and (before.action, before.value) == (wish.action, wish.value):
            if wish.trip and not before.trip:
                self._ask_afresh(now)
            return
        self._to(Desired.HELD)
        if self._open_for_wish():
            self._to(Desired.SENT)
        elif self._lasting == (wish.action, wish.value) and self._denied() is False:
            self._to(Desired.FULFILLED)  # the one between was never commanded: it does this still
        self.held, self.failure, self.restored = frozenset(), "", 0
        self._contradicted_since, self._run_by_hand = None, False
        self._due_seconds, self._pause_seconds = now.seconds, self.actuator.ack_timeout_seconds
        self._rest_or_block()

    def _ask_afresh(self, now: Moment) -> None:
        """Command a trip's stop at once, whatever was tried before: no earlier try, and no pause after one, counts."""
        self.restored, self._pause_seconds, self._due_seconds = 0, self.actuator.ack_timeout_seconds, now.seconds
        if self.state not in _BLOCKED and not (self.state is Desired.FULFILLED and self.confirmed):
            self._to(Desired.HELD)

    def _denied(self) -> bool:
        """Whether the equipment reports otherwise than requested."""
        wish, last = self.desired, self.reported
        return wish is not None and last is not None and fulfils(wish.action, wish.value, last) is False

    def _rest_or_block(self) -> None:
        """Let the hand at the panel, or a lock-out, hold back what it must: in `local` all, else all but the safe."""
        if self.desired is None:
            return
        heard_local = self.hand == "local" and self.reported is not None  # remembered, it holds no stop back
        if heard_local or (self.hand and not self.safe):
            self._to(Desired.SUSPENDED)
        elif self.locked_out and not self.safe:
            self._to(Desired.LOCKED_OUT)
        elif self.state in _BLOCKED:
            self._to(Desired.HELD)

    def release(self, now: Moment, *, reset: bool) -> bool:
        """Let a person give the equipment back, with `reset` after a lock-out too; return whether that did anything."""
        if self.hand != "unexpected" and not (reset and self.failures):
            return False
        self.hand = None if self.hand == "unexpected" else self.hand
        self._retries = 0
        if reset:
            self.failures, self.failure = 0, ""
        self.changed = True
        self._rest_or_block()
        self.awake(now)
        return True

    def _open_for_wish(self) -> bool:
        """Whether the open command asks for what is requested."""
        wish, record = self.desired, self.record
        if wish is None or record is None:
            return False
        return (record.command.action, record.command.value) == (wish.action, wish.value)

    # What the equipment says ------------------------------------------------------------------------------------

    def report(self, reported: Reported, now: Moment) -> None:
        """Take what the equipment says it does."""
        before, self.reported = self.reported, reported
        explained = self._explained(before, reported, now)
        self._answered = True
        on = reported_on(reported.state)
        self.runs.report(on=on, seconds=now.seconds)
        if on is not None and self.equipment.learn(on=on, seconds=now.seconds):
            self.changed = True
        self._heed_panel(reported, now)
        if before is None or _said(before) != _said(reported):
            self._look(now, explained=explained)

    def overhear(self, command_id: str, now: Moment) -> None:
        """Note that the equipment obeys a command that is not under way here: another agent's, or one that is over."""
        if command_id != self._newest:  # of that it may speak twice
            self._overheard_until = now.seconds + REPORT_SECONDS

    def _heed_panel(self, reported: Reported, now: Moment) -> None:
        """Note that a person takes the equipment at its panel, or gives it back: that ends a lock-out too."""
        if reported.local:
            self.changed = self.changed or self.hand != "local"
            self.hand = "local"
            self._rest_or_block()  # what was only remembered holds a stop back from now on
        elif self.hand == "local":
            self.hand, self.failures, self.failure, self.changed = None, 0, "", True
            self._retries = 0
            self._rest_or_block()
            self.awake(now)

    def _explained(self, before: Reported | None, reported: Reported, now: Moment) -> bool:
        """Whether the agent, the node's return or the end of a lease is why the equipment does what it reports."""
        away, self._away = self._away, False
        on = reported_on(reported.state)
        if before is None or away or on is None or on is reported_on(before.state):
            return True
        record = self.record
        if record is not None and on is turns_on(record.command.action, record.command.value):
            return True
        if self.desired is not None and not self._answered and on is turns_on(self.desired.action, self.desired.value):
            return True
        if now.seconds < self._overheard_until:
            return True
        if self._overtaken is not None and on is self._overtaken[0] and now.seconds < self._overtaken[1]:
            return True
        ran_out = self.lease.ended(now.seconds)
        return ran_out and on is turns_on(self.actuator.fail_safe, None)

    def _look(self, now: Moment, *, explained: bool) -> None:
        """Hold a changed report against the request."""
        wish = self.desired
        if wish is None or self.reported is None:
            return
        does = fulfils(wish.action, wish.value, self.reported)
        if does:
            self._succeed()
        elif does is False and not explained and self.hand is None:
            self._unexpected(now)
        elif does is False and self.state is Desired.FULFILLED:
            self._contradict(now)
        elif self.state is Desired.MISSED:
            self.awake(now)

    def _succeed(self) -> None:
        """Note that the equipment does what is requested."""
        self._pause_seconds = self.actuator.ack_timeout_seconds
        self._contradicted_since = None
        self._proved, self.restored, self._run_by_hand = True, 0, False
        if self.state in {Desired.CONTRADICTED, Desired.MISSED} and self.record is None:
            self._to(Desired.FULFILLED)
        if self.hand == "unexpected" and not self.safe:  # a person has put it back to what is requested
            self.hand, self.changed = None, True
            self._rest_or_block()
        if self.failures and not self.locked_out and self.state is Desired.FULFILLED:
            self.failures, self.changed = 0, True
        if self.state is Desired.FULFILLED:
            self.failure = ""

    def _unexpected(self, now: Moment) -> None:
        """Answer a change that no command explains: towards the fail-safe the hand wins, away from it is told once."""
        if self.safe or self.actuator.hand == "insist":
            if self.state not in _UNDER_WAY:
                self.restored, self._run_by_hand = 0, True
                self._contradict(now)
        elif self._retries < self.actuator.unexpected_retries:
            self._retries += 1
            self._contradict(now)
            self._due_seconds = now.seconds + max(self.actuator.min_off_seconds, self.actuator.ack_timeout_seconds)
        else:
            self.hand, self.changed = "unexpected", True
            self._rest_or_block()

    def _contradict(self, now: Moment) -> None:
        if self.state is Desired.CONTRADICTED or Desired.CONTRADICTED not in STEPS[self.state]:
            return
        self._to(Desired.CONTRADICTED)
        self._contradicted_since = now.seconds
        if self._proved:
            self._due_seconds = min(self._due_seconds, now.seconds)
        elif not self.safe and self.desired is not None and self.reported is not None:
            self._fail(f"asked to {self.desired.action}, and done, it reports {self.reported.state}")

    # Whether a command is needed --------------------------------------------------------------------------------

    def need(self, now: Moment) -> Need | None:
        """Return why a command is needed now, None where none is."""
        wish = self.desired
        if wish is None or self.state in _BLOCKED:
            return None
        if now.seconds < self._due_seconds and not (wish.trip and self.state is Desired.HELD):
            short = self.state is Desired.FULFILLED and not self.safe and self.lease.halved(now.seconds)
            return "renew" if short else None  # a short lease does not wait for a report
        if self.state is Desired.FULFILLED:
            self._doubt_silence(now)
        if self.state is Desired.CONTRADICTED and self.safe and self.restored and self._run_by_hand:
            return None  # a hand runs it: commanded once, then it is an alarm
        if self.state in {Desired.FULFILLED, Desired.ACCEPTED}:
            return "renew" if not self.safe and self.lease.due(now.seconds) else None
        return _NEEDS.get(self.state)

    def _doubt_silence(self, now: Moment) -> None:
        """Find a contradiction that no new report tells: the last one stands, though the command is done."""
        wish, last = self.desired, self.reported
        if wish is not None and last is not None and fulfils(wish.action, wish.value, last) is False:
            self._contradict(now)

    @property
    def confirmed(self) -> bool:
        """Whether the equipment is known to do what is requested."""
        wish, last = self.desired, self.reported
        if wish is None:
            return True
        does = None if last is None else fulfils(wish.action, wish.value, last)
        return self.state is Desired.FULFILLED if does is None else does

    def contradicted(self, seconds: float) -> bool:
        """Whether the equipment has done otherwise than requested for longer than a report may take."""
        since = self._contradicted_since
        if self.state is not Desired.CONTRADICTED or since is None:
            return False
        return self.restored > 0 or not self._proved or seconds - since >= self.actuator.ack_timeout_seconds

    def hold(self, checks: list[Check], now: Moment) -> bool:
        """Note the checks that hold a command back. Return whether that is to be told."""
        held = frozenset(check.name for check in checks if not check.passed)
        changed, self.held = held != self.held, held
        return changed and self.desired is not None and self.is_news(self.desired, held, now)

    def is_news(self, wish: Wish, held: frozenset[str], now: Moment) -> bool:
        """Whether it was not told lately what holds such a request back: it may come and go with a level that jumps."""
        key = wish.action, held
        if now.seconds - self._told.get(key, float("-inf")) < HELD_SECONDS:
            return False
        if len(self._told) == _MOST_TOLD:
            del self._told[next(iter(self._told))]
        self._told[key] = now.seconds
        return True

    # The life of a command --------------------------------------------------------------------------------------

    def give(self, record: CommandRecord, need: Need, *, on: bool, now: Moment) -> None:
        """Note that a command is given."""
        if need == "restore":  # it was done before, and did not last
            self.restored += 1
            self._slow_down()
        if need != "renew":
            self._proved = False
        self.equipment.command(on=on, seconds=now.seconds)
        wanted, last = record.command, self.reported
        self._telling = last is None or fulfils(wanted.action, wanted.value, last) is False
        self.record, self.held, self._newest = record, frozenset(), wanted.id
        self._answered = self._former = False
        self.lease.ask(now.seconds)
        self.changed = True
        self._lasting = None
        self._to(Desired.SENT)

    def advance(
        self, record: CommandRecord, state: CommandState, now: Moment, detail: str = "", *, by_node: bool = False
    ) -> bool:
        """Move a command on in its life. Return False where that is no legal step: then nothing has changed.

        `by_node`: it is the node's own word, not the agent's despair of it; only that counts towards a lock-out.
        """
        if state not in TRANSITIONS.get(record.state, ()):
            return False
        record.state = state
        if record.open:
            if state is CommandState.ACCEPTED and record is self.record and self.state is Desired.SENT:
                self._to(Desired.ACCEPTED)
            return True
        record.closed_at = now.at
        if record is self.record:
            self._close(record, now, detail, by_node=by_node)
        return True

    def _close(self, record: CommandRecord, now: Moment, detail: str, *, by_node: bool) -> None:
        """Draw the consequences of an outcome: for the equipment always, for the request where it was its own."""
        concerns_wish = self._open_for_wish()
        self.record = None
        state = record.state
        if state is CommandState.SUPERSEDED:
            on = turns_on(record.command.action, record.command.value)
            self._overtaken = on, now.seconds + max(REPORT_SECONDS, self.actuator.ack_timeout_seconds)
        done = state is CommandState.DONE
        self._lasting = (record.command.action, record.command.value) if done else None
        never_sent = state in {CommandState.EXPIRED, CommandState.FAILED} and not record.attempts
        if state is CommandState.REJECTED or never_sent:
            self.equipment.take_back()
            self.changed = True
        else:
            self.equipment.settle(done=state is CommandState.DONE)
        if not concerns_wish or self.state in _BLOCKED:  # another is requested since: it waits for nothing
            return
        if state is CommandState.DONE:
            self._carried_out(now)
        elif state in _MISSES:
            self._miss(state, now, detail, sent=not never_sent)
            if state is CommandState.FAILED and by_node and not self.safe:
                self._fail(self.failure)
        elif self.state in _UNDER_WAY:  # superseded: the one that follows says what becomes of it
            self._to(Desired.HELD)

    def _carried_out(self, now: Moment) -> None:
        self._to(Desired.FULFILLED)
        self.lease.grant()
        # A moment for the report of the new state to arrive, before it is missed.
        self._due_seconds = now.seconds + max(REPORT_SECONDS, self._pause_seconds)
        if self.reported is None or self.confirmed:
            self._succeed()

    def _miss(self, state: CommandState, now: Moment, detail: str, *, sent: bool) -> None:
        if self.safe and self.reported is not None and self.confirmed:
            self._to(Desired.FULFILLED)  # whatever its node makes of the command, the equipment rests
            return
        self._to(Desired.MISSED)
        self.changed = True
        if sent or state is CommandState.REJECTED:
            what = "it" if self.desired is None else self.desired.action
            self.failure = f"{what} was not carried out: {detail or state.value}"
        pause = self._pause_seconds if sent else self.actuator.ack_timeout_seconds
        self._due_seconds = now.seconds + self.lease.patience(pause, now.seconds)
        self._slow_down()

    def _fail(self, why: str) -> None:
        """Count a failure of the equipment; after enough of them it is locked out."""
        self.failures += 1
        self.failure, self.changed = why, True
        self._rest_or_block()

    def _slow_down(self) -> None:
        longest = self.actuator.lease_seconds / 2
        if self.desired is not None and self.desired.trip:
            longest = TRIP_PAUSE_SECONDS
        elif self.safe:
            longest = min(longest, SAFE_PAUSE_SECONDS)
        self._pause_seconds = max(min(2 * self._pause_seconds, longest), self.actuator.ack_timeout_seconds)

    # Reports of former runs -------------------------------------------------------------------------------------

    def proven(self, record: CommandRecord) -> bool:
        """Whether the equipment's own report tells that a command was carried out, whatever became of its ack."""
        if record is not self.record or not (self._answered and self._telling) or self.reported is None:
            return False
        return fulfils(record.command.action, record.command.value, self.reported) is True

    def settled_by_report(self) -> CommandRecord | None:
        """Return the open command of a former run that the report has settled, None where there is none.

        It may have been a renewal, which the report does not tell from what was before: the lease is renewed soon.
        """
        record = self.record
        if record is None or not self._former or not self.proven(record):
            return None
        self.lease.forget()
        return record

    def awake(self, now: Moment) -> None:
        """Let what missed be asked at once: the cause of the miss may be over."""
        if self.state in {Desired.MISSED, Desired.HELD}:
            self._due_seconds = min(self._due_seconds, now.seconds)

    def gone(self) -> None:
        """Note that the node is offline: what it reports next comes with its return, not from a hand."""
        self._away = True

    def returned(self, now: Moment) -> None:
        """Note that the node is back: evidence must be newer, and what missed is asked at once."""
        self._away = True
        self.after_seconds = now.seconds
        self.awake(now)

    def _to(self, state: Desired) -> None:
        """Take a legal step."""
        if state is not self.state and state not in STEPS[self.state]:
            raise AssertionError(f"{self.actuator.name}: no step from {self.state} to {state}")
        self.state = state


def _equipment(actuator: Actuator) -> list[Any]:
    """Return what it takes to stop an actuator that is in no plant file any more."""
    times = (actuator.lease_seconds, actuator.ack_timeout_seconds, actuator.command_ttl_seconds)
    return [actuator.kind, actuator.fail_safe, actuator.min_on_seconds, *times]


def _said(reported: Reported) -> tuple[str, float | None, bool]:
    return reported.state, reported.value, reported.local
