from __future__ import annotations

import string
import tomllib
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.model.plant import Actuator, Plan, Step, Threshold
from edge_agent.model.quality import Quality
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike
from edge_agent.settings.plantfile import PlantFile, find_plant, load_plant, load_plant_file, plant_from

PATH = Path("plant.toml")
SENSOR = "nodes.tank1.sensors.level"
PUMP = "nodes.station.actuators.pump1"
GONE = object()


def changed(raw, path, value):
    """Return a copy in which the value at a dotted path is another one, or gone."""
    copy = deepcopy(raw)
    *above, last = path.split(".")
    table = copy
    for part in above:
        table = table.setdefault(part, {})
    if value is GONE:
        del table[last]
    else:
        table[last] = value
    return copy


def test_the_example_of_the_interface_loads(riverside_path):
    plant = load_plant(riverside_path)

    assert plant.site == "riverside"
    assert [sensor.name for sensor in plant.sensors] == ["tank1/level", "station/suction"]
    level, suction = plant.sensors
    assert (level.quantity, level.unit, level.interval_seconds) == ("level", "m", 10.0)
    assert level.quality == Quality(
        [
            GrossRange((0.0, 6.0), (0.2, 5.8)),
            RateOfChange(0.02, 0.05),
            Spike(0.3, 0.8),
            FlatLine(0.001, 1800.0, 3600.0),
            Freshness(fail_seconds=60.0, suspect_seconds=30.0),
        ]
    )
    assert suction.quality == Quality()
    assert suction.interval_seconds == 60.0
    assert plant.actuators == (Actuator("station", "pump1", "pump", "stop", 300.0, 120.0, 6, 900.0, 5.0, 30.0),)


def test_the_policy_is_sorted_by_name(riverside_path):
    policy = load_plant(riverside_path).policy

    assert [threshold.alarm for threshold in policy.thresholds] == [
        "station/suction:low_low",
        "tank1/level:high",
        "tank1/level:high_high",
        "tank1/level:low",
        "tank1/level:low_low",
    ]
    assert policy.thresholds[1] == Threshold("tank1", "level", "high", 5.2, 0.2, 10.0, 10.0, "high")
    assert policy.plans == (
        Plan(
            "fill_tank1", ("tank1/level:low",), (Step("station/pump1", "start"),), ("station/suction:low_low",), 50, 0.0
        ),
    )


def test_a_plant_of_one_bare_node_gets_the_defaults():
    plant = plant_from({"site": {"id": "s"}, "nodes": {"n": {}}}, PATH).plant

    assert plant.nodes["n"].timestamps == "rfc3339"
    assert (plant.sensors, plant.actuators, plant.policy.thresholds, plant.policy.plans) == ((), (), (), ())


def test_the_simulation_table_and_the_name_of_the_site_are_handed_on(riverside):
    riverside["simulation"] = {"network": "small.inp", "map": {"T1": ["any", {"thing": 1}]}}
    riverside["site"]["name"] = "River Side Waterworks"

    file = plant_from(riverside, PATH)

    assert file.simulation == {"network": "small.inp", "map": {"T1": ["any", {"thing": 1}]}}
    assert file.site_name == "River Side Waterworks"
    assert file.path == PATH


