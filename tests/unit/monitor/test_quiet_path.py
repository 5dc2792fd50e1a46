"""What is usual goes a short way; it must come to what the long way comes to, whatever the readings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.plant import Sensor
from edge_agent.model.quality import Quality
from edge_agent.monitor.channel import Channel
from edge_agent.monitor.quiet import quiet_range
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike

NOW = 1_790_000_000_000_000
_LIMIT = st.sampled_from([None, 0.1, 0.5, 1.0, 2.0])

qualities = st.tuples(
    st.none() | st.builds(GrossRange, st.just((0.0, 6.0)), st.sampled_from([None, (0.5, 5.5), (-1.0, 9.0)])),
    st.none() | st.builds(RateOfChange, _LIMIT, _LIMIT),
    st.none() | st.builds(Spike, _LIMIT, _LIMIT),
    st.none() | st.builds(FlatLine, st.sampled_from([0.0, 0.05, 0.5]), st.just(3.0), st.sampled_from([None, 5.0])),
    st.none() | st.builds(Freshness, st.sampled_from([2.0, 6.0]), st.sampled_from([None, 1.0])),
).map(lambda tests: Quality(test for test in tests if test is not None))
#: Seconds since the reading before, age at receipt in seconds, value.
steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.0, 4.0, -2.0, 60.0]),
        st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.5, 7.0, -1.0, -20.0]),
        st.sampled_from([-1.0, 0.0, 0.4, 2.0, 2.04, 2.05, 2.1, 2.5, 3.0, 5.6, 9.0]) | st.floats(-1e300, 1e300),
    ),
    max_size=40,
)


@dataclass
class Way:
    """One of two channels that are given the same readings, and what it made of them."""

    channel: Channel
    short: bool
    shortened: int = 0
    told: list[object] = field(default_factory=list)

    def take(self, value: float, observed_at: int, seq: int, received_at: int) -> None:
        found = self.channel.follow(value, observed_at, seq, received_at) if self.short else None
        self.shortened += found is not None
        reading, settled = found or self.channel.take(value, observed_at, seq, received_at)
        self.told.append((asdict(reading), None if settled is None else asdict(settled)))


@given(qualities, steps)
def test_the_short_way_and_the_long_way_tell_the_same(
    quality: Quality, readings: list[tuple[float, float, float]]
) -> None:
    sensor = Sensor("tank1", "level", "level", "m", 10.0, quality)
    ways = [Way(Channel(sensor, 10.0, 0.0), short) for short in (True, False)]
    at = NOW
    for seq, (apart, age, value) in enumerate(readings):
        at += round(apart * 1_000_000)
        for way in ways:
            way.take(value, at, seq, at + round(age * 1_000_000))
    assert ways[0].told == ways[1].told


def test_regular_readings_take_the_short_way_from_the_third_on() -> None:
    tests = Quality([GrossRange((0.0, 6.0)), RateOfChange(0.1, 0.5), Spike(0.5), FlatLine(0.01, 5.0), Freshness(60.0)])
    way = Way(Channel(Sensor("tank1", "level", "level", "m", 10.0, tests), 10.0, 0.0), short=True)
    for number in range(10):
        way.take(3.0 + number % 3 / 50, NOW + number * 1_000_000, number, NOW + number * 1_000_000)
    assert way.shortened == 8


def test_a_sensor_without_tests_is_bounded_by_its_times_only() -> None:
    quiet = quiet_range(Quality(), 30_000_000, 10_000_000)
    assert (quiet.lowest, quiet.highest, quiet.rate, quiet.height) == (float("-inf"), *(float("inf"),) * 3)
    assert (quiet.youngest_us, quiet.oldest_us, quiet.tests) == (-1_000_000, 30_000_000, 0)
