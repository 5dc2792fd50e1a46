"""Where a request stands: the legal steps, and that nothing that happens ever asks for another."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.plants import pump

from edge_agent.execute.panel import Hand
from edge_agent.model.commands import CommandState
from edge_agent.model.desired import TRANSITIONS, Desired
from edge_agent.model.inbox import DispatchReport

PUMP = "station/pump1"
D = Desired
#: What cannot become of a request in one step, and is told as a fault of the agent.
ILLEGAL = {
    D.UNASKED: {D.UNASKED, D.SENT, D.ACCEPTED, D.CONTRADICTED},
    D.HELD: {D.UNASKED, D.ACCEPTED, D.CONTRADICTED},
    D.SENT: {D.UNASKED},
    D.ACCEPTED: {D.UNASKED, D.ACCEPTED},
    D.FULFILLED: {D.UNASKED, D.ACCEPTED, D.FULFILLED, D.MISSED},
    D.CONTRADICTED: {D.UNASKED, D.ACCEPTED, D.CONTRADICTED},
    D.MISSED: {D.UNASKED, D.ACCEPTED, D.MISSED},
    D.SUSPENDED: {D.UNASKED, D.SENT, D.ACCEPTED, D.FULFILLED, D.CONTRADICTED, D.MISSED},
    D.LOCKED_OUT: {D.UNASKED, D.SENT, D.ACCEPTED, D.FULFILLED, D.CONTRADICTED, D.MISSED},
}


@pytest.mark.parametrize("before", list(Desired))
@pytest.mark.parametrize("after", list(Desired))
def test_every_step_is_legal_or_named_illegal(desk, before, after):
    assert (after in TRANSITIONS[before]) is not (after in ILLEGAL[before])
    desk.control.state = before
    if after in TRANSITIONS[before] or after is before:
        desk.control.step(after)
        assert desk.control.state is after
    else:
        with pytest.raises(AssertionError, match=f"station/pump1: no step from {before} to {after}"):
            desk.control.step(after)


def test_anything_may_be_taken_in_hand_locked_out_or_asked_anew():
    for steps in TRANSITIONS.values():
        assert {D.HELD, D.SUSPENDED, D.LOCKED_OUT} <= steps


WORDS = ("running", "stopped", "fault")
_events = st.lists(
    st.one_of(
        st.tuples(st.just("request"), st.sampled_from(["start", "stop", "trip", 0.8])),
        st.tuples(st.just("state"), st.tuples(st.sampled_from(WORDS), st.booleans())),
        st.tuples(st.just("obey"), st.none()),
        st.tuples(st.just("ack"), st.sampled_from(["accepted", "done", "rejected", "failed"])),
        st.tuples(st.just("delivery"), st.sampled_from(["published", "failed", "expired"])),
        st.tuples(st.just("online"), st.booleans()),
        st.tuples(st.just("link"), st.booleans()),
        st.tuples(st.just("breaker"), st.sampled_from(["open", "half_open", "closed"])),
        st.tuples(st.just("operate"), st.sampled_from(["release", "reset"])),
        st.tuples(st.just("clock"), st.sampled_from([-3600, 3600])),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("time"), st.sampled_from([1, 4, 11, 40, 470])),
    ),
    max_size=40,
)
_specs = st.fixed_dictionaries({
    "hand": st.sampled_from(["suspend", "insist"]),
    "unexpected_retries": st.sampled_from([0, 1]),
    "lock_out_after": st.sampled_from([1, 3]),
    "min_on_seconds": st.sampled_from([0, 60]),
    "min_off_seconds": st.sampled_from([0, 60]),
    "max_starts_per_hour": st.sampled_from([None, 2]),
    "lease_seconds": st.sampled_from([60, 900]),
})  # fmt: skip


class World:
    """An executor of one pump, the commands it gave, and everything that may happen to it."""

    def __init__(self, make_desk, spec):
        self.make_desk, self.spec = make_desk, spec
        self.desk = make_desk(pump(**spec))
        self.given = []
        self.skew = 0

    def happen(self, event, detail):
        getattr(self, f"_{event}")(detail)

    def _request(self, what):
        action, value = ("set", what) if isinstance(what, float) else ("stop" if what == "trip" else what, None)
        self.given += self.desk.request(action, value, trip=what == "trip")

    def _state(self, told):
        word, local = told
        self.desk.state(word, local=local)

    def _obey(self, _):
        if self.given:
            self.desk.publish(self.given[-1])
            self.desk.state("stopped" if self.given[-1].action == "stop" else "running", self.given[-1].value)
            self.desk.ack(self.given[-1], "done")

    def _ack(self, word):
        for command in self.given[-2:]:
            self.desk.ack(command, word)

    def _delivery(self, state):
        for command in self.given[-2:]:
            self.desk.deliver(DispatchReport(command.id, state, ""))

    def _online(self, online):
        self.desk.online(online)

    def _link(self, connected):
        self.desk.link(connected)

    def _breaker(self, state):
        self.desk.breaker(state)

    def _operate(self, operation):
        self.desk.operate(operation)

    def _clock(self, step):
        self.skew += step

    def _restart(self, _):
        now, memory = self.desk.now, self.desk.memory()
        self.desk = self.make_desk(pump(**self.spec), remembered=memory)
        self.desk.at(now.seconds - self.desk.now.seconds)

    def _time(self, seconds):
        for _ in range(seconds):
            self.tick(1.0)

    def tick(self, after):
        desk = self.desk.at(self.desk.seconds + after)
        desk.now = desk.now._replace(at=desk.now.at + self.skew * 1_000_000)
        self.given += desk.tick()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_specs, _events)
def test_nothing_that_happens_is_an_illegal_step(make_desk, spec, events):
    world = World(make_desk, spec)
    for event, detail in events:
        world.happen(event, detail)
        world.tick(0.1)
        control = world.desk.control
        assert control.record is None or control.record.state in {"decided", "published", "accepted"}
        assert set(world.desk.executor.open_commands) == ({control.record.command.id} if control.record else set())


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_specs, _events, st.booleans())
def test_the_fail_safe_action_is_held_by_nothing_but_min_on_local_and_the_link(make_desk, spec, events, trip):
    world = World(make_desk, spec)
    for event, detail in events:
        world.happen(event, detail)
        world.tick(0.1)
    before = world.desk.control.desired
    stood = before is not None and before.action == "stop" and (before.trip or not trip)
    world.given.clear()
    world.happen("request", "trip" if trip else "stop")
    world.tick(0.1)
    control = world.desk.control
    record = control.record
    given = record is not None and record.command.action == "stop"
    allowed = {"broker"} if trip else {"broker", "min_on"}
    if not given and not control.confirmed and not stood:
        assert (
            control.panel.hand is Hand.LOCAL
            or (control.held_back.by and control.held_back.by <= allowed)
            or control.record
        )


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_specs, _events)
def test_nothing_is_commanded_in_local_and_no_start_in_hand_or_locked_out(make_desk, spec, events):
    world = World(make_desk, spec)
    for event, detail in events:
        world.given, before = [], world.given
        local = world.desk.control.panel.hand is Hand.LOCAL
        blocked = world.desk.control.panel.taken or world.desk.control.lock_out.locked
        world.tick(0.1)
        if local and world.desk.control.reported is not None:
            assert world.given == []
        if blocked:
            assert [c for c in world.given if c.action != "stop"] == []
        world.given = before + world.given
        world.happen(event, detail)


def test_the_outcomes_are_those_of_commands():
    assert {"done", "rejected", "failed", "expired"} <= set(CommandState)
