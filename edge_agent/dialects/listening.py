"""What a plant listens to besides our own topics: what each topic says, found by one look into a dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.dialects.native import Sample
from edge_agent.dialects.places import ReadingPlace, ReplyPlace, WordPlace
from edge_agent.dialects.registry import dialect
from edge_agent.dialects.rejects import Rejected
from edge_agent.dialects.spec import UnreadableError
from edge_agent.model.inbox import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from edge_agent.dialects.spec import Dialect
    from edge_agent.model.plant import Actuator, Node, Plant
    from edge_agent.model.sources import ReplySource, Source, WordSource

#: What a state says that means that a person has the equipment at its panel.
LOCAL = "local"
_LONGEST_WORD = 64


class ForeignState(NamedTuple):
    """What an actuator (`node/actuator`) shows."""

    actuator: str
    state: str
    local: bool


class ForeignReply(NamedTuple):
    """What a device says became of a command, by its id or counter."""

    actuator: str
    identity: str
    status: str
    detail: str


@dataclass(slots=True)
class Words:
    """What a message says besides readings."""

    statuses: list[tuple[str, bool]] = field(default_factory=list)
    states: list[ForeignState] = field(default_factory=list)
    replies: list[ForeignReply] = field(default_factory=list)


class Content(NamedTuple):
    """What one message says. Samples stand with their nodes; `rejected` is what cannot be read."""

    samples: list[tuple[str, Sample]]
    rejected: list[Rejected]
    words: Words | None = None


class Listener:
    """All that is read of one topic. A payload is parsed once, whoever asks for how much of it."""

    def __init__(self, codec: str) -> None:
        self._dialect: Dialect = dialect(codec)
        self._readings: list[tuple[str, ReadingPlace]] = []
        self._statuses: list[tuple[str, WordPlace]] = []
        self._states: list[tuple[str, WordPlace]] = []
        self._replies: list[tuple[str, ReplyPlace]] = []
        self.nodes: tuple[str, ...] = ()
        self.kind = Kind.ACK  # what its messages count as

    def __repr__(self) -> str:
        return f"<Listener of {', '.join(self.nodes)}: {len(self._readings)} readings, {self._dialect.name}>"

    def listen(self, node: str, name: str, place: ReadingPlace | ReplyPlace) -> None:
        """Read values of a sensor, or answers of an actuator (`node/actuator`), from now on."""
        if isinstance(place, ReadingPlace):
            self._readings.append((node, place))
        else:
            self._replies.append((name, place))
        self._note(node)

    def listen_for_words(self, node: str, name: str, place: WordPlace) -> None:
        """Read a node's status, or the state of an actuator (`node/actuator`), from now on."""
        (self._states if "/" in name else self._statuses).append((name, place))
        self._note(node)

    def _note(self, node: str) -> None:
        if node not in self.nodes:
            self.nodes = (*self.nodes, node)
        if self._readings:
            self.kind = Kind.TELEMETRY
        elif self._states:
            self.kind = Kind.STATE
        elif self._statuses:
            self.kind = Kind.STATUS

    def read(self, payload: bytes, *, retained: bool) -> Content:
        """Read a message."""
        if not payload and retained:  # it takes the last one back
            return Content([], [])
        try:
            document = self._dialect.read(payload)
        except UnreadableError as error:
            return Content([], [Rejected(str(error), payload)])
        samples: list[tuple[str, Sample]] = []
        rejected: list[Rejected] = []
        for node, place in self._readings:
            said = None if retained and place.skips_retained else place.read(document)
            if type(said) is Sample:
                samples.append((node, said))
            elif said is not None:
                rejected.append(said)  # type: ignore[arg-type]  # the other of the two
        if self._statuses or self._states or self._replies:
            return Content(samples, rejected, self._read_words(rejected, document, retained=retained))
        return Content(samples, rejected)

    def _read_words(self, rejected: list[Rejected], document: object, *, retained: bool) -> Words:
        words = Words()
        for node, place in self._statuses:
            said = None if retained and place.skips_retained else place.read(document)
            if said is not None and said[0]:
                words.statuses.append((node, said[0] == "online"))
            elif said is not None:
                rejected.append(Rejected("status_invalid", place.excerpt(node, said[1])))
        for actuator, place in self._states:
            said = None if retained and place.skips_retained else place.read(document)
            if said is not None:
                words.states.append(_state(actuator, *said))
        for actuator, answers in self._replies:
            reply = answers.read(document)
            if reply is not None:
                words.replies.append(ForeignReply(actuator, *reply))
        return words


