"""What comes into a turn: messages, and events of every other kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


class PolicyChange(NamedTuple):
    """What changes of the thresholds and plans in force, or a part of it: see Revision."""

    revision: Revision


class PlantChange(NamedTuple):
    """This plant of the same site replaces the one in force: nodes, sensors and actuators, thresholds and plans."""

    plant: Plant


class DispatchReport(NamedTuple):
    """What became of one attempt to dispatch a command: it was `published`, or the dispatch `failed` or `expired`."""

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
    """What a person asks of an actuator (`node/actuator`): to `reset` a lock-out or trip, to `release` a suspension.

    A trip of an interlock is reset by the name of that.
    """

    operation: Literal["reset", "release"]
    target: str
    by: str
    reason: str


#: Whatever else than a message may come in. Each kind has a name in recordings: see `runtime/recordedevents.py`.
Event: TypeAlias = (
    PolicyChange
    | PlantChange
    | Operation
    | DispatchReport
    | BreakerReport
    | RenewalReport
    | RefusalReport
    | LinkReport
    | EpochReport
)
_E = TypeVar("_E", bound=Event)


@dataclass(slots=True)
class Inbox:
    """Everything one turn is given, messages and events each in the order in which they came."""

    messages: list[Message] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Events:
    """The events of a turn by kind, those of a kind in the order in which they came.

    `plant` is put in force by them, of several the last, and after it `revision`: what came before the plant is void.
    """

    __slots__ = ("_by_kind", "plant", "revision")

    def __init__(self, events: Iterable[Event]) -> None:
        self._by_kind: dict[type[Any], list[Any]] = {}
        self.plant: Plant | None = None
        self.revision: Revision | None = None
        for event in events:
            self._by_kind.setdefault(type(event), []).append(event)
            if isinstance(event, PlantChange):
                self.plant, self.revision = event.plant, None
            elif isinstance(event, PolicyChange):
                self.revision = event.revision if self.revision is None else self.revision.then(event.revision)

    def of(self, kind: type[_E]) -> Sequence[_E]:
        """Return the events of one kind."""
        return self._by_kind.get(kind, ())


#: Those of most turns.
NO_EVENTS = Events(())
