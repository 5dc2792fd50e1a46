"""Names, plants, and the legal steps in the life of a command."""

from __future__ import annotations

import pytest
from support.plants import plant, pump, sensor, threshold

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.commands import OPEN_STATES, TRANSITIONS, CommandState
from edge_agent.monitor.tests.freshness import Freshness

S = CommandState


@pytest.mark.parametrize(
    ("name", "key"),
    [("tank1/level:low", ("tank1", "level", "low")), ("station:offline", ("station", "", "offline"))],
)
def test_alarms_are_named_both_ways(name, key):
    assert AlarmKey.parse(name) == key
    assert str(AlarmKey(*key)) == name


def test_what_has_no_colon_is_no_alarm():
    with pytest.raises(ValueError, match="no alarm"):
        AlarmKey.parse("tank1/level")


def test_a_plant_knows_its_parts():
    site = plant([sensor(), sensor("well/flow", "flow", "m3/h")], [pump(), pump("well/pump2")])
    assert [found.name for found in site.sensors] == ["tank1/level", "well/flow"]
    assert [found.name for found in site.actuators] == ["well/pump2", "station/pump1"]
    assert site.actuator("well/pump2").id == "pump2"
    assert site.actuator("well/pump9") is None
    assert site.actuator("nowhere/pump1") is None


def test_when_a_sensor_is_late():
    assert sensor(interval_seconds=10.0).late_seconds == 30
    assert sensor(freshness=Freshness(60.0)).late_seconds == 60
    assert threshold("low", of="a/b").alarm == "a/b:low"


def test_outcomes_are_final():
    assert set(TRANSITIONS) == OPEN_STATES
    for state, following in TRANSITIONS.items():
        assert state not in following
        assert following - OPEN_STATES >= {S.DONE, S.REJECTED, S.FAILED, S.EXPIRED, S.SUPERSEDED}


def test_what_was_published_is_not_advice_any_more_and_what_was_accepted_goes_not_back():
    assert S.ADVISED in TRANSITIONS[S.DECIDED]
    assert S.ADVISED not in TRANSITIONS[S.PUBLISHED] | TRANSITIONS[S.ACCEPTED]
    assert TRANSITIONS[S.ACCEPTED] & OPEN_STATES == set()
    assert TRANSITIONS[S.PUBLISHED] & OPEN_STATES == {S.ACCEPTED}