@pytest.mark.parametrize(
    ("given_times", "times"),
    [
        ({}, (900.0, 5.0, 30.0)),
        ({"lease_seconds": 12}, (12.0, 4.0, 12.0)),
        ({"command_ttl_seconds": 3}, (900.0, 1.0, 3.0)),
        ({"lease_seconds": 60, "command_ttl_seconds": 60, "ack_timeout_seconds": 59}, (60.0, 59.0, 60.0)),
    ],
)
def test_times_of_a_command_that_are_not_given_fit_those_that_are(riverside, given_times, times):
    pump = {"kind": "pump", "fail_safe": "stop", **given_times}

    actuator = plant_from(changed(riverside, PUMP, pump), PATH).plant.actuator("station/pump1")

    assert (actuator.lease_seconds, actuator.ack_timeout_seconds, actuator.command_ttl_seconds) == times


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("plans.fill_tank1.when", ["tank1/level:stale", "station/suction:bad_quality", "station:offline"]),
        ("plans.fill_tank1.do", [{"actuator": "station/pump1", "action": "set", "value": 0}]),
        ("plans.fill_tank1.do", [{"actuator": "station/pump1", "action": "set", "value": 1.0}]),
        (f"{SENSOR}.unit", "ft"),
        (f"{SENSOR}.quality.gross_range", {"fail": [0, 6], "suspect": [0, 6]}),
        (f"{SENSOR}.quality.spike", {"fail": 0.8}),
        (f"{SENSOR}.thresholds.high.deadband", 3.5),  # to 1.7, where low clears: they touch
        (
            f"{SENSOR}.thresholds.high",
            {"limit": 0.5, "of": "rate_per_hour"},
        ),
        (f"{SENSOR}.thresholds.overflowing", {"above": 6.0, "within_minutes": 30}),
        (f"{SENSOR}.thresholds.bursting", {"below": -0.6, "of": "rate_per_hour"}),
        (f"{SENSOR}.thresholds.fill_off", {"above": 1.2, "alarm": False}),  # a pair of another pump may lie elsewhere
        (f"{SENSOR}.thresholds.low", {"below": 1.5}),
        (f"{SENSOR}.thresholds.low_low", {"limit": -99, "of": "rate_per_hour", "over_seconds": 60}),
        ("nodes.tank1.timestamps", "unix_ms"),
        ("nodes.gate.actuators.v", {"kind": "valve", "fail_safe": "close"}),
        ("plans", {}),
    ],
)
def test_what_is_unusual_but_right_loads(riverside, path, value):
    assert isinstance(plant_from(changed(riverside, path, value), PATH), PlantFile)


def test_no_plan_may_refer_to_an_alarm_of_a_rate(riverside, problems_of):
    raw = changed(riverside, f"{SENSOR}.thresholds.low", {"limit": -0.6, "of": "rate_per_hour"})

    found = problems_of(plant_from, raw, PATH)

    assert found["plans.fill_tank1.when[0]"].wrong == "tank1/level:low is of rate_per_hour, which is not always known"
    assert found["plans.fill_tank1.when[0]"].expected.startswith("an alarm of a value")


LEVEL = f"{SENSOR}.thresholds"
TESTS = f"{SENSOR}.quality"
PLAN = "plans.fill_tank1"
START = {"actuator": "station/pump1", "action": "start"}

