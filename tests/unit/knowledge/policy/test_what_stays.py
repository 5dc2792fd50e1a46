"""Where one limit among many changes, all the others stay the objects that they were, and are not looked at again."""

from __future__ import annotations

import pytest
from support.plants import HIGH, LOW, plant, sensor, threshold

from edge_agent.knowledge.policy.plant_rows import _row, policy_noun
from edge_agent.model.fitness import threshold_misfits
from edge_agent.model.plant import Policy
from edge_agent.model.revision import revisions, touched
from edge_agent.monitor.tests.gross_range import GrossRange

THRESHOLDS = (HIGH, LOW)


def read(thresholds, before=None):
    return policy_noun({"thresholds": [_row(each) for each in thresholds], "plans": [], "provisions": []}, before)


def test_a_row_that_says_the_same_is_the_same_threshold():
    before = read(THRESHOLDS)
    again = read(THRESHOLDS, before)
    assert again == before
    assert all(one is other for one, other in zip(again.thresholds, before.thresholds, strict=True))


@pytest.mark.parametrize(
    "members", [{"limit": 1.4}, {"deadband": 0.1}, {"priority": "critical"}, {"annunciated": False}]
)
def test_one_that_says_another_thing_is_read_and_no_other(members):
    before = read(THRESHOLDS)
    changed = threshold(**{"name": "low", "limit": 1.5, "deadband": 0.2} | members)
    after = read((HIGH, changed), before)
    assert after.thresholds == (HIGH, changed)
    assert after.thresholds[0] is before.thresholds[0]
    assert touched(before.thresholds, after.thresholds) == {("tank1", "level")}
    (revision,) = revisions(before, after)
    assert revision.limits == {"tank1/level": (HIGH, changed)}


def test_other_sensors_are_not_touched():
    other = threshold("low", 1.5, of="tank2/level")
    before = read((*THRESHOLDS, other))
    after = read((HIGH, threshold("low", 1.2, deadband=0.2), other), before)
    assert touched(before.thresholds, after.thresholds) == {("tank1", "level")}
    assert touched(after.thresholds, after.thresholds) == set()


def test_a_limit_that_is_known_to_fit_is_not_judged_again_and_a_changed_one_is():
    site = plant([sensor(gross_range=GrossRange((0.0, 6.0)))])
    wrong = threshold("high", 7.0)
    assert list(threshold_misfits(site, Policy((wrong,))))
    assert not list(threshold_misfits(site, Policy((wrong,)), Policy((wrong,))))
    assert list(threshold_misfits(site, Policy((threshold("high", 7.0),)), Policy((wrong,))))
