from __future__ import annotations

from support.plants import FILL, SITE, threshold

from edge_agent.model.inbox import DispatchReport, Events, LinkReport, PlantChange, PolicyChange
from edge_agent.model.plant import Plant, Policy
from edge_agent.model.revision import Revision

EARLY, LATE = (threshold("low", 1.0),), (threshold("low", 2.0),)
CHANGED = Plant(SITE, {}, Policy(EARLY))


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


def test_parts_of_a_policy_that_come_together_are_put_in_force_together():
    first, plans = (
        Revision({"tank1/level": EARLY, "tank2/level": EARLY}, (FILL,), more=True),
        Revision({}, (), more=True),
    )
    events = Events([PolicyChange(first), PolicyChange(plans), PolicyChange(Revision({"tank1/level": LATE}))])
    assert events.revision == Revision({"tank1/level": LATE, "tank2/level": EARLY}, ())


def test_a_plant_takes_the_place_of_what_was_to_change_before():
    events = Events([PolicyChange(Revision({"tank1/level": LATE})), PlantChange(CHANGED)])
    assert (events.plant, events.revision) == (CHANGED, None)


def test_what_changes_of_the_policy_after_a_plant_comes_into_force_with_it():
    revision = Revision({"tank1/level": LATE})
    events = Events([PlantChange(CHANGED), PolicyChange(revision)])
    assert (events.plant, events.revision) == (CHANGED, revision)


def test_without_events_nothing_is_put_in_force():
    events = Events([])
    assert (events.plant, events.revision, events.of(LinkReport)) == (None, None, ())
