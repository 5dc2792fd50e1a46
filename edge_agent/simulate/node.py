"""The node's side of the contract: the reference for whoever writes firmware.

A node keeps in flash, and so over a restart: the ids it has answered, and the highest epoch with the highest counter of
each actuator. It does not keep: `seq`, leases, acknowledgements not yet sent. After a restart its equipment is in the
fail-safe state, because nobody renews a lease it no longer knows. At its very first start it takes the equipment as it
is. Counters are compared per actuator: commands to two actuators of a node come on two topics, in any order.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_agent.errors import SimulationError
from edge_agent.model.commands import MOST_EPOCH_JUMP
from edge_agent.model.plant import ACTIONS
from edge_agent.simulate import nodewire
from edge_agent.simulate.distortion import Distortion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Node
    from edge_agent.model.time import Moment
    from edge_agent.simulate.faults import Fault, Faults
    from edge_agent.simulate.nodewire import AckStatus, Outgoing, ReceivedCommand

#: How many commands a node remembers by id; older ones are kept out by epoch and counter.
REMEMBERED_COMMANDS = 256
_WAITING_ACKS = 1000
#: After so many commands in a row whose epoch is too far above, a node comes nearer: an agent may really be there.
_DOUBTS = 3


class EquipmentState(NamedTuple):
    """What equipment does: `running`, `stopped`, `open` or `closed`, and its speed or position from 0 to 1."""

    state: str
    value: float | None


class Outputs(Protocol):
    """What a node's outputs are wired to."""

    def act(self, actuator: str, action: str, value: float | None) -> None:
        """Do it. Raises SimulationError where the equipment cannot."""
        ...

    def state(self, actuator: str) -> EquipmentState | None:
        """Return what it does now; None where nothing is wired."""
        ...


@dataclass(slots=True)
class _Flash:
    """What outlives a restart: the last answer to each command, and how far epoch and counters have come."""

    answers: OrderedDict[str, tuple[str, AckStatus, str]] = field(default_factory=OrderedDict)
    epoch: int = 0
    doubted: int = 0  # commands in a row that were too far above it
    newest: dict[str, tuple[int, str]] = field(default_factory=dict)  # counter and id, by actuator

    def remember(self, command_id: str, actuator: str, status: AckStatus, detail: str) -> None:
        self.answers[command_id] = (actuator, status, detail)
        if len(self.answers) > REMEMBERED_COMMANDS:
            self.answers.popitem(last=False)

    def overtaken(self, command: ReceivedCommand) -> str:
        """Return why a command is older than what is known, empty where it is not; then record the newer one."""
        if command.epoch < self.epoch:
            return f"epoch {command.epoch} is over, {self.epoch} has begun"
        if command.epoch - self.epoch > MOST_EPOCH_JUMP:
            self._doubt()
            return f"epoch {command.epoch} is too far above {self.epoch}"
        self.doubted = 0
        if command.epoch > self.epoch:
            self._begin(command.epoch)
        counter, newest_id = self.newest.get(command.actuator, (-1, ""))
        if command.counter < counter or command.id == newest_id:
            return f"counter {command.counter} comes after {counter}"
        self.newest[command.actuator] = command.counter, command.id
        return ""

    def _doubt(self) -> None:
        self.doubted += 1
        if self.doubted == _DOUBTS:
            self._begin(self.epoch + MOST_EPOCH_JUMP)

    def _begin(self, epoch: int) -> None:
        self.epoch, self.doubted = epoch, 0
        self.newest.clear()


