"""Conditions that can never hold, alone or together, are told; what can hold never is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.plan.conditions.possible import possible
from edge_agent.plan.kinds.condition import Condition
from edge_agent.plan.scene import Known

KNOWN = Known(
    alarms={"tank1/level:low": "value", "tank1/level:high": "value", "station:offline": ""},
    sensors={"tank1/level": "level", "tank2/level": "level", "station/flow": "flow"},
    actuators={"station/pump1": "pump", "zone/valve": "valve"},
    ranges={"tank1/level": (0.0, 6.0), "tank2/level": (1.0, 5.0)},
    units={"tank1/level": "m", "tank2/level": "m", "station/flow": "m3/h"},
)


@pytest.mark.parametrize(
    "texts",
    [
        ["tank1/level < 1", "tank1/level > 5"],
        ["tank1/level < 1 and tank1/level >= 1"],
        ["tank1/level < 100 cm", "tank1/level > 2"],
        ["not (tank1/level < 7)"],
        ["station/pump1 is running", "station/pump1 is stopped"],
        ["zone/valve is open and not (zone/valve is open)"],
        ["station is online", "station is offline"],
        ["time is 22:00-06:00", "time is 08:00-12:00"],
        ["day is mon-fri", "day is sat"],
        ["tank1/level:low", "not (tank1/level:low)"],
        ["tank1/level - tank2/level > 5.5"],
        ["max(tank1/level, tank2/level) > 7"],
        ["abs(tank1/level - tank2/level) > 6"],
        ["tank1/level < 1 or tank1/level < 2", "tank1/level > 3"],
        ["tank2/level < 0.5 or station is offline", "station is online"],
    ],
)
def test_what_can_never_hold(texts):
    assert not possible(texts, KNOWN)


@pytest.mark.parametrize(
    "texts",
    [
        ["tank1/level < 1", "tank2/level > 4"],
        ["tank1/level <= 1", "tank1/level >= 1"],
        ["not (tank1/level > 5)"],
        ["station/pump1 is running", "station/pump1 is available"],
        ["time is 22:00-06:00", "time is 05:00-12:00"],
        ["day is fri-mon", "day is sun"],
        ["tank1/level:low", "tank1/level:high"],
        ["tank1/level - tank2/level > 4.5"],
        ["tank1/level / station/flow > 1000"],
        ["station/flow < -1000000"],
        ["min(tank1/level, tank2/level) < 0.5"],
        [" or ".join(["station is online"] * 20), " or ".join(["station is online"] * 20)],
    ],
)
def test_what_can_hold(texts):
    assert possible(texts, KNOWN)


@given(st.floats(0, 6), st.lists(st.tuples(st.sampled_from(["<", "<=", ">", ">="]), st.integers(0, 6)), max_size=5))
def test_what_holds_for_some_value_is_never_called_impossible(value, comparisons):
    compare = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__}
    texts = [
        f"tank1/level {sign} {limit}" if compare[sign](value, float(limit)) else f"not (tank1/level {sign} {limit})"
        for sign, limit in comparisons
    ]
    assert possible(texts, KNOWN)


def misfits(**given):
    do = [{"actuator": "station/pump1", "action": "start"}]
    return [(one.path, one.wrong) for one in Condition.conflicts({"do": do, **given}, KNOWN)]


def test_conditions_that_exclude_each_other_are_named():
    assert misfits(when=["tank1/level < 1", "station is online", "tank1/level > 5"]) == [
        (("when",), '"tank1/level < 1" and "tank1/level > 5" can never hold at once: the plan would never apply')
    ]


def test_an_unless_that_always_blocks_and_an_until_that_ends_at_once_are_named():
    assert misfits(when=["tank1/level < 1"], unless=["tank1/level < 2"]) == [
        (("unless", 0), 'whenever all of when holds, "tank1/level < 2" does too: the plan would never apply')
    ]
    assert misfits(when=["tank1/level < 1"], until=["tank1/level < 2"]) == [
        (("until", 0), 'whenever all of when holds, "tank1/level < 2" does too: the plan would end as it begins')
    ]
    assert misfits(when=["tank1/level < 1"], unless=["tank1/level < 0.5"], until=["tank1/level > 2"]) == []


@pytest.mark.parametrize("key", ["when", "unless", "until"])
def test_a_condition_that_contradicts_itself_is_named_wherever_it_stands(key):
    given = {"when": ["station is online"], key: ["tank1/level < 1 and tank1/level > 5"]}
    assert misfits(**given) == [
        (
            (key, 0),
            '"tank1/level < 1 and tank1/level > 5" can never be true: its parts exclude each other',
        )
    ]


def test_one_mistake_is_told_once():
    found = misfits(when=["tank1/level < -1", "tank1/level > 5"])
    assert len(found) == 1
    assert "no good reading" in found[0][1]
    assert len(misfits(when=["tank1/level:low"], unless=["tank1/level:low"])) == 1
