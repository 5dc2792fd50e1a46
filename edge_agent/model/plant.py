"""The plant as it is declared: site, nodes, sensors with tests and thresholds, actuators with protections, plans."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from edge_agent.model.desired import Expectation  # noqa: TC001 - pydantic reads it at run time
from edge_agent.model.quality import Quality
from edge_agent.model.sources import (  # noqa: TC001 - pydantic reads them at run time
    Derivation,
    ReadingSource,
    Wiring,
    WordSource,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Priority = Literal["critical", "high", "medium", "low"]
PRIORITIES: tuple[Priority, ...] = ("critical", "high", "medium", "low")

#: What an id is: of a site, node, sensor, actuator, threshold or plan.
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

Side = Literal["above", "below"]
#: On which side of its limit a threshold acts where its name says so: the classic four.
SIDES: Mapping[str, Side] = MappingProxyType(
    {"high_high": "above", "high": "above", "low": "below", "low_low": "below"}
)
CLASSIC_NAMES = tuple(SIDES)

#: The measure of a threshold that does not name one: the value itself.
VALUE = "value"
#: The kind of a plan that does not name one: by alarms.
CONDITION = "condition"
#: Alarms that nobody has to configure: every sensor has the first two, every node the third.
STALE, BAD_QUALITY, OFFLINE = "stale", "bad_quality", "offline"
#: Alarms of the agent itself: its store was damaged and begun anew; a policy was refused, the last good one holds.
STORE_RENEWED, POLICY_REFUSED = "store_renewed", "policy_refused"
#: Alarms that every actuator has.
FAILED, CONTRADICTS, NO_EVIDENCE, NOT_IN_AUTO = "failed", "contradicts", "no_evidence", "not_in_auto"
STOP_NOT_CONFIRMED, LOCKED_OUT, TRIPPED, NO_EFFECT = "stop_not_confirmed", "locked_out", "tripped", "no_effect"
ACTUATOR_ALARMS = (FAILED, CONTRADICTS, NO_EVIDENCE, NOT_IN_AUTO, STOP_NOT_CONFIRMED, LOCKED_OUT, TRIPPED, NO_EFFECT)
#: What no threshold can be called.
BUILT_IN_ALARMS = (STALE, BAD_QUALITY, OFFLINE, *ACTUATOR_ALARMS, STORE_RENEWED, POLICY_REFUSED)

#: A request for anything but the fail-safe action stands so long without a good reading of what its plan looks at.
EVIDENCE_SECONDS = 300.0
#: Protection of equipment for which the plant file says nothing.
PUMP_LEAST_SECONDS, PUMP_STARTS_PER_HOUR, VALVE_LEAST_SECONDS = 10.0, 12, 5.0

ActuatorKind = Literal["pump", "valve"]
Hand = Literal["suspend", "insist"]
#: What can be asked of an actuator, by kind. `set` takes a value from 0 to 1 (speed or position).
ACTIONS: Mapping[ActuatorKind, tuple[str, ...]] = MappingProxyType(
    {"pump": ("start", "stop", "set"), "valve": ("open", "close", "set")}
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """One limit of a sensor. It acts above or below the limit, on its `side`; the deadband lies on the other.

    It is compared with a measure of the sensor, by name; `parameters` are that measure's keys, sorted by name.
    One that is not `annunciated` is a switch point: for plans alone, and no alarm for people. Raises ValueError where
    neither the name nor `side` says on which side it acts, or each says another.
    """

    node: str
    sensor: str
    name: str
    limit: float
    deadband: float = 0.0
    on_delay_seconds: float = 0.0
    off_delay_seconds: float = 0.0
    priority: Priority = "medium"
    measure: str = VALUE
    parameters: tuple[tuple[str, float], ...] = ()
    side: Side | None = None
    annunciated: bool = True

    def __post_init__(self) -> None:
        implied = SIDES.get(self.name)
        if self.side is None and implied is None:
            raise ValueError(f"threshold {self.name} does not say whether it acts above or below its limit")
        if self.side is None:
            object.__setattr__(self, "side", implied)
        elif implied not in {None, self.side}:
            raise ValueError(f"threshold {self.name} cannot act {self.side} its limit")

    @property
    def alarm(self) -> str:
        """The alarm it drives, `node/sensor:threshold`."""
        return f"{self.node}/{self.sensor}:{self.name}"

    @property
    def above(self) -> bool:
        """Whether it acts above its limit; one that was recorded before it had a side acts as its name says."""
        return (self.side or SIDES.get(self.name)) == "above"

    @property
    def clears_at(self) -> float:
        """What has to be passed, on the way back, for it to clear."""
        return self.limit - self.deadband if self.above else self.limit + self.deadband


@dataclass(frozen=True, slots=True)
class Sensor:
    """One measuring point. Its thresholds live apart (they change while the agent runs).

    `source` says where its node, which speaks a language of its own, says its values. `derived` is how its values come
    from those of other sensors; nothing is heard of it then. `label` is its name for people.
    """

    node: str
    id: str
    quantity: str
    unit: str
    interval_seconds: float = 60.0
    quality: Quality = field(default_factory=Quality)
    source: ReadingSource | None = None
    derived: Derivation | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """`node/sensor`."""
        return f"{self.node}/{self.id}"

    @property
    def late_seconds(self) -> float:
        """Age at receipt past which a reading moves nothing; also how long silence lasts before it is stale."""
        return self.quality.late_seconds or 3 * self.interval_seconds


@dataclass(frozen=True, slots=True)
class Actuator:
    """One piece of equipment that obeys commands, with what protects it.

    `hand` says what a change that no command explains does to the request, `unexpected_retries` how often it is tried
    once more; after `lock_out_after` failures in a row it is locked out. After a start of the agent or a return of its
    node it waits a time within `power_return_seconds` before it is started. `wiring` is how an actuator is commanded
    whose node speaks a language of its own. `expect` is what its running must bring about; `rated_kw` is the size of
    its motor, `ramp_seconds` how long it takes over its whole range; `label` is its name for people.
    """

    node: str
    id: str
    kind: ActuatorKind
    fail_safe: str
    min_on_seconds: float = 0.0
    min_off_seconds: float = 0.0
    max_starts_per_hour: int | None = None
    lease_seconds: float = 900.0
    ack_timeout_seconds: float = 5.0
    command_ttl_seconds: float = 30.0
    hand: Hand = "suspend"
    unexpected_retries: int = 0
    lock_out_after: int = 3
    power_return_seconds: tuple[float, float] = (0.0, 0.0)
    wiring: Wiring | None = None
    expect: Expectation | None = None
    rated_kw: float | None = None
    ramp_seconds: float = 0.0
    label: str | None = None

    @property
    def name(self) -> str:
        """`node/actuator`."""
        return f"{self.node}/{self.id}"


TimestampFormat = Literal["rfc3339", "unix", "unix_ms"]


@dataclass(frozen=True, slots=True)
class Node:
    """One device on the broker. `timestamps` says what a bare number in `ts` means.

    `status` is where one that speaks a language of its own says whether it is online. `label` is its name for people.
    """

    id: str
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    actuators: Mapping[str, Actuator] = field(default_factory=dict)
    timestamps: TimestampFormat = "rfc3339"
    status: tuple[WordSource, ...] = ()
    label: str | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether it speaks a language of its own, and so not ours."""
        parts = [each.source for each in self.sensors.values()], [each.wiring for each in self.actuators.values()]
        return bool(self.status) or any(each is not None for part in parts for each in part)


