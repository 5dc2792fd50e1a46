"""A recording that begins in the middle of a run knows how interlocks stand: the same follows from it."""

from __future__ import annotations

import json

import pytest
from support.interlockworks import PUMP1, VALVE_A, VALVE_B, Station, dry, equipment, interlock, starts
from support.plants import facts, later, reading, state

from edge_agent.model.desired import Expectation
from edge_agent.model.inbox import Inbox, Operation
from edge_agent.runtime.freezing import Capture, thaw
from edge_agent.turn import run_turn

ALL = (
    dry("station/suction < 0.3 for 2 s", reset={"after_seconds": 20, "at_most": 1}),
    interlock("ready", permit=[PUMP1], when="station/suction > 0.5 for 2 s"),
    interlock("valves", exclusive=[f"{VALVE_A} is open", f"{VALVE_B} is open"]),
)


def copied(knowledge):
    """What a recording makes of what the agent knows."""
    capture = Capture(knowledge)
    for _ in capture.pieces():
        pass
    found = thaw(json.loads("".join(capture.text())))
    found.analyzer.reindex()
    return found


def station():
    actuators = [
        each if each.name != PUMP1 else type(each)(each.node, each.id, "pump", "stop", expect=EXPECT)
        for each in equipment()
    ]
    plans = [starts(), starts(VALVE_A, "open"), starts(VALVE_B, "open")]
    found = Station(ALL, plans, actuators)
    found.come(*(state(word, of=name) for name, word in ((PUMP1, "stopped"), (VALVE_A, "closed"), (VALVE_B, "closed"))))
    return found


EXPECT = Expectation("station/flow > 5", 20.0)


@pytest.mark.parametrize("suctions", [[1.0] * 4, [1.0, 1.0, 1.0, 0.2, 0.2], [0.2, 0.2, 0.2, 1.0]])
def test_what_was_recorded_decides_the_same(suctions):
    one = station()
    for value in suctions:
        one.hears(after=2, level=1.0, suction=value, flow=9.0)
    other = copied(one.knowledge)
    moment = one.now
    for second in range(2, 60, 2):
        moment = later(2, moment)
        values = {"tank1/level": 1.0, "station/suction": 0.2 if 20 < second < 30 else 1.0, "station/flow": 0.0}
        told = Inbox([reading(value, moment, of=name) for name, value in values.items()])
        if second == 40:
            told.events.append(Operation("reset", "dry", "ada", "because"))
        assert facts(run_turn(other, told, moment)) == facts(run_turn(one.knowledge, told, moment))