# path changed, new value, key of the problem (None: the path), what is wrong, what was expected
MISTAKES = [
    ("site", GONE, None, "is missing", "a table with an id"),
    ("site.id", GONE, None, "is missing", "an id: 1 to 63"),
    ("site.id", "River", None, '"River" is not allowed', "an id: 1 to 63"),
    ("site.town", "x", None, "is not a known key", "one of id, name"),
    ("nodes", {}, None, "is a table", "at least one node"),
    ("sites", {}, None, "is not a known key", "did you mean site?"),
    ("simulation", 3, None, "3 is a whole number", "a table"),
    ("nodes.-x", {}, None, '"-x" is not allowed', "an id: 1 to 63"),
    ("nodes.Tank 2", {}, 'nodes."Tank 2"', '"Tank 2" is not allowed', "an id: 1 to 63"),
    ("nodes.[key]", {}, 'nodes."[key]"', '"[key]" is not allowed', "an id: 1 to 63"),
    ("[key]", 3, '"[key]"', "is not a known key", "one of site, nodes"),
    ("nodes.tank2", 5, None, "5 is a whole number", "a table"),
    ("nodes.tank1.sensor", {}, None, "is not a known key", "did you mean sensors?"),
    ("nodes.tank1.timestamps", "unixms", None, "not allowed", "did you mean unix_ms?"),
    ("nodes.tank1.sensors.Level", {"quantity": "level", "unit": "m"}, None, '"Level" is not allowed', "an id"),
    (f"{SENSOR}.quantity", "levle", None, '"levle" is not a known quantity', "did you mean level?"),
    (f"{SENSOR}.quantity", GONE, None, "is missing", "a quantity"),
    (f"{SENSOR}.unit", "bar", None, '"bar" is not a unit of level', "one of m, cm, mm, ft, in"),
    (f"{SENSOR}.unit", GONE, None, "is missing", "a unit of the quantity"),
    (f"{SENSOR}.intervall_seconds", 10, None, "is not a known key", "did you mean interval_seconds?"),
    (f"{SENSOR}.interval_seconds", 0, None, "0 is out of range", "a number above 0"),
    (f"{SENSOR}.interval_seconds", "10", None, '"10" is text', "a number above 0"),
    (f"{SENSOR}.interval_seconds", True, None, "true is a boolean", "a number above 0"),
    (f"{SENSOR}.interval_seconds", 1e300, None, "1e+300 is out of range", "at most 31536000"),
    (f"{TESTS}.spikes", {}, None, "is not a known key", "did you mean spike?"),
    (f"{TESTS}.gross_range.fail", [6, 0], None, "6 is not below 0", "the lowest value first"),
    (f"{TESTS}.gross_range.fail", [0], None, "is a list of 1", "[lowest, highest]"),
    (f"{TESTS}.gross_range.fail", [0, "6"], f"{TESTS}.gross_range.fail[1]", '"6" is text', "a number"),
    (f"{TESTS}.gross_range.fail", [0, float("inf")], f"{TESTS}.gross_range.fail[1]", "inf is not a finite", "a number"),
    (f"{TESTS}.gross_range.fail", GONE, None, "is missing", "[lowest, highest]"),
    (f"{TESTS}.gross_range.suspect", [5.8, 0.2], None, "5.8 is not below 0.2", "the lowest value first"),
    (f"{TESTS}.gross_range.suspect", [0.2, 7], None, "[0.2, 7] is not inside fail [0, 6]", "inside"),
    (f"{TESTS}.rate_of_change.fail", 0.01, f"{TESTS}.rate_of_change.suspect", "not below fail 0.01", "suspect below"),
    (f"{TESTS}.rate_of_change", {}, None, "has no limit", "suspect, fail or both"),
    (f"{TESTS}.spike.suspect", 0.8, None, "0.8 is not below fail 0.8", "suspect below fail"),
    (f"{TESTS}.spike.suspect", -1, None, "-1 is out of range", "a number above 0"),
    (f"{TESTS}.spike", {}, None, "has no limit", "suspect, fail or both"),
    (f"{TESTS}.flat_line", {"tolerance": 0.1}, None, "has no limit", "suspect_seconds, fail_seconds or both"),
    (f"{TESTS}.flat_line.tolerance", float("nan"), None, "nan is not a finite number", "at least 0"),
    (f"{TESTS}.flat_line.suspect_seconds", 3600, None, "3600 is not below fail_seconds 3600", "suspect below fail"),
    (f"{TESTS}.freshness.suspect_seconds", 90, None, "90 is not below fail_seconds 60", "suspect below fail"),
    (f"{TESTS}.freshness", {}, f"{TESTS}.freshness.fail_seconds", "is missing", "a number above 0"),
    (f"{LEVEL}.higher", {"limit": 1}, f"{LEVEL}.higher.limit", "not say on which side higher acts", "above or below"),
    (f"{LEVEL}.higher", {"deadband": 1}, f"{LEVEL}.higher.above", "is missing", "above or below, and a number"),
    (
        f"{LEVEL}.higher",
        {"above": 5.5, "below": 1},
        f"{LEVEL}.higher.below",
        "is given with above",
        "one of limit, above",
    ),
    (
        f"{LEVEL}.higher",
        {"above": 5.5, "limit": 1},
        f"{LEVEL}.higher.above",
        "is given with limit",
        "one of limit, above",
    ),
    (f"{LEVEL}.Higher", {"above": 5.5}, None, '"Higher" is not allowed', "did you mean higher?"),
    (f"{LEVEL}.stale", {"above": 5.5}, None, '"stale" is an alarm that exists without', "another name"),
    (f"{LEVEL}.tripped", {"above": 5.5}, None, '"tripped" is an alarm that exists without', "another name"),
    (f"{LEVEL}.higher", {"above": 1.4}, f"{LEVEL}.low.limit", "1.5 is not below higher 1.4", "or no value is normal"),
    (f"{LEVEL}.lower", {"below": 5.3}, f"{LEVEL}.lower.below", "5.3 is not below high 5.2", "or no value is normal"),
    (f"{LEVEL}.lower", {"below": 1, "deadband": 4.5}, f"{LEVEL}.lower.deadband", "lower clears at 5.5", "not overlap"),
    (f"{LEVEL}.higher", {"above": 6}, f"{LEVEL}.higher.above", "no good reading lies above 6", "less than 5.8"),
    (f"{LEVEL}.lower", {"below": 0.2, "alarm": False}, f"{LEVEL}.lower.below", "lies below 0.2", "more than 0.2"),
    (f"{LEVEL}.higher", {"above": 5.5, "alarm": "no"}, f"{LEVEL}.higher.alarm", '"no" is text', "true or false"),
    (f"{LEVEL}.low", {"above": 5.5}, f"{LEVEL}.low.above", "low acts below its limit", "limit, or below"),
    (f"{LEVEL}.soon", {"above": 5.5, "of": "time_to_limit"}, f"{LEVEL}.soon.within_minutes", "is missing", "a number"),
    (
        f"{LEVEL}.soon",
        {"above": 5.5, "of": "rate_per_hour", "within_minutes": 5},
        f"{LEVEL}.soon.within_minutes",
        'is nothing to "rate_per_hour"',
        'of = "time_to_limit"',
    ),
    (f"{LEVEL}.low.limit", GONE, None, "is missing", "a number"),
    (f"{LEVEL}.low.limit", 5.4, None, "5.4 is not below high 5.2", "low_low < low < high < high_high"),
    (f"{LEVEL}.high_high.limit", 5.2, f"{LEVEL}.high.limit", "5.2 is not below high_high 5.2", "low_low < low"),
    (f"{LEVEL}.low.deadband", -0.1, None, "-0.1 is out of range", "at least 0"),
    (f"{LEVEL}.low.deadband", 3.6, None, "low clears at 5.1 and high at 5: their deadbands", "do not overlap"),
    (f"{LEVEL}.low_low.deadband", 1, None, "low_low clears at 1.8 and low at 1.7", "do not overlap"),
    (f"{LEVEL}.low.on_delay_seconds", -1, None, "-1 is out of range", "a number from 0"),
    (f"{LEVEL}.low.of", "rate", None, '"rate" is not allowed', 'one of "value", "rate_per_hour"'),
    (f"{LEVEL}.low.over_seconds", 60, None, 'is nothing to "value"', 'of = "rate_per_hour"'),
    (f"{LEVEL}.low.priority", "hihg", None, '"hihg" is not allowed', "did you mean high?"),
    (f"{PUMP}.kind", "pumpe", None, '"pumpe" is not allowed', "did you mean pump?"),
    (f"{PUMP}.fail_safe", "set", None, '"set" cannot be the fail-safe action of a pump', "one of start, stop"),
    (f"{PUMP}.fail_safe", "close", None, '"close" cannot be the fail-safe action of a pump', "one of start, stop"),
    (f"{PUMP}.fail_safe", GONE, None, "is missing", "an action"),
    (f"{PUMP}.lease_seconds", 0, None, "0 is out of range", "a number above 0"),
    (f"{PUMP}.ack_timeout_seconds", 30, None, "30 is not less than command_ttl_seconds 30", "less than command_ttl"),
    (f"{PUMP}.max_starts_per_hour", -1, None, "-1 is out of range", "a whole number from 0"),
    (f"{PUMP}.max_starts_per_hour", 1.5, None, "1.5 is a number", "a whole number"),
    (f"{PUMP}.min_on_seconds", -1, None, "-1 is out of range", "a number from 0"),
    ("plans.Fill Tank", {"when": ["tank1/level:low"], "do": [START]}, 'plans."Fill Tank"', "is not allowed", "an id"),
    (f"{PLAN}.when", [], None, "is an empty list", "a list of at least one condition"),
    (f"{PLAN}.when", GONE, None, "is missing", "a list of at least one condition"),
    (f"{PLAN}.when", "tank1/level:low", None, '"tank1/level:low" is text', "a list of at least one condition"),
    (f"{PLAN}.when", [3], f"{PLAN}.when[0]", "3 is a whole number", "or an alarm: node/sensor:threshold"),
    (f"{PLAN}.when", ["tank1/levl:low"], f"{PLAN}.when[0]", "is no alarm of this plant", "mean tank1/level:low?"),
    (f"{PLAN}.when", ["station/suction:low"], f"{PLAN}.when[0]", "station/suction has no threshold low", "declared"),
    (f"{PLAN}.when", ["tank1/level"], f"{PLAN}.when[0]", "it ends too early at column 12", "<, <=, > or >="),
    (f"{PLAN}.when", ["tank1/level:offline"], f"{PLAN}.when[0]", "is no alarm of this plant", "node:offline"),
    (f"{PLAN}.unless", ["pond:offline"], f"{PLAN}.unless[0]", "is no alarm of this plant", "node:offline"),
    (f"{PLAN}.unless", ["tank1/level:low"], f"{PLAN}.unless[0]", "could never apply", "not in when"),
    (f"{PLAN}.do", [], None, "is an empty list", "at least one step"),
    (f"{PLAN}.do", ["start"], f"{PLAN}.do[0]", '"start" is text', "a table"),
    (f"{PLAN}.do", [START | {"actuator": "station/pump2"}], f"{PLAN}.do[0].actuator", "no actuator", "station/pump1"),
    (f"{PLAN}.do", [START | {"action": "open"}], f"{PLAN}.do[0].action", "no action of a pump", "start, stop, set"),
    (f"{PLAN}.do", [{"actuator": "station/pump1"}], f"{PLAN}.do[0].action", "is missing", "an action"),
    (f"{PLAN}.do", [START, START], f"{PLAN}.do[1].actuator", "comes twice in this plan", "one step an actuator"),
    (f"{PLAN}.do", [START | {"action": "set"}], f"{PLAN}.do[0].value", "is missing", "a number from 0 to 1"),
    (f"{PLAN}.do", [START | {"value": 1}], f"{PLAN}.do[0].value", "is given with action start", "action set only"),
    (f"{PLAN}.do", [START | {"action": "set", "value": 1.1}], f"{PLAN}.do[0].value", "1.1 is out of range", "0 to 1"),
    (f"{PLAN}.priority", 101, None, "101 is out of range", "a whole number from 0 to 100"),
    (f"{PLAN}.cooldown_seconds", -1, None, "-1 is out of range", "a number from 0"),
]


