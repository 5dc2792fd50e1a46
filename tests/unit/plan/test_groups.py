"""A group runs as many of its members as plans ask for: who goes on, who is next, and why."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.plants import pump, state, status
from support.stageworks import conditions
from support.stations import QUICK, Station, group, runs, stages, works

from edge_agent.model.plant import Fallback, Policy
from edge_agent.model.revision import Revision

PUMPS = ("s1/pu1", "s1/pu2", "s1/pu3")
LOW, LOWER, HIGH = "tank/level < 2", "tank/level < 1", "tank/level > 4"
GO, STOP = runs("go", LOW, 1), runs("stop", HIGH, 0, priority=60)
MORE = runs("more", LOWER, 2, priority=55)


def station(*plans, pumps=PUMPS, **more):
    return Station(works(pumps, [group("s1", [getattr(one, "name", one) for one in pumps], **more)], *plans))


def test_so_many_run_as_a_plan_asks_for_and_none_when_one_says_so():
    works = station(GO, MORE, STOP)
    works.shows(1.5)
    assert works.running == ["s1/pu1"]
    works.shows(0.8)
    works.passes(30, shows=0.8)
    assert works.running == ["s1/pu1", "s1/pu2"]
    works.shows(4.5)
    assert works.running == []


def test_the_number_stands_while_no_plan_asks_for_another():
    works = station(MORE, STOP)
    works.shows(0.8)
    works.passes(100, shows=2.5)
    assert works.running == ["s1/pu1", "s1/pu2"]


@pytest.mark.parametrize(("plans", "number"), [
    ((runs("a", LOW, 1, priority=60), runs("b", LOW, 3, priority=50)), 1),
    ((runs("a", LOW, 3, priority=60), runs("b", LOW, 1, priority=50)), 3),
    ((runs("a", LOW, 2), runs("b", LOW, 0)), 0),
    ((runs("a", LOW, 1), runs("b", LOW, 2)), 1),
])  # fmt: skip
def test_of_several_plans_the_higher_priority_says_how_many_then_the_fail_safe_then_the_name(plans, number):
    works = station(*plans, STOP)
    works.passes(60, shows=1.5)
    assert len(works.running) == number


def test_stages_ask_for_one_more_each():
    fill = stages((3.0, 5.0, "group s1"), (2.0, 4.0, "group s1"), (1.0, 3.0, "group s1"))
    works = station(fill)
    seen = []
    for level in (2.5, 1.5, 0.5, 2.5, 3.5, 4.5, 5.5):
        works.passes(40, shows=level)
        seen.append(len(works.running))
    assert seen == [1, 2, 3, 3, 2, 1, 0]


def test_the_first_of_the_list_leads_where_that_is_fixed():
    works = station(GO, STOP, lead="fixed")
    for _ in range(3):
        works.passes(20, shows=1.5)
        assert works.running == ["s1/pu1"]
        works.passes(20, shows=4.5)


def test_another_leads_each_time_where_they_alternate():
    works = station(GO, STOP, lead="alternate")
    seen = []
    for _ in range(4):
        works.passes(20, shows=1.5)
        seen += works.running
        works.passes(20, shows=4.5)
    assert seen == ["s1/pu1", "s1/pu2", "s1/pu3", "s1/pu1"]


def test_the_one_that_has_run_the_shortest_time_leads_and_the_reason_says_how_long():
    works = station(GO, STOP, lead="fewest_hours")
    seen = []
    for hours in (2, 1, 3, 0.2, 0.2):
        works.shows(1.5)
        seen += works.running
        works.passes(hours * 3600, 100, shows=2.5)
        works.shows(4.5)
    assert seen == ["s1/pu1", "s1/pu2", "s1/pu3", "s1/pu2", "s1/pu2"]
    assert any(reason.startswith("s1/pu2: fewest hours (1.0 h); ") for reason in works.reasons("s1/pu2"))


def test_the_one_that_has_started_the_fewest_times_leads():
    works = station(GO, STOP, lead="fewest_starts")
    seen = []
    for _ in range(5):
        works.shows(1.5)
        seen += works.running
        works.shows(4.5)
    assert seen == ["s1/pu1", "s1/pu2", "s1/pu3", "s1/pu1", "s1/pu2"]


def test_what_was_counted_outlives_a_restart():
    works = station(GO, STOP, lead="fewest_hours")
    works.shows(1.5)
    works.passes(7200, 100, shows=2.5)
    works.shows(4.5)
    works.restart(60)
    works.connect()
    works.shows(1.5)
    assert works.running == ["s1/pu2"]
    works.passes(60, shows=4.5)
    works.does.clear()


def test_who_led_last_outlives_a_restart():
    works = station(GO, STOP, lead="alternate")
    works.shows(1.5)
    works.shows(4.5)
    works.restart(60)
    works.connect()
    works.shows(1.5)
    assert works.running == ["s1/pu2"]


def test_one_that_runs_goes_on_though_another_has_fewer_hours_by_now():
    works = station(GO, STOP, lead="fewest_hours")
    works.shows(1.5)
    assert works.passes(36_000, 100, shows=1.5) == works.told[3:]
    assert works.running == ["s1/pu1"]


@pytest.mark.parametrize("unfit", ["in hand", "offline"])
def test_the_next_runs_where_one_is_not_to_be_had_and_the_reason_says_so(unfit):
    pumps = [pump(f"n{number}/pu", **QUICK) for number in (1, 2, 3)]
    works = station(GO, STOP, pumps=pumps)
    works.obey(works.turn(state("stopped", of="n1/pu", control="local") if unfit == "in hand" else status(False, "n1")))
    works.shows(1.5)
    assert works.running == ["n2/pu"]
    assert works.reasons("n2/pu")[-1].startswith(f"n2/pu: next in order; n1/pu is {unfit}".replace("next", "first"))


def test_the_next_takes_over_where_one_is_taken_in_hand_and_it_does_not_come_back_over_a_running_one():
    works = station(GO, STOP)
    works.shows(1.5)
    works.hand("s1/pu1", on=False)
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu2"]
    works.obey(works.turn(state("stopped", of="s1/pu1", control="remote")))
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu2"]


def test_one_that_a_person_runs_counts():
    works = station(GO, STOP)
    works.hand("s1/pu3", on=True)
    works.shows(1.5)
    assert works.running == ["s1/pu3"]


def test_a_person_who_starts_another_lets_one_of_the_group_stop():
    works = station(GO, STOP)
    works.shows(1.5)
    works.hand("s1/pu3", on=True)
    assert works.running == ["s1/pu3"]


def test_one_that_fails_is_followed_by_the_next_raises_an_alarm_and_the_reason_says_so():
    works = station(GO, STOP)
    works.broken = {"s1/pu1"}
    works.shows(1.5)
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu2"]
    assert "s1/pu1:failed raised" in works.raised()
    assert "s1/pu1 has failed (start was not carried out: overload)" in works.reasons("s1/pu2")[-1]
    works.passes(600, shows=1.5)
    assert works.running == ["s1/pu2"]
    assert "s1/pu1:failed cleared" not in works.raised()


def test_one_that_has_failed_comes_last_until_a_person_resets_it():
    works = station(GO, STOP)
    works.broken = {"s1/pu1"}
    works.passes(20, shows=1.5)
    works.broken = set()
    works.passes(20, shows=4.5)
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu2"]
    works.passes(20, shows=4.5)
    works.reset("s1/pu1")
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu1"]


def test_where_all_have_failed_each_is_tried_until_it_is_locked_out():
    works = station(GO, STOP, pumps=PUMPS[:2])
    works.broken = {"s1/pu1", "s1/pu2"}
    works.passes(3600, shows=1.5)
    starts = [word for word in works.told if word.endswith("start")]
    assert starts == ["s1/pu1 start", "s1/pu2 start"] * 3
    assert {"s1/pu1:locked_out raised", "s1/pu2:locked_out raised"} <= set(works.raised())


def test_one_that_never_answers_is_followed_by_the_next():
    works = station(GO, STOP)
    works.dead = {"s1/pu1"}
    works.shows(1.5)
    works.passes(120, shows=1.5)
    assert works.running == ["s1/pu2"]


def test_one_that_rests_comes_after_one_that_is_free():
    pumps = [pump(name, min_off_seconds=600, min_on_seconds=0, max_starts_per_hour=0) for name in PUMPS[:2]]
    works = station(GO, STOP, pumps=pumps)
    works.passes(20, shows=1.5)
    works.passes(20, shows=4.5)
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu2"]
    works.passes(20, shows=4.5)
    works.passes(20, shows=1.5)
    assert works.running == []  # both rest: the first that may is asked
    works.passes(600, shows=1.5)
    assert works.running == ["s1/pu1"]


def test_a_trip_of_one_lets_the_next_run():
    trip = conditions("hot", "tank/level > 1.2", [("s1/pu1", "stop")], trip=True, priority=100)
    works = station(runs("go", LOW, 1), STOP, trip)
    works.shows(1.1)
    assert works.running == ["s1/pu1"]
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu2"]
    assert "s1/pu1 is held by trip hot" in works.reasons("s1/pu2")[-1]


def test_starts_are_so_far_apart_as_the_group_says():
    works = station(runs("go", LOW, 3), STOP, stagger_seconds=25)
    works.passes(100, 1, shows=1.5)
    at = [command.issued_at / 1e6 for command in works.commands if command.action == "start"]
    assert [round(later - earlier) for earlier, later in pairwise(at)] == [25, 25]


def test_no_more_run_than_at_most_whoever_asks():
    each = [conditions(f"p{n}", LOW, [(name, "start")]) for n, name in enumerate(PUMPS)]
    works = station(*each, STOP, at_most=2)
    works.passes(600, shows=1.5)
    assert works.running == ["s1/pu1", "s1/pu2"]
    assert works.most == 2


def test_one_whose_stop_is_not_confirmed_counts_for_at_most():
    works = station(GO, STOP, at_most=1)
    works.shows(1.5)
    works.dead = {"s1/pu1"}
    works.hand("s1/pu1", on=True, control="remote")
    works.obey(works.turn(state("running", of="s1/pu1", control="local")))
    works.passes(600, shows=1.5)
    assert [word for word in works.told if word == "s1/pu2 start"] == []


def test_nothing_is_started_before_all_that_may_run_has_reported_where_that_is_as_many_as_may():
    works = Station(works_of_three(), connected=False)
    works.dead = {"s1/pu2", "s1/pu3"}
    works.connect()
    works.dead = set()
    works.shows(1.5)
    assert works.told[0].endswith("stop") or works.most <= 1
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu1"]


def works_of_three():
    return works(PUMPS, [group("s1", PUMPS, at_most=1)], GO, STOP)


def test_a_group_runs_nothing_without_evidence_and_says_so():
    works = station(GO, STOP)
    works.shows(1.5)
    works.passes(400)
    assert works.running == []
    assert "s1/pu1:no_evidence raised" in works.raised()


def test_after_a_restart_what_runs_goes_on_and_nothing_is_started_before_evidence():
    works = station(MORE, STOP)
    works.passes(30, shows=0.8)
    works.restart(10)
    works.does["s1/pu2"] = False
    works.connect()
    assert works.passes(60) == []
    works.shows(2.5)
    works.passes(60, shows=2.5)
    assert works.running == ["s1/pu1"]  # the one that runs goes on; the other is not started by what was once asked for
    works.passes(60, shows=0.8)
    assert works.running == ["s1/pu1", "s1/pu2"]


def test_a_deleted_plan_takes_its_number_along():
    works = station(GO, STOP)
    works.shows(1.5)
    works.obey(works.turn(policy=Policy((), (STOP,), works.site.policy.provisions)))
    assert works.running == []


def test_a_member_that_fails_is_tried_again_where_the_group_says_so():
    works = station(GO, STOP, on_failure="stay")
    works.broken = {"s1/pu1"}
    works.passes(600, shows=1.5)
    assert works.running == ["s1/pu2"]  # not before it is locked out
    assert works.told.count("s1/pu1 start") == 3


def test_one_whose_node_is_gone_counts_for_at_most_until_its_lease_is_over():
    pumps = [pump(f"n{number}/pu", **QUICK, lease_seconds=100.0, command_ttl_seconds=30.0) for number in (1, 2)]
    works = station(GO, STOP, pumps=pumps, at_most=1)
    works.shows(1.5)
    works.dead = {"n1/pu"}
    works.obey(works.turn(status(False, "n1")))
    works.passes(120, shows=1.5)
    assert [word for word in works.told if word == "n2/pu start"] == []
    works.passes(20, shows=1.5)
    assert works.does["n2/pu"]


@pytest.mark.parametrize("control", ["local", "remote"])
def test_one_that_runs_by_hand_when_its_node_goes_counts_for_at_most_for_good(control):
    """No lease ends what nobody has commanded."""
    works = station(GO, STOP, pumps=[pump(f"n{number}/pu", **QUICK) for number in (1, 2)], at_most=1)
    works.hand("n2/pu", on=True, control=control)
    works.dead.add("n2/pu")
    works.obey(works.turn(status(False, "n2")))
    works.passes(3600, shows=1.5)
    works.restart(60)
    works.obey(works.turn(status(True, "n1"), status(False, "n2"), state("stopped", of="n1/pu")))
    works.passes(3600, shows=1.5)
    assert "n1/pu start" not in works.told
    works.does["n2/pu"] = False
    works.obey(works.turn(status(True, "n2"), state("stopped", of="n2/pu")))
    works.passes(20, shows=1.5)
    assert "n1/pu start" in works.told


def test_one_that_rested_when_its_node_went_does_not_count_for_at_most():
    pumps = [pump(f"n{number}/pu", **QUICK) for number in (1, 2)]
    works = station(GO, STOP, pumps=pumps, at_most=1)
    works.dead = {"n1/pu"}
    works.obey(works.turn(status(False, "n1")))
    works.passes(20, shows=1.5)
    assert works.running == ["n2/pu"]


def test_an_edited_plan_that_asks_for_as_many_switches_nothing():
    works = station(GO, STOP)
    works.passes(20, shows=1.5)
    edited = runs("go", "tank/level < 2.2", 1, priority=40)
    policy = Policy((), (edited, STOP), works.site.policy.provisions)
    assert works.obey(works.turn(policy=policy)) == []
    assert works.passes(60, shows=1.5) == []
    assert works.running == ["s1/pu1"]


def test_timed_running_without_evidence_runs_so_many():
    timed = Fallback(run_seconds=100, every_seconds=300, at_most_seconds=3000)
    works = station(runs("go", LOW, 2, without_evidence=(timed, Fallback(do="fail_safe"))), STOP)
    works.passes(60, shows=1.5)
    assert len(works.running) == 2
    works.passes(330)
    assert works.running == []
    seen = [len(works.running) for _ in range(30) if works.passes(10) is not None]
    assert max(seen) == 2
    assert min(seen) == 0


def test_hours_are_remembered_at_least_once_an_hour_while_one_runs():
    works = station(GO, STOP, lead="fewest_hours")
    works.shows(1.5)
    works.passes(5 * 3600, 100, shows=1.5)
    works.restart(5)
    works.connect()
    works.passes(20, shows=4.5)
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu2"]
    hours = works.knowledge.members(works.now)("s1/pu1").run_seconds / 3600
    assert 4 <= hours <= 5.1


def test_a_group_that_is_edited_stops_who_left_it_and_keeps_who_stayed():
    works = station(MORE, STOP)
    works.passes(40, shows=0.8)
    policy = Policy((), works.site.policy.plans, (group("s1", PUMPS[1:]),))
    works.obey(works.turn(policy=policy))
    works.passes(40, shows=0.8)
    assert works.running == ["s1/pu2", "s1/pu3"]


def test_only_what_may_be_asked_again_is_done_while_a_policy_is_in_force_in_part():
    works = station(GO, STOP)
    works.shows(3.0)
    works.turn(policy=Revision({}, more=True))
    assert works.passes(60, shows=1.5) == []
    works.turn(policy=Revision({}))
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu1"]


def test_one_that_only_acknowledges_counts_until_its_stop_is_acknowledged():
    works = Station(works_of_three(), connected=False)
    works.turn(*(status(True, node) for node in works.site.nodes))
    works.silent = True
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu1"]
    works.passes(20, shows=4.5)
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu1"]
    assert works.most == 1


def test_a_trip_may_stop_a_whole_group_and_no_least_time_delays_it():
    pumps = [pump(name, min_on_seconds=600, min_off_seconds=0, max_starts_per_hour=0) for name in PUMPS]
    dry = runs("dry", "tank/level < 0.5", 0, priority=100, trip=True)
    works = station(MORE, STOP, dry, pumps=pumps)
    works.passes(40, shows=0.8)
    assert len(works.running) == 2
    works.shows(0.3)
    assert works.running == []
    assert "s1/pu1:tripped raised" in works.raised()


def test_a_least_time_delays_the_stop_of_a_plan_and_the_group_does_not_count_on_it():
    pumps = [pump(name, min_on_seconds=100, min_off_seconds=0, max_starts_per_hour=0) for name in PUMPS]
    works = station(GO, STOP, pumps=pumps, at_most=1)
    works.shows(1.5)
    works.passes(20, shows=4.5)
    assert works.running == ["s1/pu1"]
    works.hand("s1/pu1", on=True, control="local")
    works.passes(40, shows=1.5)
    assert works.running == ["s1/pu1"]


def test_a_stop_between_does_not_forgive_what_has_failed():
    works = station(GO, STOP, pumps=PUMPS[:1])
    works.broken = {"s1/pu1"}
    for _ in range(3):
        works.passes(3, 1.0, shows=1.5)
        works.passes(30, shows=4.5)
    assert "s1/pu1:locked_out raised" in works.raised()


def test_one_that_has_failed_is_first_again_when_a_person_has_had_it_in_hand():
    works = station(GO, STOP)
    works.broken = {"s1/pu1"}
    works.passes(20, shows=1.5)
    works.broken = set()
    works.passes(20, shows=4.5)
    works.hand("s1/pu1", on=False)
    works.obey(works.turn(state("stopped", of="s1/pu1", control="remote")))
    assert "s1/pu1:failed cleared" in works.raised()
    works.passes(20, shows=1.5)
    assert works.running == ["s1/pu1"]
