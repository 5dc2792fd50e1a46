"""One sensor's readings as they come: put into order, converted, judged by the tests its plant file names."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from edge_agent.model.quality import CLOCK_NUMBER, Flag
from edge_agent.model.readings import Reading
from edge_agent.model.remembered import StoredReading
from edge_agent.model.time import MICROSECONDS
from edge_agent.model.units import conversion
from edge_agent.monitor.judge import judge_of, outlier, strongest
from edge_agent.monitor.keys import Keys
from edge_agent.monitor.order import follows, is_ahead, place, was_ahead
from edge_agent.monitor.quiet import quiet_range
from edge_agent.monitor.sequence import Numbers
from edge_agent.monitor.tests.spec import Seen

if TYPE_CHECKING:
    from edge_agent.model.plant import Sensor
    from edge_agent.model.time import Instant
    from edge_agent.model.units import Conversion
    from edge_agent.monitor.judge import States

_GOOD, _NOT_EVALUATED, _SUSPECT = int(Flag.GOOD), int(Flag.NOT_EVALUATED), int(Flag.SUSPECT)
_AHEAD = _SUSPECT << 4 * CLOCK_NUMBER


class Channel:
    """The state of one sensor in the monitor.

    Readings are put into the order of (observed_at, seq); one from ahead of its receipt stands there at its receipt,
    so that it hides no true one. One that comes after a newer one is kept, but it is not put to the tests that compare
    neighbours, and it moves nothing.
    """

    __slots__ = (
        "_before",
        "_future_us",
        "_judge",
        "_keys",
        "_late_us",
        "_overdue_us",
        "_quiet",
        "_receipt",
        "_states",
        "_true_at",
        "_unsettled",
        "heard_seconds",
        "judged",
        "last",
        "sensor",
        "sequence",
        "stale",
    )

    def __init__(self, sensor: Sensor, future_tolerance_seconds: float, heard_seconds: float) -> None:
        self.sensor = sensor
        self.sequence = Numbers()
        self.last: Reading | None = None  # the newest in order
        self.judged: Reading | None = None  # the newest that is settled, where `last` is not
        self.heard_seconds = heard_seconds  # monotonic time of the last reading that was not late, or of the start
        self.stale = False
        self._before: float | None = None  # the value before `last`
        self._unsettled: Reading | None = None
        self._keys = Keys()
        self._true_at: Instant = 0  # where the newest stands that is not ahead, where `last` is
        self._receipt: Instant = 0  # the last time that was given to a value without one
        self._late_us = round(sensor.late_seconds * MICROSECONDS)
        self._future_us = round(future_tolerance_seconds * MICROSECONDS)
        # Settled after a long silence a reading tells of the past only: it must not start a pump now.
        self._overdue_us = self._late_us + round(sensor.interval_seconds * MICROSECONDS)
        self._quiet = quiet_range(sensor.quality, self._late_us, self._future_us)
        self._judge = judge_of(sensor.quality)
        self._states: States = None  # what the tests remember

    def __repr__(self) -> str:
        heard = "stale" if self.stale else "heard"
        return f"Channel({self.sensor.name}, {heard}, last {self.last and self.last.value})"

    @property
    def due_seconds(self) -> float:
        """The monotonic time after which it is stale, if it is not heard until then; infinite where it is stale."""
        return inf if self.stale else self.heard_seconds + self.sensor.late_seconds

    @property
    def has_ahead(self) -> bool:
        """Whether a reading is kept whose time was yet to come."""
        return self._keys.first_ahead < inf

    def conversion(self, unit: str) -> Conversion | None:
        """Find how a unit that a message names becomes the sensor's; None where it is of another quantity."""
        return conversion(self.sensor.quantity, unit, self.sensor.unit)

    def _is_newest(self, observed_at: Instant, seq: int | None, received_at: Instant) -> bool:
        """Whether such a reading would be the newest in order."""
        return self.last is None or follows(self.last, self._true_at, observed_at, seq, received_at)

    def free(self, observed_at: Instant, seq: int | None, value: float) -> Instant | None:
        """Return the time under which to store a reading; None where it is there already, with the same value.

        Another reading under the same time and number is put a microsecond later.
        """
        last = self.last
        if last is not None and last.observed_at < observed_at < self._keys.first_ahead:
            return observed_at
        return self._keys.free(observed_at, seq, value)

    def receipt(self, now: Instant) -> Instant:
        """Return the time of receipt for a value without a time.

        Those that arrive together are apart by a microsecond, so that none hides another.
        """
        before = self._receipt if self.last is None else max(self._receipt, place(self.last))
        self._receipt = max(now, before + 1)
        return self._receipt

    def forget_future(self, now: Instant) -> None:
        """Begin anew where the newest reading lies in the future: the wall clock was set back.

        It would make every true reading an old one until the wall clock is there again.
        """
        if self.last is not None and self.last.observed_at > now + self._future_us:
            self.last = self.judged = self._before = self._unsettled = self._states = None
            self._receipt = self._true_at = 0
            self._keys.pass_by(now)

    def follow(
        self, value: float, observed_at: Instant, seq: int | None, received_at: Instant
    ) -> tuple[Reading, Reading | None] | None:
        """Judge a reading as `take` does where it has its own time and passes all tests; None: `take` has to.

        Nearly all readings are such. What the tests come to is then known beforehand, in a few comparisons: with five
        tests 2 µs a reading instead of 6.
        """
        last = self.last
        if last is None:
            return None
        lowest, highest, rate, height, youngest_us, oldest_us, still, tests, pending = self._quiet
        seconds = (observed_at - last.observed_at) / MICROSECONDS
        keys = self._keys
        if not (
            seconds > 0.0
            and observed_at < keys.first_ahead
            and youngest_us <= received_at - observed_at <= oldest_us
            and lowest <= value <= highest
            and abs(value - last.value) / seconds <= rate
        ):
            return None
        settled = self._unsettled
        if settled is not None:
            before = self._before
            if before is None or received_at - settled.observed_at > self._overdue_us:
                return None
            if abs(settled.value - (before + value) / 2) > height:
                return None
            settled.tests -= pending
            settled.flag = _GOOD if settled.tests == tests else strongest(settled.tests)
            settled.settled = True
            self.judged = settled
        keys.keep(observed_at, seq, value)
        flag = _GOOD
        if abs(value - last.value) > still:
            self._states = None
        else:
            tests, flag = self._watch(tests, value, observed_at, received_at)
        if pending:
            tests, flag = tests + pending, _NOT_EVALUATED
        reading = Reading(self.sensor, value, observed_at, received_at, seq, flag, tests, False, not pending)
        self.last, self._before = reading, last.value
        self._unsettled = reading if pending else None
        return reading, settled

    def _watch(self, tests: int, value: float, observed_at: Instant, received_at: Instant) -> tuple[int, int]:
        """Run the tests that remember over a reading that hardly moved; return its packed flags, and the worst."""
        watched, self._states = self._judge.watch(self._see(value, observed_at, received_at), self._states)
        if watched == self._judge.watched:
            return tests, _GOOD
        return tests + watched - self._judge.watched, strongest(watched)

    def take(
        self, value: float, observed_at: Instant, seq: int | None, received_at: Instant, *, rated: bool = True
    ) -> tuple[Reading, Reading | None]:
        """Judge a reading; return it, and the one before where this one settles it.

        `value` is in the sensor's unit; `rated`: the time since the reading before is known.
        What is returned as unsettled comes back as the second of a later call.
        """
        self._keep_key(value, observed_at, seq, received_at)
        if observed_at > received_at + self._future_us:
            return self._disbelieved(value, observed_at, seq, received_at), None
        seen, judge = self._see(value, observed_at, received_at, rated=rated), self._judge
        tests = judge.alone(seen)
        late = received_at - observed_at > self._late_us
        last = self.last
        if not self._is_newest(observed_at, seq, received_at):
            flag = strongest(tests)
            return Reading(self.sensor, value, observed_at, received_at, seq, flag, tests, late=True), None
        if last is not None and last.observed_at > observed_at:
            self._keys.pass_by(observed_at)
        beside, self._states = judge.beside(seen, self._states)
        tests |= beside
        settled = self._settle(seen, received_at)
        reading = Reading(self.sensor, value, observed_at, received_at, seq, strongest(tests), tests, late)
        if judge.pending:
            reading.flag, reading.settled = _NOT_EVALUATED, False
            reading.tests |= judge.pending
            self._unsettled = reading
        if settled is not None and self._before is not None and judge.stands_out(settled.tests):
            settled.outlier = outlier(self._before, settled, reading)
        self._go_on(reading)
        return reading, settled

    def _go_on(self, reading: Reading) -> None:
        last, self.last = self.last, reading
        if last is None:
            return
        self._before = last.value
        if not was_ahead(last):
            self._true_at = place(last)

    def set_aside(self, value: float, observed_at: Instant, seq: int | None, received_at: Instant) -> Reading:
        """Keep a reading of which nothing tells how old it is: it moves nothing, and no other is old beside it."""
        self._keep_key(value, observed_at, seq, received_at)
        if observed_at > received_at + self._future_us:
            return self._disbelieved(value, observed_at, seq, received_at)
        tests = self._judge.alone(Seen(value, received_at / MICROSECONDS))
        return Reading(self.sensor, value, observed_at, received_at, seq, strongest(tests), tests, late=True)

    def _keep_key(self, value: float, observed_at: Instant, seq: int | None, received_at: Instant) -> None:
        self._keys.keep(observed_at, seq, value)
        if is_ahead(observed_at, received_at) or observed_at > received_at + self._future_us:
            self._keys.keep_ahead(observed_at, seq, value)
        self._keys.forget(received_at - 2 * self._late_us)

    def _disbelieved(self, value: float, observed_at: Instant, seq: int | None, received_at: Instant) -> Reading:
        """Keep a reading from the future, but neither act on it nor let it stand in the way of true ones."""
        tests = self._judge.alone(Seen(value, received_at / MICROSECONDS)) | _AHEAD
        return Reading(self.sensor, value, observed_at, received_at, seq, strongest(tests), tests, late=True)

    def _see(self, value: float, observed_at: Instant, received_at: Instant, *, rated: bool = True) -> Seen:
        """Return a reading as the tests see it."""
        last, at = self.last, min(received_at, observed_at)
        age = (received_at - observed_at) / MICROSECONDS
        if last is None:
            return Seen(value, at / MICROSECONDS, age)
        last_at = place(last)
        apart = observed_at - last.observed_at if observed_at > last.observed_at else at - last_at
        seconds = apart / MICROSECONDS if rated else None
        return Seen(value, at / MICROSECONDS, age, last.value, last_at / MICROSECONDS, seconds, self._before)

    def _settle(self, after: Seen, now: Instant) -> Reading | None:
        """Flag the reading before the newest, `after`, now that both its neighbours are known."""
        reading = self._unsettled
        if reading is None:
            return None
        reading.tests = self._judge.settle(reading.tests, after)
        reading.flag = strongest(reading.tests)
        reading.settled = True
        reading.late = reading.late or now - reading.observed_at > self._overdue_us
        self._unsettled, self.judged = None, reading
        return reading

    def succeed(self, before: Channel) -> None:
        """Go on for a sensor that was declared anew; its readings count on where they are of the same unit."""
        self.sequence, self.heard_seconds, self.stale = before.sequence, before.heard_seconds, before.stale
        if (self.sensor.quantity, self.sensor.unit) != (before.sensor.quantity, before.sensor.unit):
            return
        self._keys = before._keys
        for reading in (before.judged, before.last):
            if reading is not None:
                head = self.sensor.node, self.sensor.id, reading.value, reading.observed_at
                judged_at = reading.received_at + reading.ahead
                self.remember(StoredReading(*head, judged_at, reading.seq, reading.flag, reading.tests))

    def remember(self, stored: StoredReading) -> None:
        """Resume where a former run ended, one stored reading at a time, oldest first."""
        reading = Reading(
            self.sensor, stored.value, stored.observed_at, stored.received_at, stored.seq, stored.flag, stored.tests
        )
        reading.late = stored.received_at - stored.observed_at > self._late_us
        future = stored.observed_at - stored.received_at > self._future_us
        self._keys.keep(stored.observed_at, stored.seq, stored.value)
        if is_ahead(stored.observed_at, stored.received_at) or future:
            self._keys.keep_ahead(stored.observed_at, stored.seq, stored.value)
        if future or not self._is_newest(stored.observed_at, stored.seq, stored.received_at):
            return
        seen = self._see(stored.value, stored.observed_at, stored.received_at)
        _, self._states = self._judge.watch(seen, self._states)
        pending = self._judge.pending
        if pending and stored.flag == _NOT_EVALUATED:
            reading.settled, reading.tests = False, stored.tests | pending
            self._unsettled = reading
        else:
            self._unsettled, self.judged = None, reading
        self._go_on(reading)
        if stored.seq is not None:
            self.sequence.recall([(place(reading), stored.seq)])