@pytest.mark.parametrize(("path", "value", "key", "wrong", "expected"), MISTAKES)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(
    riverside, problems_of, path, value, key, wrong, expected
):
    found = problems_of(plant_from, changed(riverside, path, value), PATH)

    assert (key or path) in found
    assert found[key or path].file == "plant.toml"
    assert wrong in found[key or path].wrong
    assert expected in found[key or path].expected


# Without any node the plan refers to nothing, and says so as well.
@pytest.mark.parametrize(("path", "value"), [mistake[:2] for mistake in MISTAKES if mistake[0] != "nodes"])
def test_one_mistake_makes_one_problem(riverside, problems_of, path, value):
    assert len(problems_of(plant_from, changed(riverside, path, value), PATH)) == 1


def test_five_different_mistakes_make_five_problems(riverside_path, tmp_path, problems_of):
    text = riverside_path.read_text("utf-8")
    for right, wrong in [
        ("interval_seconds = 10", "intervall_seconds = 10"),
        ('unit = "bar"', 'unit = "m3/h"'),
        ("low       = { limit = 1.5", "low       = { limit = 5.5"),
        ('fail_safe = "stop"', 'fail_safe = "close"'),
        ('unless = ["station/suction:low_low"]', 'unless = ["station/suction:lowlow"]'),
    ]:
        assert right in text
        text = text.replace(right, wrong)
    file = tmp_path / "plant.toml"
    file.write_text(text)

    found = problems_of(load_plant_file, file)

    assert set(found) == {
        f"{SENSOR}.intervall_seconds",
        "nodes.station.sensors.suction.unit",
        f"{LEVEL}.low.limit",
        f"{PUMP}.fail_safe",
        f"{PLAN}.unless[0]",
    }
    assert {problem.file for problem in found.values()} == {str(file)}


