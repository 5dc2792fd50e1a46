"""A changed plant clears the alarms of what is gone, and no other."""

from __future__ import annotations

import pytest
from support.plants import Bench, plant, pump, sensor, status, threshold

from edge_agent.model.inbox import RenewalReport

WITH_TANK2 = plant(
    sensors=[sensor(), sensor("tank2/level")],
    actuators=[pump()],
    thresholds=[threshold(), threshold(of="tank2/level")],
    plans=[],
)
WITHOUT_TANK2 = plant(sensors=[sensor()], actuators=[pump()], thresholds=[threshold()], plans=[])


@pytest.fixture
def bench():
    bench = Bench(WITH_TANK2)
    for of in ("tank1/level", "tank2/level"):
        bench.level(1.0, of=of)
    bench.turn(status(online=False, node="station"), after=1)
    bench.turn(status(online=False, node="tank2"))
    assert len(bench.raised()) == 4
    return bench


def test_alarms_of_what_stays_stay_and_those_of_what_is_gone_are_cleared(bench):
    turn = bench.turn(plant=WITHOUT_TANK2, after=1)
    cleared = [str(event.key) for event in turn.alarm_events if event.event == "cleared"]
    assert sorted(cleared) == ["tank2/level:low", "tank2:offline"]
    assert all("no longer part of the plant" in event.reason for event in turn.alarm_events)
    active = {str(alarm.key) for alarm in bench.knowledge.analyzer.register.alarms if alarm.active}
    assert active == {"tank1/level:low", "station:offline"}


def test_an_alarm_of_the_agent_outlives_every_change_of_the_plant(bench):
    bench.turn(renewals=[RenewalReport("a page was damaged")])
    bench.turn(plant=WITHOUT_TANK2, after=1)
    active = {str(alarm.key) for alarm in bench.knowledge.analyzer.register.alarms if alarm.active}
    assert "_agent:store_renewed" in active
