"""What the readings of a former run prove: that a value stood until the restart, without silence or doubt."""

from __future__ import annotations

import pytest
from support.plants import START, sensor

from edge_agent.analyze.proof import proving
from edge_agent.model.quality import Flag
from edge_agent.model.remembered import StoredReading
from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.spike import Spike

SETTLING = sensor(spike=Spike(0.5), freshness=Freshness(60.0))
PLAIN = sensor(freshness=Freshness(60.0))


def before(seconds, flag=Flag.GOOD, late=0.0):
    received = START.at - round(seconds * MICROSECONDS)
    return StoredReading(
        "tank1", "level", float(seconds), received - round(late * MICROSECONDS), received, None, int(flag), 0
    )


def proved(readings, of=PLAIN):
    return [reading.value for reading in proving(readings, of, START)]


def test_good_readings_up_to_now_prove_the_oldest_first():
    assert proved([before(10), before(50), before(30)]) == [50.0, 30.0, 10.0]


def test_the_newest_of_a_sensor_with_a_spike_test_was_not_judged_yet_and_those_before_it_count():
    readings = [before(40), before(20), before(10, Flag.NOT_EVALUATED)]
    assert proved(readings, SETTLING) == [40.0, 20.0]
    assert proved(readings, PLAIN) == []


def test_the_newest_that_was_judged_counts_for_a_sensor_with_a_spike_test_too():
    assert proved([before(40), before(20)], SETTLING) == [40.0, 20.0]


@pytest.mark.parametrize("doubt", [before(20, Flag.SUSPECT), before(20, Flag.FAIL), before(20, late=61)])
def test_nothing_before_a_reading_that_was_bad_or_late_counts(doubt):
    assert proved([before(30), doubt, before(10)]) == [10.0]


def test_nothing_before_a_silence_counts_and_nothing_where_it_reaches_up_to_now():
    assert proved([before(100), before(39), before(10)]) == [39.0, 10.0]
    assert proved([before(61)]) == []
    assert proved([before(60)]) == [60.0]


def test_a_reading_from_after_now_proves_nothing():
    assert proved([before(20), before(-5)]) == []