@pytest.mark.skipif(Path("/etc/edge-agent/plant.toml").exists(), reason="the agent is installed here as a service")
def test_without_a_plant_file_the_places_to_put_one_are_named(tmp_path, monkeypatch, problems_of):
    monkeypatch.chdir(tmp_path)

    assert "config/plant.toml or /etc/edge-agent/plant.toml" in problems_of(find_plant, None)["file"].expected


def test_the_plant_file_of_the_working_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/plant.toml").write_text("")

    assert find_plant(None) == Path("config/plant.toml")
    assert find_plant(Path("other.toml")) == Path("other.toml")


VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(string.printable, max_size=8),
    st.dates(),
    st.sampled_from(["level", "m", "pump", "start", "set", "tank1/level:low", "station/pump1", [0, 1], {}, 10**400]),
)
RIVERSIDE = tomllib.loads((Path(__file__).parent / "riverside.toml").read_text("utf-8"))


def places(value, path=()):
    """List every place in nested tables and lists."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, content in below for place in places(content, (*path, key))]


KEYS = st.sampled_from(
    sorted({"[key]"} | {key for place in places(RIVERSIDE) for key in place if isinstance(key, str)})
)
ANYTHING = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5)
)


def problems_with(raw):
    """Return the problems of a plant file, none where it loads; any other exception goes through."""
    try:
        plant_from(raw, PATH)
    except ConfigurationError as error:
        return error.problems or [Problem("", "", "", "")]
    return []


def one_line(problem):
    return "\n" not in str(problem) and all(problem[:4])


@given(st.dictionaries(KEYS | st.text(max_size=3), ANYTHING, max_size=5))
def test_whatever_is_in_a_file_it_is_a_plant_or_problems_of_one_line(raw):
    assert all(map(one_line, problems_with(raw)))


@given(st.lists(st.tuples(st.sampled_from(places(RIVERSIDE)[1:]), ANYTHING), min_size=1, max_size=3))
@example([(("nodes", "station", "actuators"), {"\n": False})])  # a name that is suggested for another one
def test_whatever_is_wrong_in_a_plant_it_is_explained(changes):
    raw = deepcopy(RIVERSIDE)
    for path, value in changes:
        with suppress(TypeError, KeyError, IndexError):  # an earlier change has removed the place
            reduce(getitem, path[:-1], raw)[path[-1]] = value
    assert all(map(one_line, problems_with(raw)))