@dataclass(frozen=True, slots=True)
class Step:
    """What a plan does to one actuator (`node/actuator`)."""

    actuator: str
    action: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Fallback:
    """One step of a plan whose evidence is gone: another sensor, timed running, or the fail-safe action.

    Exactly one of `use` (node/sensor), `run_seconds` (with `every_seconds` and `at_most_seconds`) and `do` is given.
    """

    use: str | None = None
    run_seconds: float | None = None
    every_seconds: float | None = None
    at_most_seconds: float | None = None
    do: Literal["fail_safe"] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is requested of which actuators, and when: by its kind, and the keys of that.

    `when`, `unless` and `do` are keys of kinds that have them, all others stand in `parameters`, as JSON. What is not
    the fail-safe action is requested only while every sensor that the kind looks at was good within
    `evidence_seconds`; after that the steps of `without_evidence` follow. A `trip` passes minimum times, cooldown and
    pauses; where it `latch`es, nothing but the fail-safe action is requested until a person resets it.
    """

    id: str
    when: tuple[str, ...]
    do: tuple[Step, ...]
    unless: tuple[str, ...] = ()
    priority: int = 50
    cooldown_seconds: float = 0.0
    evidence_seconds: float = EVIDENCE_SECONDS
    without_evidence: tuple[Fallback, ...] = ()
    trip: bool = False
    latch: bool = False
    kind: str = CONDITION
    parameters: str = "{}"


@dataclass(frozen=True, slots=True)
class Provision:
    """A named table beside the plans, which they may refer to: its kind, and the keys of that, as JSON."""

    kind: str
    id: str
    parameters: str = "{}"

    @property
    def name(self) -> str:
        """`kind id`."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a control engineer tunes while the agent runs: thresholds, plans and provisions, each sorted by name."""

    thresholds: tuple[Threshold, ...] = ()
    plans: tuple[Plan, ...] = ()
    provisions: tuple[Provision, ...] = ()


@dataclass(frozen=True, slots=True)
class Plant:
    """A whole plant file: the equipment of one site and the policy it starts with."""

    site: str
    nodes: Mapping[str, Node]
    policy: Policy = field(default_factory=Policy)

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        """Every sensor, in the order of the file."""
        return tuple(sensor for node in self.nodes.values() for sensor in node.sensors.values())

    @property
    def actuators(self) -> tuple[Actuator, ...]:
        """Every actuator, in the order of the file."""
        return tuple(actuator for node in self.nodes.values() for actuator in node.actuators.values())

    def actuator(self, name: str) -> Actuator | None:
        """Find an actuator by `node/actuator`."""
        node, _, actuator = name.partition("/")
        return self.nodes[node].actuators.get(actuator) if node in self.nodes else None

    def sensor(self, name: str) -> Sensor | None:
        """Find a sensor by `node/sensor`."""
        node, _, sensor = name.partition("/")
        return self.nodes[node].sensors.get(sensor) if node in self.nodes else None
