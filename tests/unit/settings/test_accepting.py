"""Warnings that somebody accepts, each on the thing that it is about, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.settings.check import warnings
from edge_agent.settings.plantfile import plant_from

PATH = Path("plant.toml")
PUMP = ("nodes", "station", "actuators", "pump1")


def told(raw):
    """Return the names of the warnings of a plant file by the thing that they are about."""
    found = {}
    for warning in warnings(plant_from(raw, PATH)):
        _, key, _ = warning.split(": ", 2)
        found.setdefault(key, []).append(warning.rpartition("[")[2].rstrip("]"))
    return found


@pytest.fixture
def pump(riverside):
    return riverside["nodes"]["station"]["actuators"]["pump1"]


def test_a_warning_ends_with_the_name_to_accept_it_by(riverside, pump):
    pump["max_starts_per_hour"] = 0
    assert told(riverside)["nodes.station.actuators.pump1.max_starts_per_hour"] == ["no_max_starts"]


@pytest.mark.parametrize("accept", ["a soft starter", {"no_max_starts": "a soft starter"}])
def test_a_reason_on_the_thing_silences_its_warning_and_no_other(riverside, pump, accept):
    before = told(riverside)
    pump["max_starts_per_hour"] = 0
    pump["accept"] = accept
    assert told(riverside) == before


def test_a_text_does_not_silence_several_of_which_one_may_be_new(riverside, pump):
    pump.update(max_starts_per_hour=0, min_on_seconds=0, accept="a soft starter")
    found = told(riverside)
    assert found["nodes.station.actuators.pump1.accept"] == ["accepts_too_much"]
    assert {"no_max_starts", "no_min_on"} <= {name for names in found.values() for name in names}
    pump["accept"] = {"no_max_starts": "a soft starter", "no_min_on": "tested for that"}
    assert not any(key.startswith("nodes.station.actuators.pump1") for key in told(riverside))


@pytest.mark.parametrize("accept", ["an old reason", {"no_lease": "an old reason"}])
def test_what_is_accepted_in_vain_is_told(riverside, pump, accept):
    pump["accept"] = accept
    assert told(riverside)["nodes.station.actuators.pump1.accept"] == ["accepts_nothing"]


def test_plans_and_sensors_accept_as_well(riverside):
    before = {name for names in told(riverside).values() for name in names}
    assert {"default_fallback", "no_flat_line"} & before
    riverside["plans"]["fill_tank1"]["accept"] = {"default_fallback": "the tank lasts two days"}
    assert "default_fallback" not in {name for names in told(riverside).values() for name in names}


@pytest.mark.parametrize("accept", ["", 3, {"no_min_on": ""}, {"no_min_on": True}])
def test_a_reason_is_in_words(riverside, pump, accept):
    pump["accept"] = accept
    with pytest.raises(ConfigurationError, match="expected why, in words"):
        plant_from(riverside, PATH)


def test_a_reason_is_for_people_and_changes_nothing_in_the_plant(riverside, pump):
    plain = plant_from(riverside, PATH).plant
    pump["accept"] = "because"
    riverside["plans"]["fill_tank1"]["accept"] = "because"
    riverside["nodes"]["tank1"]["sensors"]["level"]["thresholds"]["high"]["accept"] = "because"
    assert plant_from(riverside, PATH).plant == plain


def test_a_group_of_which_no_member_proves_its_effect_is_named_and_may_accept_that(riverside):
    actuators = riverside["nodes"]["station"]["actuators"]
    actuators["spare"] = dict(actuators["pump1"])
    riverside["groups"] = {"fill": {"members": ["station/pump1", "station/spare"]}}
    assert told(riverside)["groups.fill.members"] == ["no_feedback"]
    riverside["groups"]["fill"]["accept"] = "somebody is always there"
    assert "groups.fill.members" not in told(riverside)
    del riverside["groups"]["fill"]["accept"]
    actuators["spare"]["expect"] = {"condition": "tank1/level > 0.1", "within_seconds": 60}
    assert "groups.fill.members" not in told(riverside)
