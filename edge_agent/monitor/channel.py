"""One sensor's readings as they come: put into order, converted, judged by the tests its plant file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import SHIFT, Flag
from edge_agent.model.readings import Reading
from edge_agent.model.time import MICROSECONDS
from edge_agent.model.units import conversion
from edge_agent.monitor import flat_line, freshness, gross_range, rate_of_change, spike
from edge_agent.monitor.quiet import quiet_range
from edge_agent.monitor.sequence import Numbers

if TYPE_CHECKING:
    from edge_agent.model.plant import Sensor
    from edge_agent.model.remembered import StoredReading
    from edge_agent.model.time import Instant
    from edge_agent.model.units import Conversion
    from edge_agent.monitor.flat_line import FlatLineRun

_GOOD, _NOT_EVALUATED, _SUSPECT, _FAIL = (int(f) for f in (Flag.GOOD, Flag.NOT_EVALUATED, Flag.SUSPECT, Flag.FAIL))
_RATE, _SPIKE, _FLAT = SHIFT["rate_of_change"], SHIFT["spike"], SHIFT["flat_line"]
_FRESHNESS, _CLOCK = SHIFT["freshness"], SHIFT["clock"]


def _strongest(tests: int) -> int:
    """Aggregate packed flags by precedence. A reading that passed validation is good unless a test says worse."""
    strongest = _GOOD
    while tests:
        flag = tests & 0xF
        if flag > strongest and flag != _NOT_EVALUATED:
            strongest = flag
        tests >>= 4
    return strongest


class Channel:
    """The state of one sensor in the monitor.

    Readings are taken in the order of (observed_at, seq). One that comes after a newer one is kept, but it is not put
    to the tests that compare neighbours, and it moves nothing.
    """

    __slots__ = (
        "_before",
        "_future_us",
        "_late_us",
        "_overdue_us",
        "_quiet",
        "_run",
        "_unsettled",
        "heard_seconds",
        "last",
        "sensor",
        "sequence",
        "stale",
    )

    def __init__(self, sensor: Sensor, future_tolerance_seconds: float, heard_seconds: float) -> None:
        self.sensor = sensor
        self.sequence = Numbers()
        self.last: Reading | None = None  # the newest in order
        self.heard_seconds = heard_seconds  # monotonic time of the last reading that was not late, or of the start
        self.stale = False
        self._before: float | None = None  # the value before `last`
        self._unsettled: Reading | None = None
        self._late_us = round(sensor.late_seconds * MICROSECONDS)
        self._future_us = round(future_tolerance_seconds * MICROSECONDS)
        # Settled after a long silence a reading tells of the past only: it must not start a pump now.
        self._overdue_us = self._late_us + round(sensor.interval_seconds * MICROSECONDS)
        self._quiet = quiet_range(sensor.quality, self._late_us, self._future_us)
        self._run: FlatLineRun | None = None  # of values that hardly move; None while it is `last` alone

    def conversion(self, unit: str) -> Conversion | None:
        """Find how a unit that a message names becomes the sensor's; None where it is of another quantity."""
        return conversion(self.sensor.quantity, unit, self.sensor.unit)

    def is_newest(self, observed_at: Instant, seq: int | None) -> bool:
        """Whether such a reading would be the newest in order."""
        last = self.last
        if last is None or observed_at > last.observed_at:
            return True
        return observed_at == last.observed_at and seq is not None and last.seq is not None and seq > last.seq

    def is_last(self, observed_at: Instant, seq: int | None) -> bool:
        """Whether such a reading is the newest one once more."""
        last = self.last
        return last is not None and observed_at == last.observed_at and seq == last.seq

    def receipt(self, now: Instant) -> Instant:
        """Give a value without a time the time of its receipt.

        Those that arrive together are apart by a microsecond, so that none hides another.
        """
        return now if self.last is None else max(now, self.last.observed_at + 1)

    def forget_future(self, now: Instant) -> None:
        """Begin anew where the newest reading lies in the future: the wall clock was set back.

        It would make every true reading an old one until the wall clock is there again.
        """
        if self.last is not None and self.last.observed_at > now + self._future_us:
            self.last = self._before = self._unsettled = self._run = None

    def follow(
        self, value: float, observed_at: Instant, seq: int | None, received_at: Instant
    ) -> tuple[Reading, Reading | None] | None:
        """Do what `take` does, with a reading that has its own time and passes all tests; None: it is to be taken.

        Nearly all readings are such. What the tests come to is then known beforehand, in a few comparisons: with five
        tests 2 µs a reading instead of 6.
        """
        last = self.last
        if last is None:
            return None
        lowest, highest, rate, height, youngest_us, oldest_us, tolerance, spike_test, tests, settled_tests = self._quiet
        seconds = (observed_at - last.observed_at) / MICROSECONDS
        if not (
            seconds > 0.0
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
            settled.tests -= _NOT_EVALUATED - _GOOD << _SPIKE
            settled.flag = _GOOD if settled.tests == settled_tests else _strongest(settled.tests)
            settled.settled = True
        flag = _GOOD
        if abs(value - last.value) > tolerance:
            self._run = None
        else:
            flag = self._flatness(value, observed_at)
            tests += flag - _GOOD << _FLAT
        self._before = last.value
        if spike_test:
            reading = Reading(self.sensor, value, observed_at, received_at, seq, _NOT_EVALUATED, tests, False, False)
            self.last = self._unsettled = reading
        else:
            self.last = reading = Reading(self.sensor, value, observed_at, received_at, seq, flag, tests)
        return reading, settled

    def take(
        self, value: float, observed_at: Instant, seq: int | None, received_at: Instant, *, timed: bool = True
    ) -> tuple[Reading, Reading | None]:
        """Judge a reading; return it, and the one before where this one settles it.

        `value` is in the sensor's unit; `timed` says that `observed_at` is the node's own word. What is returned as
        unsettled comes back as the second of a later call.
        """
        if observed_at > received_at + self._future_us:
            return self._disbelieved(value, observed_at, seq, received_at), None
        tests = self._alone(value, (received_at - observed_at) / MICROSECONDS)
        late = received_at - observed_at > self._late_us
        if not self.is_newest(observed_at, seq):
            flag = _strongest(tests)
            return Reading(self.sensor, value, observed_at, received_at, seq, flag, tests, late=True), None
        together = not timed and self.last is not None and self.last.received_at == received_at
        tests |= self._beside(value, observed_at, together=together)
        settled = self._settle(value, received_at)
        reading = Reading(self.sensor, value, observed_at, received_at, seq, _strongest(tests), tests, late)
        if self.sensor.quality.spike is not None:
            reading.flag, reading.settled = _NOT_EVALUATED, False
            reading.tests |= _NOT_EVALUATED << _SPIKE
            self._unsettled = reading
        if self.last is not None:
            self._before = self.last.value
        self.last = reading
        return reading, settled

    def _disbelieved(self, value: float, observed_at: Instant, seq: int | None, received_at: Instant) -> Reading:
        """Keep a reading from the future, but neither act on it nor let it stand in the way of true ones."""
        tests = self._alone(value, 0.0) | _SUSPECT << _CLOCK
        return Reading(self.sensor, value, observed_at, received_at, seq, _strongest(tests), tests, late=True)

    def _alone(self, value: float, age_seconds: float) -> int:
        """Run the tests that need no other reading."""
        quality, tests = self.sensor.quality, 0
        if quality.gross_range is not None:
            tests = int(gross_range.judge(quality.gross_range, value))
        if quality.freshness is not None:
            tests |= freshness.judge(quality.freshness, age_seconds) << _FRESHNESS
        return tests

    def _beside(self, value: float, observed_at: Instant, *, together: bool) -> int:
        """Run the tests that look at the readings before. What arrived `together` without times has no rate."""
        quality, last, tests = self.sensor.quality, self.last, 0
        if quality.rate_of_change is not None:
            flag = Flag.NOT_EVALUATED
            if last is not None and not together:
                seconds = (observed_at - last.observed_at) / MICROSECONDS
                flag = rate_of_change.judge(quality.rate_of_change, value, last.value, seconds)
            tests = flag << _RATE
        if quality.flat_line is not None:
            tests |= self._flatness(value, observed_at) << _FLAT
        return tests

    def _flatness(self, value: float, observed_at: Instant) -> int:
        """Flag a reading by the run of values that hardly moved; not to be asked of a sensor without that test."""
        spec, last = self.sensor.quality.flat_line, self.last
        if spec is None:
            return _NOT_EVALUATED
        before = None if last is None else (last.value, last.observed_at / MICROSECONDS)
        self._run, flag = flat_line.judge(spec, self._run, before, value, observed_at / MICROSECONDS)
        return int(flag)

    def _settle(self, after: float, now: Instant) -> Reading | None:
        """Let the newest reading, `after`, tell whether the one before was a spike."""
        reading, spec = self._unsettled, self.sensor.quality.spike
        if reading is None or spec is None:
            return None
        if self._before is not None:
            verdict = spike.judge(spec, self._before, reading.value, after)
            reading.tests = reading.tests & ~(0xF << _SPIKE) | verdict << _SPIKE
        reading.flag = _strongest(reading.tests)
        reading.settled = True
        reading.late = reading.late or now - reading.observed_at > self._overdue_us
        self._unsettled = None
        return reading

    def remember(self, stored: StoredReading) -> None:
        """Take up where a former run ended, one stored reading at a time, oldest first."""
        reading = Reading(
            self.sensor, stored.value, stored.observed_at, stored.received_at, stored.seq, stored.flag, stored.tests
        )
        reading.late = stored.received_at - stored.observed_at > self._late_us
        future = stored.observed_at - stored.received_at > self._future_us
        if future or not self.is_newest(stored.observed_at, stored.seq):
            return
        self._flatness(stored.value, stored.observed_at)
        if self.sensor.quality.spike is not None and stored.flag == _NOT_EVALUATED:
            reading.settled = False
            self._unsettled = reading
        else:
            self._unsettled = None
        if self.last is not None:
            self._before = self.last.value
        self.last = reading
        if stored.seq is not None:
            self.sequence.recall([(stored.observed_at, stored.seq)])
