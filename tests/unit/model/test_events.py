from __future__ import annotations

from support.plants import SITE, threshold

from edge_agent.model.inbox import DispatchReport, Events, LinkReport, PlantChange, PolicyChange
from edge_agent.model.plant import Plant, Policy

EARLY, LATE = Policy((threshold("low", 1.0),)), Policy((threshold("low", 2.0),))


def test_events_of_a_kind_stand_in_the_order_in_which_they_came():
    gone, delivered, back = (
        LinkReport(connected=False),
        DispatchReport("1", "published", ""),
        LinkReport(connected=True),
    )
    events = Events([gone, delivered, back])
    assert events.of(LinkReport) == [gone, back]
    assert events.of(DispatchReport) == [delivered]
    assert not events.of(PlantChange)


def test_of_several_policies_the_last_is_put_in_force():
    events = Events([PolicyChange(EARLY), PolicyChange(LATE)])
    assert (events.plant, events.policy) == (None, LATE)


def test_a_plant_brings_its_own_policy():
    changed = Plant(SITE, {}, EARLY)
    events = Events([PolicyChange(LATE), PlantChange(changed)])
    assert (events.plant, events.policy) == (changed, None)


def test_a_policy_that_came_after_a_plant_is_put_in_force_with_it():
    events = Events([PlantChange(Plant(SITE, {}, EARLY)), PolicyChange(LATE)])
    assert (events.plant, events.policy) == (Plant(SITE, {}, LATE), None)


def test_without_events_nothing_is_put_in_force():
    events = Events([])
    assert (events.plant, events.policy, events.of(LinkReport)) == (None, None, ())
