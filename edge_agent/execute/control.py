"""One actuator under control: its request, its equipment, its newest command, and where the request stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.causes import Causes
from edge_agent.execute.contradiction import Contradiction, Proof
from edge_agent.execute.equipment import Equipment, fulfils, turns_on
from edge_agent.execute.heldback import HeldBack
from edge_agent.execute.lease import Lease
from edge_agent.execute.lockout import LockOut
from edge_agent.execute.newest import NewestCommand
from edge_agent.execute.pace import Pace, longest_pause
from edge_agent.execute.panel import Hand, Panel
from edge_agent.execute.runtally import RunTally
from edge_agent.execute.traces import Traces
from edge_agent.execute.travel import Travel
from edge_agent.model.agenda import NEVER
from edge_agent.model.desired import TRANSITIONS, Desired

if TYPE_CHECKING:
    from edge_agent.model.commands import CommandRecord, Reported, Request
    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Instant, Moment

UNDER_WAY = frozenset({Desired.SENT, Desired.ACCEPTED})
BLOCKED = frozenset({Desired.SUSPENDED, Desired.LOCKED_OUT})
#: So long a report may take to follow an acknowledgement at least, before it is missed.
REPORT_SECONDS = 10.0


class Control:
    """Desired against reported state of one actuator.

    `state` says where the request stands, and changes by legal steps only. What moves it stands in `requests`,
    `reports` and `outcomes`; whether a command is needed, in `need`; what outlives a restart, in `recall`.
    """

    def __init__(self, actuator: Actuator, start_seconds: float = 0.0) -> None:
        self.actuator = actuator
        self.desired: Request | None = None
        self.desired_at: Instant = 0
        self.state = Desired.UNASKED
        self.reported: Reported | None = None  # in this run
        self.equipment = Equipment(actuator)
        self.newest = NewestCommand()
        self.lease = Lease(actuator.lease_seconds)
        self.pace = Pace(actuator.ack_timeout_seconds, start_seconds)
        self.panel = Panel(actuator.unexpected_retries)
        self.causes = Causes()
        self.contradiction = Contradiction()
        self.lock_out = LockOut(actuator.lock_out_after)
        self.travel = Travel(actuator.ramp_seconds, start_seconds)
        self.held_back = HeldBack()
        self.runs = RunTally()
        self.traces = Traces()
        self.after_seconds = start_seconds  # evidence must be newer: the start, or the node's last return
        self.unsafe_since: float | None = None  # since when a fail-safe request is neither confirmed nor held
        self.changed = False  # something to remember has changed
        self.due_seconds = NEVER  # from when on time alone may change what is to be done with it

    def __repr__(self) -> str:
        asked = "nothing" if self.desired is None else self.desired.action
        return f"<Control {self.actuator.name}: {asked}, {self.state}>"

    @property
    def record(self) -> CommandRecord | None:
        """The newest command while that is open."""
        return self.newest.record

    @property
    def safe(self) -> bool:
        """Whether the fail-safe action is what is requested."""
        return self.desired is not None and self.desired.action == self.actuator.fail_safe

    @property
    def does(self) -> bool | None:
        """Whether the equipment reports doing what is requested; None where nothing is, or its report does not tell."""
        request, last = self.desired, self.reported
        return None if request is None or last is None else fulfils(request.action, request.value, last)

    @property
    def confirmed(self) -> bool:
        """Whether the equipment is known to do what is requested."""
        if self.desired is None:
            return True
        return self.state is Desired.FULFILLED if self.does is None else self.does

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

    def contradicted(self, seconds: float) -> bool:
        """Whether the equipment has done otherwise than requested for longer than a report may take."""
        return seconds >= self.contradicted_seconds

    @property
    def contradicted_seconds(self) -> float:
        """The monotonic time from which on that is so; infinite where it is not."""
        if self.state is not Desired.CONTRADICTED:
            return NEVER
        return self.contradiction.lasting_seconds(self.actuator.ack_timeout_seconds)

    def step(self, state: Desired) -> None:
        """Go a legal step."""
        if state is not self.state and state not in TRANSITIONS[self.state]:
            raise AssertionError(f"{self.actuator.name}: no step from {self.state} to {state}")
        self.state = state

    def block_or_free(self) -> None:
        """Hold back what the hand at the panel, or a lock-out, must: in `local` all, else all but the fail-safe."""
        if self.desired is None:
            return
        heard_local = self.panel.hand is Hand.LOCAL and self.reported is not None  # remembered, it holds no stop back
        if heard_local or (self.panel.taken and not self.safe):
            self.step(Desired.SUSPENDED)
        elif self.lock_out.locked and not self.safe:
            self.step(Desired.LOCKED_OUT)
        elif self.state in BLOCKED:
            self.step(Desired.HELD)

    def contradict(self, now: Moment) -> None:
        """Note that the equipment does otherwise than requested."""
        if self.state is Desired.CONTRADICTED or Desired.CONTRADICTED not in TRANSITIONS[self.state]:
            return
        self.step(Desired.CONTRADICTED)
        self.contradiction.since = now.seconds
        if self.contradiction.proof is Proof.GIVEN:
            self.pace.hasten(now.seconds)
        elif not self.safe and self.desired is not None and self.reported is not None:
            self.fail(f"asked to {self.desired.action}, and done, it reports {self.reported.state}")

    def fail(self, why: str) -> None:
        """Count a failure of the equipment; after enough of them it is locked out."""
        self.lock_out.fail(why)
        self.changed = True
        self.block_or_free()

    def carry_out(self) -> None:
        """Note that the equipment does what it was told: it works, unless an effect is expected to prove that."""
        if self.actuator.expect is None:
            self.forget_failures()
        elif not self.lock_out.locked:
            self.lock_out.why = ""

    def forget_failures(self) -> None:
        """Note that the equipment works: unless it is locked out, failures are counted anew."""
        if self.lock_out.failures and not self.lock_out.locked and not self.safe:  # that it stops proves no start
            self.lock_out.failures, self.changed = 0, True
        self.lock_out.why = ""

    def slow_down(self) -> None:
        """Lengthen the next pause, as far as the request bears."""
        trip = self.desired is not None and self.desired.trip
        self.pace.slow_down(longest_pause(self.actuator.lease_seconds, safe=self.safe, trip=trip))

    def awake(self, now: Moment) -> None:
        """Allow what missed to be asked at once: the cause of the miss may be over."""
        if self.state in {Desired.MISSED, Desired.HELD}:
            self.pace.hasten(now.seconds)

    def gone(self) -> None:
        """Note that the node is offline: what it reports next comes with its return, not from a hand."""
        self.causes.away()

    def returned(self, now: Moment) -> None:
        """Note that the node is back: evidence must be newer, and what missed is asked at once."""
        self.causes.away()
        self.after_seconds = now.seconds
        self.awake(now)
