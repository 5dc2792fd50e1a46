from __future__ import annotations

import json

import pytest

from edge_agent.model.remembered import SensorView, Snapshot
from edge_agent.observe.snapshot import snapshot_json, status_pieces


def test_a_snapshot_is_json_with_times_and_flags_as_words(make_snapshot, make_alarm):
    snapshot = make_snapshot(alarms=(make_alarm(), make_alarm("tank1:offline")))
    found = json.loads(json.dumps(snapshot_json(snapshot), allow_nan=False))
    assert (found["site"], found["agent"], found["mode"], found["epoch"]) == ("riverside", "gateway-1", "auto", 7)
    assert found["at"] == "2026-11-22T10:00:10.512Z"
    level, ph = found["sensors"]
    assert (level["node"], level["sensor"], level["value"], level["unit"]) == ("tank1", "level", 3.21, "m")
    assert (level["flag"], level["observed_at"]) == ("good", "2026-11-22T10:00:10.512Z")
    assert (level["judged_flag"], level["judged_value"]) == ("good", 3.21)
    assert (ph["judged_flag"], ph["judged_value"]) == ("missing", None)
    assert (ph["flag"], ph["observed_at"], ph["value"]) == ("missing", None, None)
    assert found["actuators"][0]["state"] == "running"
    assert found["nodes"][1] == {"node": "station", "online": True, "breaker": "open", "name": None}
    low, offline = found["alarms"]
    assert (low["alarm"], low["priority"], low["value"]) == ("tank1/level:low", "high", 1.42)
    assert low["since"] == "2026-11-22T10:00:10.512Z"
    assert (offline["node"], offline["sensor"], offline["threshold"]) == ("tank1", "", "offline")


def test_nothing_of_a_snapshot_is_left_out(make_snapshot):
    clock = {"clock_sure", "boot"}
    assert set(snapshot_json(make_snapshot())) == set(Snapshot.__dataclass_fields__) - clock | {"clock"}


def test_the_clock_is_shown_with_its_boot(make_snapshot):
    found = snapshot_json(make_snapshot(clock_sure=False, boot="b-1"))
    assert found["clock"] == {"sure": False, "boot": "b-1"}


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 1_000])
def test_in_pieces_it_says_the_same(make_snapshot, make_alarm, show_plant, count):
    sensors = tuple(SensorView(f"n{number}", "level", "level", "m", 1.5, 1, 0, 0.5) for number in range(count))
    alarms = tuple(make_alarm(f"n{number}/level:low") for number in range(count))
    snapshot = make_snapshot(sensors=sensors, alarms=alarms)
    pieces = list(status_pieces(show_plant(snapshot)))
    assert json.loads(b"".join(pieces)) == snapshot_json(snapshot)
    assert max(piece.count(b'"node"') for piece in pieces) <= 100
