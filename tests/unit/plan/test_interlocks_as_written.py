"""What is wrong with an interlock is named with its place, and nothing is found in one that is right."""

from __future__ import annotations

import pytest
from support.interlockworks import PUMP1, VALVE_A, VALVE_B, Station

from edge_agent.plan.fitness import known
from edge_agent.plan.provisions.interlocks import Interlock

SITE = Station([]).site
KNOWN = known(SITE, SITE.policy)._replace(provisions={"groups": {"both": {"members": [PUMP1]}}})
DRY = "station/suction < 0.3"


def wrong(given):
    return [(".".join(map(str, one.path)), one.wrong) for one in Interlock.conflicts(given, KNOWN)]


@pytest.mark.parametrize(
    "given",
    [
        {"trip": DRY, "stop": [PUMP1]},
        {"trip": f"{DRY} for 5 s", "stop": [PUMP1, "group both"], "reset": {"after_seconds": 5, "at_most": 1}},
        {"permit": ["group both"], "when": f"station/suction > 0.5 and {VALVE_A} is open"},
        {"exclusive": [f"{VALVE_A} is open", f"{VALVE_B} is open"]},
        {"exclusive": ["station/flow > 5", f"{VALVE_B} is open"]},
    ],
)
def test_one_that_is_right(given):
    assert wrong(given) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("", "says none of them")]),
        ({"trip": DRY}, [("stop", "is missing")]),
        ({"permit": [PUMP1]}, [("when", "is missing")]),
        (
            {"trip": DRY, "stop": [PUMP1], "exclusive": [f"{VALVE_A} is open", f"{VALVE_B} is open"]},
            [("", "says trip and exclusive")],
        ),
        ({"permit": [PUMP1], "when": DRY, "stop": [PUMP1]}, [("stop", "is given without trip")]),
        ({"trip": DRY, "stop": [PUMP1], "when": DRY}, [("when", "is given without permit")]),
        ({"trip": DRY, "stop": ["station/pump9"]}, [("stop.0", '"station/pump9" is no actuator of this plant')]),
        ({"trip": DRY, "stop": ["group none"]}, [("stop.0", '"group none" is no group of this plant')]),
        ({"trip": DRY, "stop": [PUMP1, PUMP1]}, [("stop.1", f'"{PUMP1}" comes twice')]),
        ({"trip": "station/flaw < 1", "stop": [PUMP1]}, [("trip", '"station/flaw" is no sensor of this plant')]),
        ({"exclusive": [f"{VALVE_A} is open"]}, [("exclusive", "is one condition, which excludes nothing")]),
        (
            {"exclusive": ["station/flow > 5", DRY]},
            [("exclusive", "names no actuator: no command could be refused")],
        ),
        ({"trip": DRY, "stop": [PUMP1], "timezone": "Mars"}, [("timezone", '"Mars" is no time zone')]),
    ],
)
def test_what_is_wrong_is_named(given, expected):
    assert wrong(given) == expected
