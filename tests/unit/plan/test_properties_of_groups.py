"""Whatever happens to a station: no more run than may, as many as are asked for, and nobody is switched for nothing."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.plants import facts, pump, state, status
from support.stageworks import conditions
from support.stations import LEVEL, QUICK, Station, group, runs, works

from edge_agent.plan.provisions.groups import Group
from edge_agent.plan.rota import Member, Rota
from edge_agent.turn import run_turn

LEADS = ("fixed", "fewest_hours", "fewest_starts", "alternate")
NAMES = ("n1/pu", "n2/pu", "n3/pu", "n4/pu")

_members = st.lists(
    st.builds(
        lambda runs, by_hand, unfit, failing, rests, hours, starts: (
            runs, by_hand and runs, unfit, failing, 500.0 if rests else 0.0, 0.0, hours * 3600.0, starts
        ),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "", "", "is in hand"]),
        st.sampled_from(["", "", "", "overload"]),
        st.booleans(),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    min_size=4,
    max_size=4,
)  # fmt: skip


def rota_of(lead, at_most):
    return Rota(Group(members=NAMES, lead=lead, at_most=at_most))


@given(st.sampled_from(LEADS), st.sampled_from([None, 1, 2, 3]), st.lists(st.tuples(st.integers(0, 4), _members)))
def test_as_many_are_picked_as_are_asked_for_where_so_many_are_fit(lead, at_most, looks):
    rota = rota_of(lead, at_most)
    for at, (number, those) in enumerate(looks):
        members = [Member(name, *told) for name, told in zip(NAMES, those, strict=True)]
        rota.pick(number, members, float(at))
        fit = sum(not member.unfit and not member.by_hand for member in members)
        by_hand = sum(member.by_hand for member in members)
        wanted = max(min(number, at_most or number) - by_hand, 0)
        assert len(rota.on) == min(wanted, fit)
        assert all(not member.unfit and not member.by_hand for member in members if member.name in rota.on)


@given(st.sampled_from(LEADS), st.integers(0, 4), _members, st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_nobody_is_switched_while_nothing_has_changed_but_hours(lead, number, those, hours):
    rota = rota_of(lead, None)
    members = [Member(name, *told)._replace(failing="") for name, told in zip(NAMES, those, strict=True)]
    rota.pick(number, members, 1.0)
    picked = list(rota.on)
    members = [
        member._replace(runs=member.runs or member.name in picked, run_seconds=member.run_seconds + more * 3600)
        for member, more in zip(members, hours, strict=True)
    ]
    rota.pick(number, members, 2.0)
    assert list(rota.on) == picked or any(member.free_seconds > 1.0 for member in members)


@given(st.sampled_from(LEADS), _members, st.integers(0, 4))
def test_a_pick_is_the_same_whenever_it_is_made_anew(lead, those, number):
    members = [Member(name, *told) for name, told in zip(NAMES, those, strict=True)]
    rotas = [rota_of(lead, None) for _ in range(2)]
    for rota in rotas:
        rota.pick(number, members, 1.0)
    assert rotas[0].on == rotas[1].on


_events = st.lists(
    st.one_of(
        st.tuples(st.just("level"), st.sampled_from([0.5, 1.5, 2.5, 4.5])),
        st.tuples(st.just("time"), st.sampled_from([1.0, 20.0, 70.0, 400.0])),
        st.tuples(st.just("local"), st.tuples(st.sampled_from(NAMES[:3]), st.booleans())),
        st.tuples(st.just("remote"), st.sampled_from(NAMES[:3])),
        st.tuples(st.just("offline"), st.sampled_from(NAMES[:3])),
        st.tuples(st.just("online"), st.sampled_from(NAMES[:3])),
        st.tuples(st.just("dead"), st.sets(st.sampled_from(NAMES[:3]))),
        st.tuples(st.just("broken"), st.sets(st.sampled_from(NAMES[:3]))),
        st.tuples(st.just("reset"), st.sampled_from(NAMES[:3])),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=25,
)


class Storm(Station):
    """A station to which anything happens; it notes by whom each pump was started."""

    def happen(self, event, detail):
        if event == "level":
            self.shows(detail)
        elif event == "time":
            self.passes(detail, 10.0)
        elif event == "local":
            if detail[0] not in self.dead:
                self.hand(detail[0], on=detail[1])
        elif event == "remote":
            self.obey(self.turn(state("running" if self.does.get(detail) else "stopped", of=detail)))
        elif event in {"offline", "online"}:
            self.obey(self.turn(status(event == "online", detail.partition("/")[0])))
        elif event in {"dead", "broken"}:
            setattr(self, event, detail)
        elif event == "reset":
            self.reset(detail)
        else:
            self.restart(5.0)
            self.connect()

    def started(self, since):
        """The pumps whose start was commanded since a place among the commands."""
        return [command for command in self.commands[since:] if command.action == "start"]


def storm(lead, at_most):
    pumps = [pump(name, **QUICK | {"lease_seconds": 300.0}) for name in NAMES[:3]]
    plans = [
        runs("a", f"{LEVEL} < 2", 1),
        runs("b", f"{LEVEL} < 1", 3, priority=55),
        conditions("itself", f"{LEVEL} < 1.6", [("n1/pu", "start")], priority=58),
        conditions("rest", f"{LEVEL} > 2.2", [("n1/pu", "stop")], priority=58),
        runs("stop", f"{LEVEL} > 4", 0, priority=60),
    ]
    return Storm(works(pumps, [group("s1", NAMES[:3], lead=lead, at_most=at_most)], *plans))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LEADS), st.sampled_from([1, 2]), _events)
def test_no_start_is_commanded_that_could_make_more_run_than_may(lead, at_most, events):
    works = storm(lead, at_most)
    for event, detail in events:
        before, ran = len(works.commands), sum(works.does.values())
        works.happen(event, detail)
        if works.started(before) and event != "local":
            assert sum(works.does.values()) <= max(at_most, ran)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LEADS), st.sampled_from([None, 2]), _events)
def test_once_all_is_well_as_many_run_as_are_asked_for_and_that_stays_so(lead, at_most, events):
    works = storm(lead, at_most)
    for event, detail in events:
        works.happen(event, detail)
    works.dead, works.broken = set(), set()
    for name in NAMES[:3]:
        works.happen("online", name)
        works.happen("remote", name)
        works.happen("reset", name)
    works.passes(900, 10.0, shows=0.5)
    asked = 3 if at_most is None else at_most
    assert len(works.running) == asked
    runs_now, told = works.running, len(works.told)
    works.passes(600, 10.0, shows=0.5)
    assert works.running == runs_now
    assert all(not word.endswith("stop") for word in works.told[told:])


@pytest.mark.parametrize("lead", LEADS)
def test_a_replay_decides_the_same(lead):
    works, fresh = storm(lead, 2), storm(lead, 2)
    begun = len(works.inputs)
    for level in (0.5, 2.5, 4.5, 1.5):
        works.broken = {"n2/pu"}
        works.passes(60, 10.0, shows=level)
    turns = [run_turn(fresh.knowledge, inbox, now) for now, inbox in works.inputs[begun:]]
    assert [facts(turn) for turn in turns] == [facts(turn) for turn in works.turns[begun:]]
