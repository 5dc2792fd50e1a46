"""A snapshot as JSON, for the /status endpoint. Times are RFC 3339 in UTC, flags by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.quality import flag_name
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.remembered import SensorView, Snapshot
    from edge_agent.model.time import Instant


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """Turn a snapshot into plain values that JSON can hold: site, agent, mode, epoch, at, clock, and its five lists."""
    return {
        "site": snapshot.site,
        "agent": snapshot.agent,
        "mode": snapshot.mode,
        "epoch": snapshot.epoch,
        "at": rfc3339(snapshot.at),
        "clock": {"sure": snapshot.clock_sure, "boot": snapshot.boot},
        "sensors": [_sensor(view) for view in snapshot.sensors],
        "actuators": [view._asdict() for view in snapshot.actuators],
        "nodes": [view._asdict() for view in snapshot.nodes],
        "alarms": [_alarm(alarm) for alarm in snapshot.alarms],
        "plans": [view._asdict() for view in snapshot.plans],
    }


def _sensor(view: SensorView) -> dict[str, Any]:
    flags = {"flag": flag_name(view.flag), "judged_flag": flag_name(view.judged_flag)}
    return view._asdict() | flags | {"observed_at": _time(view.observed_at)}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {**alarm.key._asdict(), **alarm.facts()}


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)