def _state(actuator: str, word: str, found: object) -> ForeignState:
    """Return a state; what means none of ours is shown as it is, and counts as unknown."""
    if word and word != LOCAL:
        return ForeignState(actuator, word, local=False)
    return ForeignState(actuator, f"unknown ({found})"[:_LONGEST_WORD], local=word == LOCAL)


class PlantListeners:
    """What to read of each topic by the plant in force.

    An actuator that leaves the plant is stopped first: what it shows is read on, until it is known to rest.
    """

    def __init__(self) -> None:
        self._of_plant: dict[str, Listener] = {}
        self._parting: dict[str, tuple[str, Listener]] = {}
        self._wired: dict[str, Actuator] = {}

    def __repr__(self) -> str:
        return f"<PlantListeners: {len(self._of_plant)} topics, {len(self._parting)} of what has left>"

    def equip(self, plant: Plant) -> None:
        """Read by a changed plant from now on."""
        wired = {actuator.name: actuator for actuator in plant.actuators if actuator.wiring is not None}
        self._parting = {
            source.topic: (name, _state_listener(actuator, source))
            for name, actuator in self._wired.items()
            if plant.actuator(name) is None
            for source in states(actuator)
        }
        self._wired, self._of_plant = wired, listeners(plant)

    def of(self, topic: str, leaving: Collection[str]) -> Listener | None:
        """Return what reads a topic; `leaving` are actuators besides those of the plant."""
        found = self._of_plant.get(topic)
        if found is None and leaving and topic in self._parting:
            name, listener = self._parting[topic]
            return listener if name in leaving else None
        return found


def _state_listener(actuator: Actuator, source: WordSource) -> Listener:
    listener = Listener(source.codec)
    listener.listen_for_words(actuator.node, actuator.name, WordPlace(source))
    return listener


def states(actuator: Actuator) -> tuple[WordSource, ...]:
    """Return where an actuator of such a device shows what it does."""
    return () if actuator.wiring is None else actuator.wiring.state


def listeners(plant: Plant) -> dict[str, Listener]:
    """Return what to read of each topic that a plant listens to."""
    found: dict[str, Listener] = {}
    for node in plant.nodes.values():
        if node.is_foreign:
            _listen(node, found)
    return found


def topics(plant: Plant) -> set[str]:
    """Return the topics that a plant listens to besides our own."""
    return {source.topic for node in plant.nodes.values() if node.is_foreign for source in sources(node)}


def sources(node: Node) -> Iterator[Source]:
    """Yield all that is listened to for a node."""
    yield from node.status
    yield from (sensor.source for sensor in node.sensors.values() if sensor.source is not None)
    for actuator in node.actuators.values():
        if actuator.wiring is not None:
            yield from actuator.wiring.state
            yield from [actuator.wiring.reply] if actuator.wiring.reply else []


def _listen(node: Node, found: dict[str, Listener]) -> None:
    def listener(source: Source) -> Listener:
        return found.setdefault(source.topic, Listener(source.codec))

    _listen_for_words(node.id, node.id, node.status, found)
    for sensor in node.sensors.values():
        if sensor.source is not None:
            listener(sensor.source).listen(node.id, sensor.name, ReadingPlace(node.id, sensor.id, sensor.source))
    for actuator in node.actuators.values():
        if actuator.wiring is not None:
            _listen_for_words(node.id, actuator.name, actuator.wiring.state, found)
            reply: ReplySource | None = actuator.wiring.reply
            if reply is not None:
                listener(reply).listen(node.id, actuator.name, ReplyPlace(reply))


def _listen_for_words(node: str, name: str, said: Iterable[WordSource], found: dict[str, Listener]) -> None:
    for source in said:
        listener = found.setdefault(source.topic, Listener(source.codec))
        listener.listen_for_words(node, name, WordPlace(source))
