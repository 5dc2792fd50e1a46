"""How virtual nodes misbehave when they are told to."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Plant

SensorFault = Literal["freeze", "show", "spike", "drift", "silence"]
AckFault = Literal["drop-acks", "delay-acks", "duplicate-acks", "reject"]
NodeFault = Literal["offline", "restart"]

#: Faults that take a number: readings show it, jump by it, wander by it per second, or acknowledgements wait for it.
_WITH_AMOUNT = ("show", "spike", "drift", "delay-acks")
_ID = r"[a-z0-9][a-z0-9_-]{0,62}"
_GRAMMAR = re.compile(
    rf"(?P<target>{_ID}(/{_ID})?):(?P<kind>[a-z-]+)(=(?P<amount>[^@]+))?(@(?P<start>[0-9.]+)(-(?P<end>[0-9.]*))?)?"
)
_EXAMPLES = "such as station:drop-acks, tank1/level:spike=3.0 or station:offline@600-900"
#: Share of the readings that a spiking sensor gets wrong.
SPIKE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, from `start` to `end` in seconds since the simulation's start.

    `target` is a node, a `node/sensor`, or for acknowledgements a `node/actuator`. `amount`: what is shown, or a spike,
    in the sensor's unit, a drift in that per second, a delay of acknowledgements in seconds.
    """

    target: str
    kind: str
    amount: float = 0.0
    start: float = 0.0
    end: float = math.inf

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `TARGET:KIND[=AMOUNT][@START[-[END]]]`. Raises UsageError with a sentence."""
        found = _GRAMMAR.fullmatch(text)
        if found is None:
            raise UsageError(f"{text!r} is not a fault; expected TARGET:KIND[=AMOUNT][@START-END], {_EXAMPLES}.")
        kind, of_part = found["kind"], "/" in found["target"]
        kinds = (*get_args(SensorFault if of_part else NodeFault), *get_args(AckFault))
        if kind not in kinds:
            raise UsageError(
                f"{text!r}: {kind} is not a fault of {found['target']}; expected one of {', '.join(kinds)}."
            )
        if (kind in _WITH_AMOUNT) != (found["amount"] is not None):
            wanted = "needs a number, as in " if kind in _WITH_AMOUNT else "takes no number, as in "
            raise UsageError(f"{text!r}: {kind} {wanted}{kind}{'=3.0' if kind in _WITH_AMOUNT else ''}.")
        start = _number(found["start"] or "0", text)
        end = _number(found["end"], text) if found["end"] else math.inf
        if start >= end:
            raise UsageError(f"{text!r}: the fault ends before it starts.")
        return cls(found["target"], kind, _number(found["amount"] or "0", text), start, end)


def _number(text: str, fault: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{fault!r}: {text!r} is not a number.")
    return number


@dataclass(slots=True)
class Faults:
    """All misbehaviour of one simulation; may be changed while it runs. The same seed gives the same spikes."""

    faults: list[Fault] = field(default_factory=list)
    seed: int = 0
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - it draws spikes, not secrets

    @classmethod
    def parse(cls, texts: Iterable[str], seed: int = 0) -> Faults:
        """Read faults of the command line. Raises UsageError."""
        return cls([Fault.parse(text) for text in texts], seed)

    def clear(self, target: str, kind: str | None = None) -> None:
        """End the faults of a target, or one kind of them."""
        self.faults = [fault for fault in self.faults if fault.target != target or kind not in {None, fault.kind}]

    def active(self, target: str, kind: str, seconds: float) -> Fault | None:
        """Find the fault that is in force at a time."""
        for fault in self.faults:
            if fault.target == target and fault.kind == kind and fault.start <= seconds < fault.end:
                return fault
        return None

    def check(self, plant: Plant) -> None:
        """Check that the plant has what the faults name. Raises UsageError."""
        sensors = {sensor.name for sensor in plant.sensors}
        actuators = {actuator.name for actuator in plant.actuators}
        for fault in self.faults:
            places = sensors if fault.kind in get_args(SensorFault) else actuators
            if fault.target not in (places if "/" in fault.target else plant.nodes):
                expected = ", ".join(sorted(places if "/" in fault.target else plant.nodes))
                raise UsageError(f"Fault {fault.kind}: the plant has no {fault.target}; expected one of {expected}.")

    def spike(self, amount: float) -> float:
        """Draw what to add to one reading of a spiking sensor: now and then the amount, up or down."""
        if self._chance.random() >= SPIKE_SHARE:
            return 0.0
        return self._chance.choice((-amount, amount))