class VirtualNode:
    """One node, without a transport: it is told what comes in and what time it is, and gives back what to publish."""

    def __init__(self, site: str, node: Node, equipment: Outputs, faults: Faults) -> None:
        self.id = node.id
        self.online = False
        self.malformed = 0
        self.repeats = 0
        self.fail_safes = 0
        self.will = nodewire.status(node.id, "offline")
        self._site, self._node, self._equipment, self._faults = site, node, equipment, faults
        self._distortion = Distortion(faults)
        self._flash = _Flash()
        self._zero: float | None = None
        self._restarted: set[Fault] = set()
        self._forget()

    def _forget(self) -> None:
        """Lose what is not in flash."""
        self._seqs: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._leases: dict[str, float] = {}
        self._published: dict[str, EquipmentState] = {}
        self._waiting: deque[tuple[float, Outgoing]] = deque(maxlen=_WAITING_ACKS)

    # Time passes -------------------------------------------------------------------------------------------------

    def start(self, now: Moment) -> list[Outgoing]:
        """Come up for the first time, with the equipment as it is."""
        self._zero = now.seconds
        self._due = dict.fromkeys(self._node.sensors, now.seconds)
        return self.tick(now)

    def restart(self, now: Moment) -> list[Outgoing]:
        """Come up again after a loss of power: fail-safe, `seq` from the start, commands not executed twice."""
        told = self._go_offline()
        self._forget()
        self._due = dict.fromkeys(self._node.sensors, now.seconds)
        for actuator in self._node.actuators:
            self._go_safe(actuator)
        return [*told, *self.tick(now)]

    def announce(self, now: Moment) -> list[Outgoing]:
        """Say what must stand retained on the broker: to be published at every new connection."""
        self._published.clear()
        return [nodewire.status(self.id, "online"), *self._changed_states(now)]

    def tick(self, now: Moment) -> list[Outgoing]:
        """Run what is due now: leases run out, late acknowledgements leave, changed states are published."""
        pending = [fault for fault in self._due_restarts(now) if fault not in self._restarted]
        if pending:
            self._restarted.update(pending)
            return self.restart(now)
        for actuator in [name for name, ends in self._leases.items() if ends <= now.seconds]:
            self._go_safe(actuator)
        if self._fault("offline", now):
            return self._go_offline()
        if not self.online:
            self.online = True
            return self.announce(now)
        return [*self._changed_states(now), *self._late_acks(now)]

    def next_event(self) -> float:
        """When something is due, in monotonic seconds; infinity where nothing is."""
        late = [due for due, _ in self._waiting]
        return min([*self._due.values(), *self._leases.values(), *late], default=float("inf"))

    def _due_restarts(self, now: Moment) -> list[Fault]:
        at = self._elapsed(now)
        mine = [fault for fault in self._faults.faults if (fault.target, fault.kind) == (self.id, "restart")]
        return [fault for fault in mine if fault.start <= at < fault.end]

    def _go_offline(self) -> list[Outgoing]:
        self._waiting.clear()
        was_online, self.online = self.online, False
        return [self.will] if was_online else []

    def _go_safe(self, actuator: str) -> None:
        """Do what is safe without anybody's word. Equipment that cannot even do that shows it in its state."""
        self._leases.pop(actuator, None)
        self.fail_safes += 1
        try:
            self._equipment.act(actuator, self._node.actuators[actuator].fail_safe, None)
        except SimulationError:
            return

    def _changed_states(self, now: Moment) -> list[Outgoing]:
        told = []
        for actuator in self._node.actuators:
            state = self._equipment.state(actuator)
            if state is not None and state != self._published.get(actuator):
                self._published[actuator] = state
                ts = nodewire.timestamp(now.at, self._node.timestamps)
                told.append(nodewire.state(self.id, actuator, state.state, state.value, ts))
        return told

    def _late_acks(self, now: Moment) -> list[Outgoing]:
        leaving = []
        while self._waiting and self._waiting[0][0] <= now.seconds:
            leaving.append(self._waiting.popleft()[1])
        return leaving

    # Readings ----------------------------------------------------------------------------------------------------

    def due(self, now: Moment) -> list[str]:
        """Name the sensors whose interval is over."""
        return [sensor for sensor, due in self._due.items() if due <= now.seconds]

    def observe(self, values: Mapping[str, float], now: Moment) -> list[Outgoing]:
        """Publish values, each in its sensor's unit, as the faults in force let it."""
        told = []
        ts = nodewire.timestamp(now.at, self._node.timestamps)
        for sensor, value in values.items():
            self._due[sensor] = self._next_due(sensor, now)
            declared = self._node.sensors[sensor]
            shown = self._distortion.distort(declared.name, value, self._elapsed(now))
            if shown is not None and self.online:
                seq = self._seqs[sensor] = self._seqs.get(sensor, 0) + 1
                told.append(nodewire.reading(self.id, sensor, shown, declared.unit, ts, seq))
        return told

    def _next_due(self, sensor: str, now: Moment) -> float:
        """Find the next beat of the interval; beats that were missed are not made up for."""
        due, interval = self._due.get(sensor, now.seconds), self._node.sensors[sensor].interval_seconds
        missed = max(0.0, (now.seconds - due) // interval)
        return due + (missed + 1) * interval

    # Commands ----------------------------------------------------------------------------------------------------

    def receive(self, actuator: str, payload: bytes, now: Moment) -> list[Outgoing]:
        """Handle what came on the command topic of an actuator. Never raises, whatever it is."""
        if not self.online or self._fault("offline", now):
            return []
        command = nodewire.read_command(payload)
        if actuator not in self._node.actuators:
            self.malformed += 1
            return []
        if isinstance(command, nodewire.Malformed):
            self.malformed += 1
            return self._answer(actuator, command.id, "rejected", command.detail, now) if command.id else []
        answered = self._flash.answers.get(command.id)
        if answered is not None:
            self.repeats += 1
            answered_actuator, status, detail = answered
            return self._answer(answered_actuator, command.id, status, detail, now)
        refusal = self._refusal(actuator, command, now)
        if refusal:
            self._flash.remember(command.id, actuator, "rejected", refusal)
            return self._answer(actuator, command.id, "rejected", refusal, now)
        return self._execute(actuator, command, now)

    def _refusal(self, actuator: str, command: ReceivedCommand, now: Moment) -> str:
        """Return why a command is not executed; empty where it is."""
        if (command.site, command.node, command.actuator) != (self._site, self.id, actuator):
            return f"addressed to {command.site}/{command.node}/{command.actuator}"
        if command.action not in ACTIONS[self._node.actuators[actuator].kind]:
            return f"{command.action} is not an action of a {self._node.actuators[actuator].kind}"
        if command.action == "set" and (command.value is None or not 0 <= command.value <= 1):
            return "set needs a value from 0 to 1"
        # Before the epoch is noted: a command that is not executed must not lock out those who command in earnest.
        if now.at > command.expires_at:
            return "expired"
        return "told to reject" if self._fault("reject", now, actuator) else self._flash.overtaken(command)

    def _execute(self, actuator: str, command: ReceivedCommand, now: Moment) -> list[Outgoing]:
        """Execute a command. Its id is remembered before anything moves: a crash must not let it happen twice."""
        self._flash.remember(command.id, actuator, "accepted", "")
        told = self._answer(actuator, command.id, "accepted", "", now)
        status: AckStatus = "done"
        detail = ""
        try:
            self._equipment.act(actuator, command.action, command.value)
        except SimulationError as error:
            status, detail = "failed", str(error)
        else:
            self._lease(actuator, command, now)
        self._flash.remember(command.id, actuator, status, detail)
        return [*told, *self._changed_states(now), *self._answer(actuator, command.id, status, detail, now)]

    def _lease(self, actuator: str, command: ReceivedCommand, now: Moment) -> None:
        """Start the lease of a command; the fail-safe action needs none."""
        if command.action == self._node.actuators[actuator].fail_safe:
            self._leases.pop(actuator, None)
        else:
            self._leases[actuator] = now.seconds + command.lease_seconds

    def _answer(self, actuator: str, command_id: str, status: AckStatus, detail: str, now: Moment) -> list[Outgoing]:
        """Acknowledge, as the faults in force let it."""
        if self._fault("drop-acks", now, actuator):
            return []
        message = nodewire.acknowledgement(self.id, actuator, command_id, status, detail)
        messages = [message] * (2 if self._fault("duplicate-acks", now, actuator) else 1)
        delay = self._fault("delay-acks", now, actuator)
        if delay is None:
            return messages
        self._waiting.extend((now.seconds + delay.amount, late) for late in messages)
        return []

    def _fault(self, kind: str, now: Moment, actuator: str = "") -> Fault | None:
        """Find a fault of the node, or of one of its actuators."""
        at = self._elapsed(now)
        of_actuator = self._faults.active(f"{self.id}/{actuator}", kind, at) if actuator else None
        return of_actuator or self._faults.active(self.id, kind, at)

    def _elapsed(self, now: Moment) -> float:
        return 0.0 if self._zero is None else now.seconds - self._zero
