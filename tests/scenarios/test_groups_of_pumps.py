"""Stations of pumps over hours: a lead that does not deliver, a return of power, an interlock, a week of duty."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

from support.plants import pump, status
from support.stations import LEVEL, QUICK, Station, group, runs, stages, works

from edge_agent.model.plant import Policy, Provision
from edge_agent.plan.provisions.registry import canonical

PUMPS = ("s1/pu1", "s1/pu2", "s1/pu3")
TEN = tuple(f"station{number}/pump" for number in range(10))


def fresh_starts(commands):
    """The commands that start a pump, other than the renewal of a lease."""
    return [one for one in commands if one.action == "start" and "renewed" not in one.reason]


def interlock(name, **keys):
    return Provision("interlock", name, canonical("interlock", json.dumps(keys)))


def test_a_lead_that_does_not_deliver_is_told_and_the_next_takes_over():
    works = station("fixed")
    works.broken = {"s1/pu1"}
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu2"]
    assert "s1/pu1:failed raised" in works.raised()
    [command] = [one for one in works.commands if one.target == "s1/pu2" and one.action == "start"]
    [decision] = [one for turn in works.turns for one in turn.decisions if one.command_id == command.id]
    assert "s1/pu2: next in order; s1/pu1 has failed (start was not carried out: overload)" in decision.reason


def station(lead, *more, **keys):
    plans = [runs("go", f"{LEVEL} < 2", 1), runs("stop", f"{LEVEL} > 4", 0, priority=60)]
    return Station(works(PUMPS, [group("s1", PUMPS, lead=lead, **keys), *more], *plans))


def test_ten_pumps_start_as_far_apart_as_set_when_power_returns():
    pumps = [pump(name, **QUICK) for name in TEN]
    all_of_them = [runs("go", f"{LEVEL} < 2", 10, of="all"), runs("stop", f"{LEVEL} > 4", 0, of="all", priority=60)]
    works_ = Station(works(pumps, [group("all", TEN, stagger_seconds=30)], *all_of_them))
    works_.passes(400, 5.0, shows=1.5)
    assert len(works_.running) == 10
    works_.dead = set(TEN)
    for name in TEN:  # the power fails: nodes vanish, pumps stop
        works_.obey(works_.turn(status(False, name.partition("/")[0])))
        works_.does[name] = False
    works_.passes(120, 5.0)
    before, works_.dead = len(works_.commands), set()
    works_.connect()
    works_.passes(600, 1.0, shows=1.5)
    starts = [one.issued_at / 1e6 for one in fresh_starts(works_.commands[before:])]
    assert len(starts) == 10
    assert all(second - first >= 29.5 for first, second in pairwise(starts))
    assert starts[-1] - starts[0] < 9 * 35


def test_what_an_interlock_stops_is_followed_by_the_next_and_the_reason_says_so():
    hot = interlock("hot", trip=f"{LEVEL} > 1.8", stop=["s1/pu1"], reset="person")
    works = station("fixed", hot)
    works.passes(30, shows=1.5)
    assert works.running == ["s1/pu1"]
    works.passes(30, shows=1.9)
    assert works.running == ["s1/pu2"]
    assert any("s1/pu1 is held by" in reason and "hot" in reason for reason in works.reasons("s1/pu2"))
    works.passes(60, shows=1.5)
    works.reset("hot")
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu2"]  # the one that comes back pushes no running one out


def test_one_without_its_permit_is_passed_over():
    permit = interlock("ready", permit=["s1/pu1"], when=f"{LEVEL} < 1")
    works = station("fixed", permit)
    works.passes(30, shows=1.5)
    assert works.running == ["s1/pu2"]
    assert any("s1/pu1 is held back by" in reason for reason in works.reasons("s1/pu2"))


def test_an_interlock_stops_a_whole_group_and_all_goes_on_after_its_reset():
    dry = interlock("dry", trip=f"{LEVEL} < 0.5", stop=["group s1"], reset="person")
    works = station("fixed", dry)
    works.passes(30, shows=1.5)
    works.passes(30, shows=0.3)
    assert works.running == []
    works.passes(60, shows=1.5)
    assert works.running == []
    works.reset("dry")
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu1"]


def test_a_week_of_turns_is_shared_evenly_and_costs_no_needless_switch():
    fill = stages((2.0, 4.0, "group s1"), (1.0, 3.0, "group s1"))
    for lead in ("alternate", "fewest_hours", "fewest_starts"):
        works_ = Station(works(PUMPS, [group("s1", PUMPS, lead=lead)], fill))
        level, cycles = 3.0, 0
        for _ in range(7 * 24 * 6):
            level += 0.5 * len(works_.running) - 0.3
            was = len(works_.running)
            works_.shows(round(level, 2), after=600.0)
            cycles += was == 0 and len(works_.running) > 0
        starts = Counter(one.target for one in fresh_starts(works_.commands))
        assert max(starts.values()) - min(starts.values()) <= 2, (lead, starts)
        assert sum(starts.values()) == cycles, lead  # one start for each time that the group begins


def test_a_restart_in_the_middle_of_a_batch_of_starts_goes_on_as_far_apart():
    pumps = [pump(name, **QUICK) for name in TEN[:4]]
    plans = [runs("go", f"{LEVEL} < 2", 4, of="all"), runs("stop", f"{LEVEL} > 4", 0, of="all", priority=60)]
    works_ = Station(works(pumps, [group("all", TEN[:4], stagger_seconds=60)], *plans))
    works_.passes(70, 1.0, shows=1.5)
    assert len(works_.running) == 2
    last = max(one.issued_at for one in works_.commands if one.action == "start")
    works_.restart(5)
    works_.connect()
    works_.passes(300, 1.0, shows=1.5)
    assert len(works_.running) == 4
    later_starts = [one.issued_at for one in fresh_starts(works_.commands) if one.issued_at > last]
    assert min(later_starts) - last >= 59 * 1_000_000


def test_a_policy_with_another_group_takes_over_what_runs():
    works = station("fixed")
    works.passes(30, shows=1.5)
    policy = works.site.policy
    changed = Policy((), policy.plans, (group("s1", PUMPS[:2], lead="fewest_hours"),))
    assert works.obey(works.turn(policy=changed)) == []
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu1"]
    gone = Policy((), policy.plans, (group("s1", PUMPS[1:], lead="fewest_hours"),))
    works.obey(works.turn(policy=gone))
    works.passes(60, shows=1.5)
    assert works.running == ["s1/pu2"]
