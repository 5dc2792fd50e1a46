"""A recording of devices of other makers replays to the same turns, the changes of their plant included."""

from __future__ import annotations

import io

import pytest
from support.foreigners import foreign_plant, heard, level_plant
from support.keptlines import KeptLines
from support.plants import Bench, facts

from edge_agent.mqtt.topics import Topics
from edge_agent.runtime.recorder import JsonRecorder
from edge_agent.runtime.recording import Header, Recording
from edge_agent.turn import run_turn

RELAY = """
[nodes.relay]
device = "R1"
profile = "shelly_gen2"
[nodes.relay.sensors.power]
quantity = "power"
unit = "kW"
source = { value = "/apower", unit = "W" }
thresholds = { low = { limit = 0.1 } }
[nodes.relay.actuators.pump1]
kind = "pump"
fail_safe = "stop"
[plans.run]
when = ["relay/power:low"]
do = [{ actuator = "relay/pump1", action = "start" }]
"""
SWITCH = "R1/status/switch:0"


def day():
    """Return the inputs of a bench and the turns they were."""
    bench = Bench(level_plant('ts = "/t", ts_format = "local:Europe/Berlin", only_if = { "/m" = 1 }'))
    bench.turn(heard("up/D1", {"a": {"level": 3}, "t": "2026-11-22T11:00:01", "m": 1}, packet=1), after=1)
    bench.turn(heard("up/D1", {"a": {"level": "x"}, "m": 1}, packet=2), after=1)
    bench.turn(heard(SWITCH, {"output": False, "apower": 0}, packet=3), plant=foreign_plant(RELAY), after=1)
    for output in (False, True, True):
        bench.turn(heard(SWITCH, {"output": output, "apower": 20.0}, packet=4), after=20)
    bench.turn(heard("up/D1", {"a": {"level": 3}}, packet=5), after=1)
    assert bench.commands
    assert len(bench.memory.readings) >= 5
    return bench.inputs, [facts(turn) for turn in bench.turns]


@pytest.mark.parametrize("middle", range(7))
def test_it_replays_to_the_same_turns_wherever_it_began(middle):
    inputs, turns = day()
    again, kept = (
        Bench(level_plant('ts = "/t", ts_format = "local:Europe/Berlin", only_if = { "/m" = 1 }')),
        KeptLines(),
    )
    for now, inbox in inputs[:middle]:
        run_turn(again.knowledge, inbox, now)
    recorder = JsonRecorder(kept, again.knowledge, "water")
    for now, inbox in inputs[middle:]:
        list(recorder.prepare(now))
        recorder.record(inbox, now)
        run_turn(again.knowledge, inbox, now)
    recorder.flush()
    replayed, knowledge = [], None
    for part in Recording(io.StringIO(kept.text), Topics("water", "riverside", "gateway-1").parse).parts():
        if isinstance(part, Header):
            knowledge = part.knowledge()
        else:
            replayed.append(facts(run_turn(knowledge, part.inbox, part.now)))
    assert replayed == turns[middle:]
