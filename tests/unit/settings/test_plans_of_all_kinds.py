"""Mistakes in plans of every kind, as `check` names them, and what a plan takes from its site."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.risks import endless, risks
from edge_agent.settings.plantfile import plant_from

PATH = Path("plant.toml")
START = {"actuator": "station/pump1", "action": "start"}
STAGES = {"kind": "stages", "measure": "tank1/level", "direction": "fill"}
TIMETABLE = {"kind": "timetable", "between": ["22:00-06:00"], "do": [START]}
CONDITION = {"when": ["tank1/level < 2.5"], "until": ["tank1/level > 4"], "do": [START]}


def stage(on, off, use="station/pump1"):
    return STAGES | {"stages": [{"on": on, "off": off, "use": use}]}


@pytest.mark.parametrize("plan", [CONDITION, stage(2.0, 4.0), stage(4.0, 2.0) | {"direction": "empty"}, TIMETABLE])
def test_what_is_right_loads(riverside, plan):
    riverside["plans"]["new"] = plan
    [found] = [one for one in plant_from(riverside, PATH).plant.policy.plans if one.id == "new"]
    assert kind_of(found).name == plan.get("kind", "condition")


@pytest.mark.parametrize(
    ("plan", "key", "wrong", "expected"),
    [
        (stage(4.0, 2.0), "stages[0].on", "4 is not below off 2", "on below off"),
        (stage(2.0, 4.0) | {"direction": "empty"}, "stages[0].off", "4 is not below on 2", "off below on"),
        (stage(2.0, 9.0), "stages[0].off", "no good reading lies above 9", "less than 5.8"),
        (stage(0.1, 4.0), "stages[0].on", "no good reading lies below 0.1", "more than 0.2"),
        (stage(2.0, 4.0, "station/pump7"), "stages[0].use", '"station/pump7" is no actuator', "mean station/pump1?"),
        (stage(2.0, 4.0) | {"measure": "tank1/levle"}, "measure", '"tank1/levle" is no sensor', "mean tank1/level?"),
        (stage(2.0, 4.0) | {"trip": True}, "trip", "is nothing to stages", 'kind "condition"'),
        (stage(2.0, 4.0) | {"direction": "up"}, "direction", '"up" is not allowed', 'one of "fill", "empty"'),
        (STAGES | {"stages": []}, "stages", "is an empty list", "a list of at least one stage"),
        (STAGES | {"stages": [{"on": 1.0, "use": "station/pump1"}]}, "stages[0].off", "is missing", "a number"),
        (stage(2.0, 4.0) | {"when": ["tank1/level:low"]}, "when", "is not a known key", "one of kind, priority"),
        (TIMETABLE | {"between": ["6-8"]}, "between[0]", '"6-8" is not allowed', "a part of the day"),
        (TIMETABLE | {"days": ["mo-fr"]}, "days[0]", '"mo-fr" is not allowed', "mon, tue"),
        (TIMETABLE | {"timezone": "Europe/Berlino"}, "timezone", "is no time zone", "such as Europe/Berlin"),
        (TIMETABLE | {"if_clock_unsure": "open"}, "if_clock_unsure", "can be asked of station/pump1", "start, stop"),
        (TIMETABLE | {"trip": True}, "trip", "is nothing to a timetable", "a plan that looks at a sensor"),
        (CONDITION | {"when": ["tank1/level < "]}, "when[0]", "it ends too early at column 15", "a number"),
        (CONDITION | {"until": ["tank1/level > 2 psi"]}, "until[0]", '"psi" is not a unit of level', "m, cm"),
        (CONDITION | {"unless": ["tank1/level > 6.5"]}, "unless[0]", "no good reading of tank1/level", "0.2 and 5.8"),
        (CONDITION | {"timezone": "Nowhere"}, "timezone", "is no time zone", "such as Europe/Berlin"),
        (CONDITION | {"until": CONDITION["when"]}, "until[0]", "the plan could never apply", "not in when"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key(riverside, problems_of, plan, key, wrong, expected):
    riverside["plans"]["new"] = plan
    found = problems_of(plant_from, riverside, PATH)
    assert wrong in found[f"plans.new.{key}"].wrong
    assert expected in found[f"plans.new.{key}"].expected


def test_a_plan_goes_by_the_civil_time_of_its_site_unless_it_says_otherwise(riverside):
    riverside["site"]["timezone"] = "Europe/Berlin"
    riverside["plans"] |= {"one": TIMETABLE, "other": TIMETABLE | {"timezone": "UTC"}, "text": CONDITION}
    plans = {plan.id: kind_of(plan) for plan in plant_from(riverside, PATH).plant.policy.plans}
    assert [plans[name].timezone for name in ("one", "other", "text")] == ["Europe/Berlin", "UTC", "Europe/Berlin"]


def test_a_site_in_no_zone_is_a_mistake(riverside, problems_of):
    riverside["site"]["timezone"] = "Riverside"
    assert "is no time zone" in problems_of(plant_from, riverside, PATH)["site.timezone"].wrong


def test_what_ends_what_it_starts_is_sound(riverside):
    for plan, has_end in ((TIMETABLE, True), (CONDITION, True), ({"when": CONDITION["when"], "do": [START]}, False)):
        riverside["plans"] = {"new": plan}
        assert (list(endless(plant_from(riverside, PATH).plant)) == []) is has_end


def test_what_looks_at_no_sensor_lacks_no_evidence(riverside):
    riverside["plans"] = {"new": TIMETABLE}
    assert not any("without_evidence" in str(risk) for risk in risks(plant_from(riverside, PATH).plant))
