"""What an interlock believes of alarms and readings: what was good lately, and doubt where that stops."""

from __future__ import annotations

import pytest
from support.plants import START

from edge_agent.plan.interlocks.guarded import GuardedCircumstances, Outlook
from edge_agent.plan.scene import Gauge, Scene

SUCTION = "station/suction"


def around(*, active=(), seen=0.0, within=300.0, doubt=False, doubtful=None):
    """How things are for an interlock whose sensor was good so many seconds ago; None: never."""
    scene = Scene(active, active, START, lambda _: None, gauge=lambda _: Gauge(1.0, doubtful, trusted=True))
    sight = {SUCTION: None if seen is None else START.seconds - seen, "station": float("inf")}.get
    return GuardedCircumstances(Outlook(scene, sight), "UTC", {SUCTION: within}, {}, doubt=doubt)


@pytest.mark.parametrize(
    ("active", "seen", "doubt", "truth"),
    [
        (True, 10.0, False, True),
        (False, 10.0, False, False),
        (True, 300.0, False, None),
        (False, 300.0, False, None),
        (True, None, False, None),
        (True, 299.9, False, True),
        (True, 300.0, True, True),
        (False, 300.0, True, None),
        (False, 10.0, True, False),
    ],
)
def test_an_alarm_counts_no_longer_than_the_evidence_of_its_sensor(active, seen, doubt, truth):
    alarm = f"{SUCTION}:low"
    assert around(active=(alarm,) if active else (), seen=seen, doubt=doubt).is_active(alarm) is truth


@pytest.mark.parametrize("name", ["stale", "bad_quality"])
@pytest.mark.parametrize(("active", "seen", "truth"), [(True, None, True), (True, 10.0, True), (False, 10.0, False)])
def test_that_a_sensor_is_not_known_is_known_without_evidence(name, active, seen, truth):
    alarm = f"{SUCTION}:{name}"
    assert around(active=(alarm,) if active else (), seen=seen).is_active(alarm) is truth


@pytest.mark.parametrize("name", ["stale", "bad_quality"])
def test_of_a_sensor_that_was_never_heard_not_even_that_is_known(name):
    assert around(seen=None).is_active(f"{SUCTION}:{name}") is None


def test_alarms_of_nodes_and_actuators_need_no_reading():
    assert around(active=("station:offline",)).is_active("station:offline") is True
    assert around(seen=None).is_active("station:offline") is False


@pytest.mark.parametrize(
    ("seen", "doubt", "doubtful", "known"),
    [(10.0, False, None, True), (300.0, False, None, False), (None, False, 0.2, False), (300.0, True, 0.2, True)],
)
def test_a_value_counts_no_longer_than_its_evidence_but_for_doubt_where_that_stops(seen, doubt, doubtful, known):
    assert (around(seen=seen, doubt=doubt, doubtful=doubtful).value(SUCTION) is not None) is known
