"""Thresholds for plans alone: evaluated, remembered and journalled like alarms, and told to nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import Bench, plan, plant, pump, threshold

from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.plant import Policy

FILL_ON = threshold("fill_on", 2.5, side="below", annunciated=False, deadband=0.1)
FILL_OFF = threshold("fill_off", 4.0, side="above", annunciated=False)
FILL = plan("fill", "tank1/level:fill_on", ("station/pump1", "start"))
STOP = plan("stop", "tank1/level:fill_off", ("station/pump1", "stop"))
ON = "tank1/level:fill_on"


def bench(*thresholds, **more):
    return Bench(plant(thresholds=thresholds or [FILL_ON, FILL_OFF], plans=[FILL, STOP], actuators=[pump()], **more))


def events(found):
    return [f"{event.key} {event.event}" for turn in found for event in turn.alarm_events]


def test_it_is_journalled_in_words_of_its_own():
    agent = bench()
    agent.level(3.0)
    first = agent.level(2.4, 10)
    assert events([first, agent.level(2.6, 10), agent.level(2.61, 10)]) == [f"{ON} on", f"{ON} off"]
    (event,) = first.alarm_events
    assert event.reason == "tank1/level (2.40 m) is below fill_on (2.50 m)"
    assert not event.annunciated


def test_plans_act_by_it():
    agent = bench()
    agent.level(3.0)
    agent.level(2.4, 60)
    assert [command.action for command in agent.commands] == ["start"]
    agent.level(4.1, 600)
    assert [command.action for command in agent.commands][-1] == "stop"


def test_nobody_is_told():
    agent = bench()
    agent.level(2.4)
    assert ON in agent.knowledge.analyzer.register.active
    assert agent.knowledge.snapshot(agent.now).alarms == ()
    assert agent.knowledge.analyzer.register.annunciated == ()
    assert not agent.knowledge.analyzer.register.knows(AlarmKey("tank1", "level", "fill_on"))
    assert not any(alarm.annunciated for turn in agent.turns for alarm in turn.alarms)


def test_it_outlives_a_restart():
    agent = bench()
    agent.level(2.4)
    agent.restart(5)
    assert events([agent.level(2.55, 5)]) == []  # within the deadband: on still
    assert events([agent.level(2.7, 10)]) == [f"{ON} off"]


def changed(limit, **members):
    return Policy((replace(limit, **members), FILL_OFF), (FILL, STOP))


def test_an_alarm_that_becomes_a_switch_point_is_cleared_for_people_and_on_for_plans():
    agent = bench(replace(FILL_ON, annunciated=True), FILL_OFF)
    agent.level(2.4)
    turn = agent.turn(after=1, policy=changed(FILL_ON))
    assert events([turn]) == [f"{ON} cleared", f"{ON} on"]
    assert turn.alarm_events[0].reason == "threshold fill_on is another one now"
    assert [(alarm.annunciated, alarm.active) for alarm in turn.alarms] == [(True, False), (False, True)]
    assert events([agent.turn(after=1, policy=changed(FILL_ON, annunciated=True))]) == [f"{ON} off", f"{ON} raised"]


@pytest.mark.parametrize("before", [True, False])
def test_one_that_was_changed_while_the_agent_was_away_is_ended_as_what_it_was(before):
    agent = bench(replace(FILL_ON, annunciated=before), FILL_OFF)
    agent.level(2.4)
    agent.site = plant(thresholds=[replace(FILL_ON, annunciated=not before), FILL_OFF], plans=[FILL, STOP])
    agent.restart(5)
    assert events([agent.level(2.4, 5)]) == [
        f"{ON} {what}" for what in (("cleared", "on") if before else ("off", "raised"))
    ]


def test_a_threshold_that_changes_its_side_begins_anew():
    agent = bench(threshold("odd", 2.5, side="below"))
    agent.level(2.4)
    policy = Policy((threshold("odd", 2.5, side="above"),), ())
    assert events([agent.turn(after=1, policy=policy)]) == ["tank1/level:odd cleared"]
    assert events([agent.level(2.6, 10)]) == ["tank1/level:odd raised"]


def test_one_that_comes_and_goes_is_told_once_a_minute():
    agent = bench()
    for _ in range(30):
        agent.level(2.4, 2)
        agent.level(3.0, 2)
    counts = {kind: sum(f"{ON} {kind}" == event for event in events(agent.turns)) for kind in ("on", "off", "unsteady")}
    assert counts == {"on": 4, "off": 3, "unsteady": 2}
    reasons = [event.reason for turn in agent.turns for event in turn.alarm_events if event.event == "unsteady"]
    assert reasons[0] == f"{ON} goes on and off: raised 4 times within a minute"


def test_one_that_chatters_and_becomes_a_switch_point_is_no_alarm_any_more():
    agent = bench(replace(FILL_ON, annunciated=True), FILL_OFF)
    for _ in range(6):
        agent.level(2.4, 2)
        agent.level(3.0, 2)
    (chattering,) = agent.knowledge.analyzer.register.annunciated
    assert chattering.chattering
    turn = agent.turn(after=1, policy=changed(FILL_ON))
    assert [(alarm.annunciated, alarm.at_rest) for alarm in turn.alarms] == [(True, True)]
    assert agent.knowledge.analyzer.register.annunciated == ()


def test_every_kind_of_event_is_for_people_or_of_a_switch_point():
    kinds = {
        kind for kind in AlarmEventKind if not AlarmEvent(AlarmKey("a", "b", "c"), kind, 0, None, "", "").annunciated
    }
    assert {str(kind) for kind in kinds} == {"on", "off", "unsteady"}
