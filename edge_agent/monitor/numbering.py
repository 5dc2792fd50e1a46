"""The sequence numbers of every topic: which messages never came, and what a restart must know to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.remembered import SequenceMemory
from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.sequence import Numbers

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from edge_agent.model.time import Instant, Moment
    from edge_agent.monitor.channel import Channel

#: The name of a topic: node and sensor; the sensor is empty for the topic of many.
Topic = tuple[str, str]


class Numbering:
    """Counts what is missing on every topic; `take_changes` hands over the counts and the memories of a turn.

    A topic of one sensor in regular order needs no memory: its newest reading says where it is. One that waits for
    what was overtaken has a memory, and so has the topic of many sensors, and every topic of a node that uses both.
    """

    def __init__(
        self,
        channels: Mapping[Topic, Channel],
        remembered: Iterable[SequenceMemory],
        future_tolerance_seconds: float,
    ) -> None:
        self._channels = channels
        self._of_many: dict[str, Numbers] = {}
        self._future_us = round(future_tolerance_seconds * MICROSECONDS)
        self._open: dict[Topic, Numbers] = {}  # irregular: time will settle them
        self._odd: set[Topic] = set()  # their newest message is not what their newest reading says
        self._kept: set[Topic] = set()  # have a memory in the store that must be taken back
        self._changed: dict[Topic, Numbers] = {}
        self._gaps = 0
        self._settled = 0  # the second in which it was looked what time has settled
        self._recall(list(remembered))

    def adopt(self, channels: Mapping[Topic, Channel], nodes: Container[str]) -> None:
        """Go on with the channels of a changed plant; what is no longer part of it is forgotten."""
        self._channels = channels
        self._of_many = {node: sequence for node, sequence in self._of_many.items() if node in nodes}
        gone = {topic for topic in {*self._open, *self._odd, *self._kept, *self._changed} if not self._has(topic)}
        for topic in sorted(gone):
            self._open.pop(topic, None)
            self._changed.pop(topic, None)
        self._odd -= gone
        self._kept -= gone

    def _has(self, topic: Topic) -> bool:
        node, sensor = topic
        return topic in self._channels if sensor else node in self._of_many

    def of(self, node: str, sensor: str) -> Numbers:
        """Find the sequence of a topic; the sensor is empty for the topic of many."""
        if sensor:
            return self._channels[node, sensor].sequence
        found = self._of_many.get(node)
        if found is None:
            found = self._of_many[node] = Numbers()
        return found

    def follow(self, topic: Topic, sequence: Numbers, seq: int, at: Instant, now: Moment) -> None:
        """Count the number of a message that became the newest reading of its sensor; `at` is hardly in the future."""
        at = min(at, now.at)
        if not sequence.follow(seq, at, now.seconds):
            self.take(*topic, seq, at, now)
        elif self._odd or self._open or self._kept or self._of_many:
            self._note(topic, sequence, seq, at, stored=True)

    def take(
        self,
        node: str,
        sensor: str,
        seq: int,
        at: Instant | None,
        now: Moment,
        *,
        stored: bool = True,
        readable: bool = True,
    ) -> None:
        """Count a message's number, with its own time.

        `stored`: it becomes a reading. What is not `readable` has lost its time, or comes again from ahead of it:
        it tells no restart.
        """
        sequence = self.of(node, sensor)
        newest = sequence.newest
        if newest is not None:
            if at is not None and newest == (at, seq):
                return
            if newest[0] > now.at + self._future_us:
                self._gaps += sequence.move(now.at if at is None else min(at - 1, now.at))
        if at is not None and at > now.at + self._future_us:
            at, stored = None, False  # it is not believed
        elif at is not None and at > now.at:
            at = None  # else true numbers would be old ones until then; nor is it of now, where it waited for us
        elif at is not None:
            newest = sequence.newest
            if newest is not None and at < newest[0] and seq == newest[1] + 1:
                at, stored = newest[0], False  # its clock has slipped back: the number says where it belongs
        self._gaps += sequence.update(seq, at, now.seconds, may_restart=readable)
        self._note((node, sensor), sequence, seq, at, stored=stored)

    def _note(self, topic: Topic, sequence: Numbers, seq: int, at: Instant | None, *, stored: bool) -> None:
        if not stored:
            self._odd.add(topic)
        elif self._odd and sequence.repeats(seq) and (at is None or sequence.newest == (at, seq)):
            self._odd.discard(topic)
        if not sequence.is_regular:
            self._open[topic] = sequence
        elif self._open:
            self._open.pop(topic, None)
        if self._tells_itself(topic, sequence):
            if topic not in self._kept:
                return
            self._kept.discard(topic)
        else:
            self._kept.add(topic)
        self._changed[topic] = sequence

    def tick(self, now: Moment) -> None:
        """Settle what time has settled, where anything waits for that: once a second, for nobody waits for a count."""
        if not self._open or int(now.seconds) == self._settled:
            return
        self._settled = int(now.seconds)
        for topic, sequence in list(self._open.items()):
            before = sequence.newest, sequence.waiting
            self._gaps += sequence.settle(now.seconds)
            if before != (sequence.newest, sequence.waiting):
                self._changed[topic] = sequence
            if sequence.is_regular:
                del self._open[topic]
                if self._tells_itself(topic, sequence):
                    self._kept.discard(topic)

    def next_seconds(self) -> float:
        """Return the monotonic time at which to look again; infinite where nothing waits."""
        return self._settled + 1.0 if self._open else float("inf")

    def take_changes(self) -> tuple[int, list[SequenceMemory]]:
        """Hand over how many are missing, and what to remember, since the last time."""
        gaps, self._gaps = self._gaps, 0
        if not self._changed:
            return gaps, []
        memories = [self._memory(topic, sequence) for topic, sequence in self._changed.items()]
        self._changed.clear()
        return gaps, memories

    def memories(self) -> list[SequenceMemory]:
        """Return all that a restart must know."""
        topics: dict[Topic, Numbers] = {(node, ""): sequence for node, sequence in self._of_many.items()}
        topics |= {(node, sensor): self.of(node, sensor) for node, sensor in self._kept}
        return [self._memory(topic, sequence) for topic, sequence in topics.items()]

    def _memory(self, topic: Topic, sequence: Numbers) -> SequenceMemory:
        return SequenceMemory(*topic, () if self._tells_itself(topic, sequence) else sequence.memory())

    def _tells_itself(self, topic: Topic, sequence: Numbers) -> bool:
        """Whether the newest reading tells where a sequence is: a store gives back those from ahead before it."""
        node, sensor = topic
        alone = bool(sensor) and sequence.is_regular and node not in self._of_many and topic not in self._odd
        return alone and not self._channels[topic].has_ahead

    def _recall(self, remembered: list[SequenceMemory]) -> None:
        both = {memory.node for memory in remembered if not memory.sensor}
        for (node, _), channel in self._channels.items():
            if node in both:  # the numbers of its readings may be those of the other topic
                channel.sequence = Numbers()
        for memory in remembered:
            if memory.sensor and (memory.node, memory.sensor) not in self._channels:
                continue
            topic = (memory.node, memory.sensor)
            sequence = self.of(*topic)
            sequence.recall(memory.seen)
            self._kept.add(topic)
            self._odd.add(topic)  # if something is missing, time settles it once it is heard again
