"""What is in force and why: each value with the reason that it is this one."""

from __future__ import annotations

from edge_agent.settings.check import explained

PLANT = """
[site]
id = "riverside"
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 300
thresholds = { low = { limit = 1.5, deadband = 0.2 }, high = { limit = 5.0 } }
[nodes.site.sensors.twice]
quantity = "level"
unit = "m"
derived = "tank1/level * 2"
quality = { freshness = { fail_seconds = 60 } }
[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
rated_kw = 15.0
max_starts_per_hour = 4
[nodes.station.actuators.pump2]
kind = "pump"
fail_safe = "stop"
max_starts_per_hour = 0
lease_seconds = 600
[plans.fill]
when = ["tank1/level:low"]
do = [{ actuator = "station/pump1", action = "start" }]
[plans.full]
when = ["tank1/level:high"]
do = [{ actuator = "station/pump1", action = "stop" }]
evidence_seconds = 1000
"""


def lines(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(PLANT)
    return explained(path)


def test_protections_are_told_with_where_they_come_from(tmp_path):
    found = lines(tmp_path)
    assert "station/pump1: min_on_seconds = 10 (the default of a pump)" in found
    assert "station/pump1: min_off_seconds = 56 (NEMA MG 10, of 15 kW)" in found
    assert "station/pump1: max_starts_per_hour = 4 (in the file)" in found
    assert "station/pump2: min_off_seconds = 10 (the default of a pump)" in found
    assert "station/pump2: max_starts_per_hour = any number (in the file)" in found


def test_times_are_told_with_where_they_come_from(tmp_path):
    found = lines(tmp_path)
    assert "station/pump2: lease_seconds = 600 (in the file)" in found
    assert "station/pump1: lease_seconds = 900 (the default)" in found
    assert "tank1/level: interval_seconds = 300 (in the file)" in found
    assert "site/twice: interval_seconds = 300 (as of its slowest part)" in found
    assert "tank1/level: late after, s = 900 (three intervals)" in found
    assert "site/twice: late after, s = 60 (its freshness test)" in found
    assert "site/twice: = tank1/level * 2" in found


def test_limits_are_told_with_what_is_assumed_of_them(tmp_path):
    found = lines(tmp_path)
    assert "tank1/level:low: below = 1.5 (in the file)" in found
    assert "tank1/level:low: deadband = 0.2 (in the file)" in found
    assert "tank1/level:high: deadband = 0 (the default)" in found


def test_how_old_evidence_may_be_is_told_by_sensor(tmp_path):
    found = lines(tmp_path)
    assert "plans.fill: evidence of tank1/level, s = 900 (three of its intervals)" in found
    assert "plans.full: evidence of tank1/level, s = 1000 (in the file)" in found
