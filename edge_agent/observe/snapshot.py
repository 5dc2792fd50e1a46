"""A snapshot as JSON, for the /status endpoint. Times are RFC 3339 in UTC, flags by name."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from edge_agent.model.quality import flag_name
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.remembered import InterlockView, SensorView, Snapshot
    from edge_agent.model.time import Instant
    from edge_agent.ports.observing import PlantViews

#: Alarms or sensors of one piece: about two milliseconds of the loop.
_A_PIECE = 100


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """Turn a snapshot into plain values that JSON can hold: site, agent, mode, epoch, at, clock, and its six lists."""
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
        "interlocks": [_interlock(view) for view in snapshot.interlocks],
    }


def status_pieces(source: PlantViews) -> Iterator[bytes]:
    """Write the same as JSON text, in pieces of a few milliseconds that turns may run between."""
    outline = source.outline()
    content = snapshot_json(replace(outline, alarms=()))
    del content["alarms"], content["sensors"]
    yield json.dumps(content, allow_nan=False)[:-1].encode()
    yield from _listed("alarms", (_alarm(alarm) for alarm in outline.alarms))
    yield from _listed("sensors", (_sensor(view) for views in source.sensors() for view in views))
    yield b"}\n"


def _listed(name: str, members: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    lead = f', "{name}": ['
    while some := list(islice(members, _A_PIECE)):
        yield lead.encode() + json.dumps(some, allow_nan=False)[1:-1].encode()
        lead = ", "
    yield b"]" if lead == ", " else f"{lead}]".encode()


def _sensor(view: SensorView) -> dict[str, Any]:
    flags = {"flag": flag_name(view.flag), "judged_flag": flag_name(view.judged_flag)}
    return view._asdict() | flags | {"observed_at": _time(view.observed_at)}


def _interlock(view: InterlockView) -> dict[str, Any]:
    return view._asdict() | {"since": _time(view.since), "actuators": list(view.actuators)}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {**alarm.key._asdict(), **alarm.facts()}


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)
