"""Whatever happens: no command breaks an interlock, what latched is stopped, the same situation decides the same.

What equipment really does is in the test: it obeys, late or not at all, its reports are lost, people switch it by
hand. What the agent may know of that is what has come in.
"""

from __future__ import annotations

from itertools import cycle

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.interlockworks import (
    FLOW,
    LEVEL,
    PUMP1,
    PUMP2,
    SUCTION,
    VALVE_A,
    VALVE_B,
    WORDS,
    Station,
    equipment,
    interlock,
    starts,
)
from support.plants import ack, facts, failed, later, published, reading, state, status

from edge_agent.model.inbox import BreakerReport, LinkReport, Operation
from edge_agent.model.plant import Policy
from edge_agent.monitor.tests.gross_range import GrossRange

ACTUATORS = (PUMP1, PUMP2, VALVE_A, VALVE_B)
SENSORS = {"level": LEVEL, "suction": SUCTION, "flow": FLOW}
RANGE = {"gross_range": GrossRange((0.0, 10.0), (0.1, 9.0)), "interval_seconds": 2.0}

_dry = st.builds(
    lambda text, stop, reset, evidence: interlock("dry", trip=text, stop=stop, reset=reset, evidence_seconds=evidence),
    st.sampled_from(
        [
            f"{SUCTION} < 0.3",
            f"{SUCTION} < 0.3 for 3 s",
            f"{SUCTION} < 0.3 or {VALVE_A} is closed",
            f"{VALVE_A} is open",
            "zone is offline",
            "time is 09:00-10:00",
            f"{LEVEL} > 2.5 for 2 s and {PUMP2} is running",
            f"{FLOW}:stale or {PUMP1}:failed",
        ]
    ),
    st.sampled_from([[PUMP1], [PUMP1, PUMP2]]),
    st.sampled_from(["person", {"after_seconds": 5, "at_most": 1}]),
    st.sampled_from([6, 20]),
)
_permit = st.sampled_from(
    [
        interlock("ready", permit=[PUMP1], when=f"{SUCTION} > 0.5"),
        interlock("ready", permit=[PUMP1, PUMP2], when=f"{SUCTION} > 0.5 and {VALVE_A} is open"),
    ]
)
ONE = interlock("valves", exclusive=[f"{VALVE_A} is open", f"{VALVE_B} is open"])
_provisions = st.builds(
    lambda trip, permit, one, which: [p for p, kept in zip((trip, permit, one), which, strict=True) if kept],
    _dry,
    _permit,
    st.just(ONE),
    st.tuples(st.booleans(), st.booleans(), st.just(True)),
)
_plans = st.sampled_from(
    [
        [starts(PUMP1), starts(PUMP2), starts(VALVE_A, "open"), starts(VALVE_B, "open")],
        [starts(PUMP1), starts(VALVE_B, "open", priority=60)],
        [starts(VALVE_A, "close", priority=70), starts(PUMP1)],
        [],
    ]
)
_values = {"level": [1.0, 1.0, 3.0], "suction": [0.05, 0.2, 1.0, 1.0], "flow": [0.0, 9.0]}
_happening = st.one_of(
    *(st.tuples(st.just(name), st.sampled_from(values)) for name, values in _values.items()),
    st.tuples(st.just("level"), st.just(1.0)),
    st.tuples(st.just("suction"), st.just(1.0)),
    st.tuples(st.just("hand"), st.tuples(st.sampled_from(ACTUATORS), st.booleans(), st.booleans())),
    st.tuples(st.just("says"), st.sampled_from(ACTUATORS)),
    st.tuples(st.just("status"), st.tuples(st.sampled_from(["station", "zone"]), st.booleans())),
    st.tuples(st.just("breaker"), st.sampled_from(["open", "closed"])),
    st.tuples(st.just("link"), st.booleans()),
    st.tuples(st.just("operation"), st.tuples(st.sampled_from(["reset", "release"]), st.sampled_from(["dry", PUMP1]))),
    st.tuples(st.just("policy"), st.tuples(_provisions, _plans)),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("time"), st.sampled_from([1, 3, 12, 40])),
)
_script = st.lists(_happening, max_size=40)
_manners = st.lists(
    st.sampled_from(["obeys", "obeys", "late", "mute", "deaf", "rejects", "lost"]), min_size=1, max_size=5
)


