"""A small plant in TOML: a pump that fills a tank by its level, and a node whose only work is load."""

from __future__ import annotations


def tank_plant(*, low: str = "", quality: str = "", ack_timeout_seconds: float, command_ttl_seconds: float) -> str:
    """Return the plant; `low` holds more keys of that threshold, `quality` the tests of the level, each in TOML."""
    tests = f"[nodes.tank1.sensors.level.quality]\n{quality}\n" if quality else ""
    return f"""
[site]
id = "riverside"

[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
{tests}
[nodes.tank1.sensors.level.thresholds]
high = {{ limit = 5.2, deadband = 0.2, priority = "high" }}
low  = {{ limit = 1.5, deadband = 0.2, {low and f"{low}, "}priority = "high" }}

[nodes.load.sensors.s0]
quantity = "pressure"
unit = "bar"
[nodes.load.sensors.s1]
quantity = "pressure"
unit = "bar"

[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
min_on_seconds = 0
min_off_seconds = 0
max_starts_per_hour = 0
ack_timeout_seconds = {ack_timeout_seconds}
command_ttl_seconds = {command_ttl_seconds}

[plans.fill_tank1]
when = ["tank1/level:low"]
do   = [{{ actuator = "station/pump1", action = "start" }}]

[plans.stop_tank1]
when = ["tank1/level:high"]
do   = [{{ actuator = "station/pump1", action = "stop" }}]
"""
