from __future__ import annotations

import logging
import sys

import pytest
from loguru import logger

from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.plant import Sensor, Threshold
from edge_agent.model.readings import Reading
from edge_agent.model.remembered import ActuatorView, InterlockView, NodeView, PlanView, SensorView, Snapshot

AT = 1_795_341_610_512_000  # 2026-11-22T10:00:10.512Z


class Shown:
    """A plant that shows one snapshot, its sensors one at a time."""

    def __init__(self, snapshot, thresholds=()):
        self.snapshot, self._thresholds = snapshot, thresholds

    def outline(self):
        return self.snapshot

    def sensors(self):
        return [(view,) for view in self.snapshot.sensors]

    def thresholds(self):
        return [(threshold,) for threshold in self._thresholds]


LOW = Threshold("tank1", "level", "low", 1.5, priority="high")
HIGH = Threshold("tank1", "level", "high", 5.2, priority="medium")


@pytest.fixture
def show_plant():
    """Make a source for a scrape of a snapshot."""
    return lambda snapshot, thresholds=(LOW, HIGH): Shown(snapshot, thresholds)


@pytest.fixture
def at():
    return AT


@pytest.fixture
def make_reading():
    sensor = Sensor("tank1", "level", "level", "m")

    def make(flag, *, settled=True):
        return Reading(sensor, 3.2, AT, AT, None, int(flag), settled=settled)

    return make


@pytest.fixture
def make_alarm():
    def make(name="tank1/level:low", *, priority="high", active=True):
        return Alarm(
            AlarmKey.parse(name), priority, active, acknowledged=False, since=AT, reason="below low", value=1.42
        )

    return make


@pytest.fixture
def make_snapshot():
    def make(**changes):
        parts = {
            "site": "riverside",
            "agent": "gateway-1",
            "mode": "auto",
            "epoch": 7,
            "at": AT,
            "sensors": (
                SensorView("tank1", "level", "level", "m", 3.21, 1, AT, 0.5, 1, 3.21),
                SensorView("tank1", "ph", "ph", "pH", None, 9, None, None),
            ),
            "actuators": (ActuatorView("station", "pump1", "pump", "running", 0.8, "start", None, "fill_tank1", None),),
            "nodes": (NodeView("tank1", True, "closed"), NodeView("station", True, "open")),
            "alarms": (),
            "plans": (PlanView("fill_tank1", True), PlanView("stop_tank1", False)),
            "interlocks": (InterlockView("dry", "trip", "tripped", "dry, since then", AT, ("station/pump1",)),),
        }
        return Snapshot(**(parts | changes))

    return make


@pytest.fixture
def restored_logging():
    """The log as it was before, whatever a test makes of it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logger.remove()
    logger.add(sys.stderr)