class World(Station):
    """A station whose equipment really does something, of which the agent is told what comes through."""

    def __init__(self, provisions, plans, manners):
        self.truth = dict.fromkeys(ACTUATORS, False)
        self.manners, self.waiting = cycle(manners), []
        self.local = set()
        tests = dict.fromkeys(SENSORS.values(), RANGE)
        super().__init__(provisions, plans, equipment(command_ttl_seconds=10.0, lease_seconds=60.0), tests)
        self.step(*(self.told(name) for name in ACTUATORS))

    def told(self, name):
        valve = name.startswith("zone")
        word = WORDS[("open" if valve else "start") if self.truth[name] else ("close" if valve else "stop")]
        return state(word, of=name, control="local" if name in self.local else "remote")

    def step(self, *messages, events=(), after=1.0, **more):
        """Let time pass; what equipment does late comes first."""
        self.now = later(after, self.now)
        due = [what for at, what in self.waiting if at <= self.now.seconds]
        self.waiting = [(at, what) for at, what in self.waiting if at > self.now.seconds]
        late = [message for command in due for message in self.carry_out(command)]
        turn = self.turn(*late, *messages, events=events, **more)
        for command in turn.commands:
            self.check(command)
        self.check_latched()
        for command in turn.commands:
            self.answer(command)

    def carry_out(self, command):
        name = f"{command.node}/{command.actuator}"
        if name in self.local:
            return [ack(command, "rejected", "local")]
        self.truth[name] = command.action in {"start", "open"}
        return [ack(command, "done"), self.told(name)]

    def answer(self, command):
        manner = next(self.manners)
        if manner == "obeys":
            self.step(*self.carry_out(command), events=[published(command)], after=0.2)
        elif manner == "late":
            self.waiting.append((self.now.seconds + 4, command))
            self.step(events=[published(command)], after=0.2)
        elif manner == "mute":  # it does it, and nobody hears of that
            self.carry_out(command)
            self.step(events=[published(command), failed(command)], after=0.2)
        elif manner == "rejects":
            self.step(ack(command, "rejected", "it cannot"), events=[published(command)], after=0.2)
        elif manner == "lost":
            self.step(events=[failed(command)], after=0.2)

    def check(self, command):
        """No command breaks an interlock, by what the agent can know."""
        name = f"{command.node}/{command.actuator}"
        if command.action in {"stop", "close"}:
            return
        guards = self.knowledge.planner.interlocks
        dry = next((view for view in guards.views() if view.interlock == "dry"), None)
        if dry is not None and name in dry.actuators:
            assert dry.state in {"quiet", "blocks"}
        if name == VALVE_A:
            assert not self.truth[VALVE_B], "the other one is really open"
        elif name == VALVE_B:
            assert not self.truth[VALVE_A], "the other one is really open"
        permit = next((view for view in guards.views() if view.interlock == "ready"), None)
        known = self.knowledge.executor.roster.plant[name].reported
        if permit is not None and name in permit.actuators and (known is None or known.state == "stopped"):
            gauge = self.knowledge.gauge(SUCTION)
            assert gauge.trusted
            assert gauge.good > 0.5

    def check_latched(self):
        stops = self.knowledge.planner.interlocks.stops
        for name in stops:
            control = self.knowledge.executor.roster.plant[name]
            assert control.desired is None or control.safe

    def happen(self, kind, what):
        if kind in SENSORS:
            self.step(reading(what, later(1.0, self.now), of=SENSORS[kind]))
        elif kind == "hand":
            name, on, local = what
            self.truth[name] = on
            (self.local.add if local else self.local.discard)(name)
            self.step(self.told(name))
        elif kind == "says":
            self.step(self.told(what))
        elif kind == "status":
            node, online = what
            self.step(status(online, node), *(self.told(n) for n in ACTUATORS if online and n.startswith(node)))
        elif kind in {"breaker", "link", "operation"}:
            made = {"breaker": lambda: BreakerReport("station", what), "link": lambda: LinkReport(what)}
            event = made.get(kind, lambda: Operation(*what, "ada", "looked at it"))()
            self.step(events=[event])
        elif kind == "policy":
            provisions, plans = what
            self.step(policy=Policy((), tuple(plans), tuple(provisions)))
            self.site = self.knowledge.plant
        elif kind == "restart":
            self.restart(5.0)
            self.step()
        elif kind == "time":
            for _ in range(what):
                self.step()


def run(provisions, plans, script, manners):
    world = World(provisions, plans, manners)
    for kind, what in script:
        world.happen(kind, what)
    return world


READY = [("suction", 1.0), ("level", 1.0), ("time", 3)]


@settings(max_examples=250, deadline=None)
@given(_provisions, _plans, _script, _manners)
@example([ONE], [starts(VALVE_A, "open"), starts(VALVE_B, "open")], READY * 3, ["mute"])
@example([ONE], [starts(VALVE_A, "open"), starts(VALVE_B, "open")], [*READY, ("restart", None), *READY], ["late"])
def test_no_command_breaks_an_interlock(provisions, plans, script, manners):
    run(provisions, plans, [*READY, *script], manners)


@settings(max_examples=50, deadline=None)
@given(_provisions, _plans, _script, _manners)
def test_the_same_situation_decides_the_same(provisions, plans, script, manners):
    one, other = (run(provisions, plans, [*READY, *script], manners) for _ in range(2))
    assert [facts(turn) for turn in one.turns] == [facts(turn) for turn in other.turns]
