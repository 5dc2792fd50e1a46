"""Derived sensors: their values come from those of others, whenever one of these changes."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from edge_agent.expressions.dimensions import factor, sensors
from edge_agent.expressions.grammar import ExpressionError, parse_figure
from edge_agent.expressions.order import in_order
from edge_agent.model.quality import INPUTS_NUMBER, Flag
from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.judge import strongest
from edge_agent.monitor.lookback import Lookback
from edge_agent.monitor.order import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from edge_agent.expressions.quantities import Figuring
    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import Reading
    from edge_agent.model.sources import Derivation
    from edge_agent.model.time import Instant, Moment
    from edge_agent.monitor.channel import Channel
    from edge_agent.monitor.lookback import Taken
    from edge_agent.monitor.observed import Observed

    #: Takes a reading of a channel, with the one before that it settles, and the topic it came on.
    HandOn: TypeAlias = Callable[[Observed, Channel, Reading, Reading | None, str, Moment], None]

_GOOD, _NOT_EVALUATED = int(Flag.GOOD), int(Flag.NOT_EVALUATED)
_SHIFT = 4 * INPUTS_NUMBER
#: Two values closer to each other than so much of the interval tell no rate: what they are made of came one by one.
_APART = 0.5


@lru_cache(4096)
def _figuring(text: str) -> Figuring:
    return parse_figure(text).figured()


def _named(sensor: Sensor) -> tuple[str, ...]:
    """Return the sensors that a derived one names, `node/sensor`; none of what cannot be read."""
    with suppress(ExpressionError):
        return () if sensor.derived is None else sensors(sensor.derived.expression)
    return ()


class _Way(NamedTuple):
    """The turn that something is computed in: what it is added to, and by which receipt it is judged."""

    observed: Observed
    now: Moment
    ahead: Instant
    hand_on: HandOn

    @property
    def received_at(self) -> Instant:
        return self.now.at + self.ahead


class _Part:
    """One derived sensor: of which sensors it is made, and over which window, if any."""

    __slots__ = ("channel", "derived", "factor", "lookback", "made_of", "rank")

    def __init__(self, channel: Channel, derived: Derivation, made_of: tuple[Channel, ...], rank: int) -> None:
        self.channel, self.derived, self.made_of, self.rank = channel, derived, made_of, rank
        units = {each.sensor.name: each.sensor.unit for each in made_of}
        sensor = channel.sensor
        self.factor = factor(derived.expression, units, sensor.unit, sensor.quantity, summed=derived.of == "sum")
        seconds = derived.window_seconds
        self.lookback = None if seconds is None else Lookback(seconds, channel.sensor.late_seconds)

    def is_like(self, before: _Part) -> bool:
        """Whether it is made as it was before, of the same."""
        return [each.sensor for each in (self.channel, *self.made_of)] == [
            each.sensor for each in (before.channel, *before.made_of)
        ]

    def take(self, figure: float | None, flag: int, at: Instant) -> tuple[float | None, int]:
        """Return the value that a figure gives, and its flag. In a window only good ones count."""
        if self.lookback is not None:
            self.lookback.take(at, figure if flag == _GOOD else None)
            figure, full = self.lookback.figure(cast("Taken", self.derived.of))
            if not full and flag == _GOOD:
                flag = _NOT_EVALUATED
        return None if figure is None else figure * self.factor, flag


class Deriving:
    """Computes the derived sensors of a plant. It knows the newest reading of what they are made of, of this run.

    Late readings, and those that come after a newer one, change nothing here. What is not heard is missing: of that
    nothing is computed.
    """

    __slots__ = ("_channels", "_newest", "_parts", "_users")

    def __init__(self, channels: Mapping[tuple[str, str], Channel], before: Deriving | None = None) -> None:
        self._channels = {channel.sensor.name: channel for channel in channels.values()}
        self._parts: list[_Part] = []
        self._users: dict[str, list[_Part]] = {}
        self._newest: dict[str, Reading] = {}
        derived = {name: _named(channel.sensor) for name, channel in self._channels.items() if channel.sensor.derived}
        for name in in_order(derived):
            with suppress(ExpressionError, KeyError):  # of what does not fit nothing is computed: `check` tells of it
                self._equip(self._channels[name], tuple(self._channels[each] for each in derived[name]))
        if before is not None:
            self._succeed(before)

    def __repr__(self) -> str:
        return f"Deriving({len(self._parts)} sensors of {len(self._users)})"

    def __bool__(self) -> bool:
        return bool(self._parts)

    def _equip(self, channel: Channel, parts: tuple[Channel, ...]) -> None:
        derived = channel.sensor.derived
        if derived is not None and parts:
            part = _Part(channel, derived, parts, len(self._parts))
            self._parts.append(part)
            for each in parts:
                self._users.setdefault(each.sensor.name, []).append(part)

    def _succeed(self, before: Deriving) -> None:
        """Go on after a change of the plant with what is made as before, of the same; other windows begin anew."""
        known = {part.channel.sensor.name: part for part in before._parts}
        anew: set[str] = set()
        for part in self._parts:
            name = part.channel.sensor.name
            old = known.get(name)
            if old is None or not part.is_like(old) or any(each.sensor.name in anew for each in part.made_of):
                anew.add(name)
            else:
                part.lookback = old.lookback
        for name, reading in before._newest.items():
            channel = self._channels.get(name)
            if channel is not None and channel.sensor is reading.sensor and name not in anew:
                self._newest[name] = reading

    def made_of(self, sensor: str) -> tuple[str, ...]:
        """Return what a derived sensor is made of, `node/sensor`; nothing of another."""
        channel = self._channels.get(sensor)
        return () if channel is None else _named(channel.sensor)

    def value(self, sensor: str) -> float | None:
        """Return what a sensor showed last."""
        reading = self._newest.get(sensor)
        return None if reading is None else reading.value

    def follow(self, observed: Observed, heard: int, now: Moment, hand_on: HandOn) -> int:
        """Compute what the settled readings from a place on change, instant by instant. Return how many there are."""
        readings = sorted((reading for reading, _ in observed.judged[heard:]), key=place)
        together: list[Reading] = []
        for reading in readings:
            if together and place(reading) != place(together[0]):
                self._compute(together, observed, now, hand_on)
                together = []
            together.append(reading)
        if together:
            self._compute(together, observed, now, hand_on)
        return len(observed.judged)

    def _compute(self, readings: list[Reading], observed: Observed, now: Moment, hand_on: HandOn) -> None:
        """Compute what is made of readings of one instant, and what is made of that; each once."""
        way = _Way(observed, now, 0 if now.sure else readings[-1].ahead, hand_on)
        waiting: dict[int, _Part] = {}
        for reading in readings:
            self._note(reading, waiting)
        while waiting:
            part = waiting.pop(min(waiting))
            for reading in self._derive(part, way):
                self._note(reading, waiting)

    def _note(self, reading: Reading, waiting: dict[int, _Part]) -> None:
        users = None if reading.late else self._users.get(reading.sensor.name)
        if users:
            self._newest[reading.sensor.name] = reading
            waiting.update((part.rank, part) for part in users)

    def _derive(self, part: _Part, way: _Way) -> Iterator[Reading]:
        """Compute one sensor, where nothing is missing; yield the readings of it that are settled by that."""
        heard = [each.sensor.name for each in part.made_of if way.now.seconds <= each.due_seconds]
        used = [self._newest[name] for name in heard if name in self._newest]
        if len(used) < len(part.made_of):
            return
        at, flag = max(map(place, used)), max(reading.flag for reading in used)
        value, flag = part.take(_figuring(part.derived.expression)(self), flag, at)
        if value is None:
            return
        reading, settled = _taken(part.channel, value, at, way.received_at)
        reading.tests |= flag << _SHIFT
        if reading.settled:
            reading.flag = strongest(reading.tests)
        reading.received_at, reading.ahead = way.now.at, way.ahead
        way.hand_on(way.observed, part.channel, reading, settled, f"= {part.derived.expression}", way.now)
        if settled is not None:
            yield settled
        if reading.settled:
            yield reading

    def miss(self, silent: list[Sensor]) -> None:
        """Note that sensors have fallen silent. What is made of them is missing too: it is added to them."""
        for sensor in silent:  # it grows meanwhile
            self._newest.pop(sensor.name, None)
            for part in self._users.get(sensor.name, ()):
                if not part.channel.stale:
                    part.channel.stale = True
                    silent.append(part.channel.sensor)


def _taken(channel: Channel, value: float, at: Instant, received_at: Instant) -> tuple[Reading, Reading | None]:
    """Put a value to the tests of its sensor. Values of one instant follow each other by a microsecond."""
    channel.forget_future(received_at)
    last = channel.last
    if last is None:
        return channel.take(value, at, None, received_at)
    rated = at - last.observed_at >= _APART * channel.sensor.interval_seconds * MICROSECONDS
    at = max(at, last.observed_at + 1)
    while (free := channel.free(at, None, value)) is None:
        at += 1
    return channel.take(value, free, None, received_at, rated=rated)
