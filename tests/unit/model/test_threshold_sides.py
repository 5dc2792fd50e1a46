"""On which side of its limit a threshold acts: by its name, or as it says; and which limits contradict each other."""

from __future__ import annotations

import pytest
from support.plants import plant, sensor, threshold

from edge_agent.model.fitness import threshold_misfits, threshold_risks
from edge_agent.model.limitorder import Acts, disorders
from edge_agent.model.plant import BUILT_IN_ALARMS, Policy
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.plan.risks import risks


@pytest.mark.parametrize(
    ("name", "side"), [("high_high", "above"), ("high", "above"), ("low", "below"), ("low_low", "below")]
)
def test_the_classic_four_imply_their_side(name, side):
    limit = threshold(name, 1.0)
    assert limit.side == side
    assert limit == threshold(name, 1.0, side=side)
    other = {"above": "below", "below": "above"}[side]
    with pytest.raises(ValueError, match=f"threshold {name} cannot act {other} its limit"):
        threshold(name, 1.0, side=other)


def test_any_other_says_it():
    with pytest.raises(ValueError, match="threshold fill_on does not say whether it acts above or below its limit"):
        threshold("fill_on", 1.0)
    assert threshold("fill_on", 2.5, side="below", deadband=0.25).clears_at == 2.75
    assert threshold("spilling", 2.5, side="above", deadband=0.25).clears_at == 2.25


@pytest.mark.parametrize("name", [*BUILT_IN_ALARMS, "Fill", "fill on", "", "x" * 64, "_fill"])
def test_a_name_that_is_no_id_or_taken_does_not_fit(name):
    wrong = threshold_misfits(plant(), Policy((threshold(name, 1.0, side="above"),)))
    assert [one.wrong for one in wrong] == [f"{name!r} is no name of a threshold"]


SOUND = sensor(gross_range=GrossRange((0.0, 6.0)))


@pytest.mark.parametrize(
    ("limit", "wrong"),
    [
        (threshold("running", 0.0, side="above"), "no good reading lies below 0, where it would clear"),
        (threshold("high", 5.0, deadband=5.0), "no good reading lies below 0, where it would clear"),
        (threshold("low", 5.0, deadband=1.0), "no good reading lies above 6, where it would clear"),
        (
            threshold("soon", 5.0, side="above", annunciated=False, measure="rate_per_hour"),
            "is for plans alone, and no plan may refer to rate_per_hour, which is not always known",
        ),
    ],
)
def test_what_never_clears_or_serves_nobody_is_a_risk(limit, wrong):
    assert [risk.wrong for risk in risks(plant([SOUND], thresholds=[limit], plans=[], actuators=[]))] == [wrong]


def test_what_clears_just_inside_the_good_range_is_none():
    limits = [threshold("high", 5.0, deadband=4.9), threshold("low", 1.0, deadband=4.9)]
    assert list(threshold_risks(plant([SOUND], thresholds=limits, plans=[]))) == []


def found(*limits):
    return [(one.lower, one.wrong) for one in disorders(limits)]


def below(name, limit, clears_at=None, **more):
    return Acts(name, above=False, limit=limit, clears_at=limit if clears_at is None else clears_at, **more)


def above(name, limit, clears_at=None, **more):
    return Acts(name, above=True, limit=limit, clears_at=limit if clears_at is None else clears_at, **more)


def test_alarms_of_one_side_lie_as_they_like():
    assert found(above("wet", 3.0), above("flooded", 1.0), below("dry", 0.5), below("parched", 0.7)) == []


def test_an_alarm_below_lies_under_every_alarm_above():
    wrong = found(below("dry", 0.5), below("parched", 2.0), above("wet", 1.5), above("flooded", 3.0))
    assert wrong == [("parched", "2 is not below wet 1.5")]


def test_opposite_deadbands_of_alarms_do_not_overlap():
    wrong = found(below("dry", 0.5, 2.0), below("parched", 1.0), above("wet", 3.0, 1.5))
    assert wrong == [("dry", "dry clears at 2 and wet at 1.5: their deadbands overlap")]


def test_switch_points_lie_as_they_like():
    """One pump is on below 4.0 and off above 6.3, its neighbour on below 1.0 and off above 3.0."""
    pairs = [("a_on", "a_off", 4.0, 6.3), ("b_on", "b_off", 1.0, 3.0)]
    limits = [
        each
        for on, off, low, high in pairs
        for each in (below(on, low, annunciated=False), above(off, high, annunciated=False))
    ]
    assert found(*limits, above("high", 5.0), below("low", 2.0)) == []


def test_the_classic_four_keep_their_order_and_others_are_compared_with_them():
    assert found(below("low_low", 1.0), below("low", 0.5)) == [("low_low", "1 is not below low 0.5")]
    assert found(above("high", 5.0), below("emptying", 5.0)) == [("emptying", "5 is not below high 5")]
