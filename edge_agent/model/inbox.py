"""What comes into a turn: messages, the fate of deliveries, changed policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant
    from edge_agent.model.revision import Revision


CutReason: TypeAlias = Literal["payload_too_large", "topic_too_long"]


class Kind(StrEnum):
    """What a topic carries."""

    TELEMETRY = "telemetry"
    STATUS = "status"
    ACK = "ack"
    STATE = "state"
    UNKNOWN = "unknown"


class Route(NamedTuple):
    """A parsed topic. `name` is the sensor or actuator; empty for status and for telemetry of many sensors."""

    kind: Kind
    node: str = ""
    name: str = ""


class Receipt(NamedTuple):
    """What is needed to acknowledge a message to the broker: only the connection it came on may do so."""

    generation: int
    packet: int


class Message(NamedTuple):
    """One message as it came from the broker. `receipt` is None where nothing is to be acknowledged (QoS 0).

    `cut` is why only the beginning of it is here, which makes it a dead letter: it was too large to be taken whole.
    """

    route: Route
    topic: str
    payload: bytes
    receipt: Receipt | None = None
    retained: bool = False
    redelivered: bool = False
    cut: CutReason | None = None


class DeliveryReport(NamedTuple):
    """What became of one attempt to deliver a command: it was `published`, or the delivery `failed` or `expired`."""

    command_id: str
    state: Literal["published", "failed", "expired"]
    detail: str


class BreakerReport(NamedTuple):
    """The breaker of a node changed: `open` (do not ask it), `half_open` (one may try), `closed`."""

    node: str
    state: Literal["open", "half_open", "closed"]


class RenewalReport(NamedTuple):
    """The embedded store was damaged and begun anew; `detail` says where the old file lies and what was saved of it."""

    detail: str


class LinkReport(NamedTuple):
    """The connection to the broker has come or gone."""

    connected: bool


class EpochReport(NamedTuple):
    """The site has an epoch of this number or higher that is not ours: the next command must be above it."""

    epoch: int
    detail: str


class RefusalReport(NamedTuple):
    """A policy was refused because it does not fit the plant, for the reasons in `detail`; empty: the newest fits."""

    detail: str


class Operation(NamedTuple):
    """What a person asks of an actuator (`node/actuator`): to `reset` a lock-out or trip, to `release` a suspension."""

    operation: Literal["reset", "release"]
    target: str
    by: str
    reason: str


@dataclass(slots=True)
class Inbox:
    """Everything one turn is given.

    `policy` is what changes of the thresholds and plans in force, `plant` replaces all: nodes and equipment too.
    """

    messages: list[Message] = field(default_factory=list)
    deliveries: list[DeliveryReport] = field(default_factory=list)
    breakers: list[BreakerReport] = field(default_factory=list)
    renewals: list[RenewalReport] = field(default_factory=list)
    policy: Revision | None = None
    links: list[LinkReport] = field(default_factory=list)
    epochs: list[EpochReport] = field(default_factory=list)
    refusals: list[RefusalReport] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    plant: Plant | None = None
