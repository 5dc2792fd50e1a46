"""A loop that rests until something is due decides what one decides that turns at every tick, at the same time.

The core tells when time alone changes something. Here one run is given a turn at each tick, its twin only those in
which something comes in, or that time has come. Whatever happens, both decide the same at the same tick.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.interlockworks import interlock
from support.plants import (
    HIGH,
    LOW,
    START,
    Bench,
    ack,
    facts,
    failed,
    later,
    plan,
    plant,
    published,
    pump,
    reading,
    sensor,
    state,
    status,
    threshold,
)
from support.stations import group, runs, sequence

from edge_agent.model.desired import Expectation
from edge_agent.model.inbox import BreakerReport, LinkReport, Operation
from edge_agent.model.plant import Fallback, Policy
from edge_agent.model.sources import Derivation
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.plan.effect import EFFECT_SECONDS

TICK = 0.05
PUMP1, PUMP2, VALVE = "station/pump1", "station/pump2", "well/valve"
LEVEL, BACKUP, FLOW, BOTH = "tank1/level", "tank1/backup", "well/flow", "site/both"
EXCLUSIVE = interlock("one", exclusive=[f"{PUMP1} is running", f"{VALVE} is closed"])
RANGE = GrossRange((0.0, 6.0), (0.2, 5.8))


def equipment(quick):
    """Two pumps and a valve, with times so short that much of them passes within a minute."""
    more = {"lease_seconds": 7.3, "ack_timeout_seconds": 1.1, "command_ttl_seconds": 2.3, "unexpected_retries": 1}
    rests = {"min_on_seconds": 2.7, "min_off_seconds": 1.9, "max_starts_per_hour": 3}
    return [
        pump(PUMP1, **more, **({} if quick else rests)),
        pump(PUMP2, **more, power_return_seconds=(0.0, 0.0) if quick else (1.0, 4.0), hand="insist"),
        pump(VALVE, kind="valve", fail_safe="open", **more, ramp_seconds=0.0 if quick else 2.3),
    ]


def sensors():
    return [
        sensor(LEVEL, interval_seconds=1.3, gross_range=RANGE),
        sensor(BACKUP, interval_seconds=0.9, gross_range=RANGE),
        sensor(FLOW, "flow", "m3/h", interval_seconds=2.1),
        sensor(BOTH, interval_seconds=1.3, derived=Derivation(f"{LEVEL} + {BACKUP}")),
        sensor("site/mean", interval_seconds=1.3, derived=Derivation(BOTH, 4.7, "mean")),
    ]


_limits = st.builds(
    lambda low, high, delay, off: [
        threshold("low", low, deadband=0.2, on_delay_seconds=delay, off_delay_seconds=off),
        threshold("high", high, deadband=0.2, on_delay_seconds=off, off_delay_seconds=delay),
        threshold("high", 8.0, FLOW, on_delay_seconds=delay),
        threshold("low", 1.0, BACKUP, on_delay_seconds=off),
        threshold("high", 6.0, BOTH, on_delay_seconds=off),
        threshold("high", 3.5, "site/mean", on_delay_seconds=delay),
    ],
    st.sampled_from([1.5, 2.0]),
    st.sampled_from([4.0, 5.0]),
    st.sampled_from([0.0, 0.7, 3.1]),
    st.sampled_from([0.0, 1.4]),
)
#: Timed running begins and ends between ticks: which of two lies on one, rounding decides.
_fallbacks = st.sampled_from(
    [
        (),
        (Fallback(use=BACKUP),),
        (Fallback(run_seconds=1.713, every_seconds=4.137, at_most_seconds=11.013),),
        (Fallback(use=BACKUP), Fallback(run_seconds=2.017, every_seconds=3.061), Fallback(do="fail_safe")),
    ]
)
_plans = st.builds(
    lambda backs, cool, evidence, trip, one: [
        plan(
            "fill",
            f"{LEVEL}:low",
            (PUMP1, "start"),
            *((PUMP2, "start"),) * (not one),
            cooldown_seconds=cool,
            evidence_seconds=evidence,
            without_evidence=backs,
        ),
        plan("stop", f"{LEVEL}:high", (PUMP1, "stop"), (PUMP2, "stop"), trip=trip, latch=trip),
        plan("shut", f"{FLOW}:high", (VALVE, "close"), unless=(f"{LEVEL}:low",), evidence_seconds=evidence),
        plan("open", f"{LEVEL}:stale", (VALVE, "open")),
        plan("throttle", f"{BOTH}:high", (VALVE, "set", 0.3), unless=("site/mean:high",), evidence_seconds=evidence),
    ],
    _fallbacks,
    st.sampled_from([0.0, 5.3]),
    st.sampled_from([0.0, 6.0]),
    st.booleans(),
    st.booleans(),
)
_interlocks = st.builds(
    lambda trip, reset, permit, which: (
        tuple(one for one, kept in zip((trip, permit, EXCLUSIVE), which, strict=True) if kept)
        if reset is None
        else (interlock("dry", trip=f"{FLOW} > 8", stop=[PUMP1], reset=reset, evidence_seconds=3.7),)
    ),
    st.sampled_from(
        [
            interlock("dry", trip=f"{FLOW} > 8 for 1.3 s", stop=[PUMP1, PUMP2], evidence_seconds=3.7),
            interlock("dry", trip=f"{LEVEL}:high or {FLOW}:stale", stop=[PUMP2]),
        ]
    ),
    st.sampled_from([None, {"after_seconds": 2.1, "at_most": 2}]),
    st.sampled_from([interlock("ready", permit=[PUMP2], when=f"{LEVEL} > 1.2 for 0.7 s")]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)


def guarded(site, interlocks, expects):
    """A plant with interlocks, and something expected of its first pump."""
    site = replace(site, policy=replace(site.policy, provisions=interlocks))
    if not expects:
        return site
    station = site.nodes["station"]
    first = replace(station.actuators["pump1"], expect=Expectation(f"{FLOW} > 5", 3.1))
    changed = replace(station, actuators={**station.actuators, "pump1": first})
    return replace(site, nodes={**site.nodes, "station": changed})


_plants = st.builds(
    lambda quick, limits, plans, interlocks, expects: guarded(
        plant(sensors(), equipment(quick), limits, plans), interlocks, expects
    ),
    st.booleans(),
    _limits,
    _plans,
    _interlocks,
    st.booleans(),
)
_level = st.sampled_from([1.0, 1.4, 1.6, 3.0, 5.3, 5.9, 7.0])
_happening = st.one_of(
    st.tuples(st.just("level"), _level),
    st.tuples(st.just("level"), _level),
    st.tuples(st.just("backup"), _level),
    st.tuples(st.just("flow"), st.sampled_from([2.0, 9.0])),
    st.tuples(st.just("gap"), st.sampled_from([2, 3])),
    st.tuples(st.just("status"), st.tuples(st.booleans(), st.sampled_from(["station", "well"]))),
    st.tuples(st.just("hand"), st.tuples(st.sampled_from(["running", "stopped"]), st.booleans())),
    st.tuples(st.just("link"), st.booleans()),
    st.tuples(st.just("breaker"), st.sampled_from(["open", "half_open", "closed"])),
    st.tuples(st.just("operation"), st.sampled_from([("reset", PUMP1), ("reset", "dry"), ("release", PUMP1)])),
    st.tuples(st.just("policy"), st.tuples(_limits, _plans, _interlocks)),
    st.tuples(st.just("plant"), _plants),
    st.tuples(st.just("restart"), st.integers(0, 40)),
)
#: How many ticks pass until the next one.
_script = st.lists(st.tuples(st.sampled_from([0, 1, 7, 20, 33, 90, 200]), _happening), max_size=25)
_manners = st.lists(
    st.tuples(st.sampled_from(["obeys", "obeys", "accepts", "rejects", "fails", "lost", "silent"]), st.integers(1, 30)),
    min_size=1,
    max_size=5,
)


SENSORS = {"level": LEVEL, "backup": BACKUP, "flow": FLOW}
MESSAGES = {
    "status": lambda what: status(*what),
    "hand": lambda what: state(what[0], control="local" if what[1] else "auto"),
}
EVENTS = {
    "link": LinkReport,
    "breaker": lambda what: BreakerReport("station", what),
    "operation": lambda what: Operation(*what, "ada", "because"),
}


class Site(Bench):
    """A plant whose nodes answer by a list of manners; a run of it turns at each tick, or where something is due."""

    def __init__(self, site, script, manners):
        super().__init__(site)
        self.manners, self.waiting, self.seq = cycle(manners), {}, 0
        tick = 0
        for gap, happening in script:
            tick += gap
            self.waiting.setdefault(tick, []).append(happening)
        self.last = tick + 400

    def run(self, *, rests):
        away = 0
        for tick in range(self.last):
            self.now = later(tick * TICK)
            for kind, what in self.waiting.get(tick, []):
                if kind == "restart":
                    away = max(away, tick + what)
                    self.knowledge = None
            if tick < away:
                self.waiting.pop(tick, None)
                continue
            if self.knowledge is None:
                self.restart(now=self.now)
            messages, events, more = self._come(self.waiting.pop(tick, []))
            if rests and not (messages or events or more) and self.now.seconds < self.knowledge.next_seconds():
                continue
            turn = self.turn(*messages, events=events, **more)
            for command in turn.commands:
                self._answer(command, tick)
        return [facts(turn) for turn in self.turns if says(turn)]

    def _come(self, those):
        messages, events, more = [], [], {}
        for kind, what in those:
            if kind in {"level", "backup", "flow"}:
                self.seq += 1
                messages.append(reading(what, self.now, self.seq, SENSORS[kind]))
            elif kind == "gap":
                self.seq += what
            elif kind in {"message", "event"}:
                (messages if kind == "message" else events).append(what)
            elif kind in MESSAGES:
                messages.append(MESSAGES[kind](what))
            elif kind in EVENTS:
                events.append(EVENTS[kind](what))
            elif kind != "restart":
                more[kind] = Policy(*map(tuple, what)) if kind == "policy" else what
        self.site = more.get("plant", self.site)
        return messages, events, more

    def _answer(self, command, tick):
        manner, ticks = next(self.manners)
        of, at = f"{command.node}/{command.actuator}", tick + ticks
        self._later(tick + 1, ("event", failed(command) if manner == "lost" else published(command)))
        if manner in {"obeys", "accepts"}:
            self._later(at, ("message", ack(command, "accepted")))
        if manner == "obeys":
            word = {"start": "running", "stop": "stopped", "open": "open", "close": "closed"}[command.action]
            self._later(at, ("message", ack(command, "done")))
            self._later(at + 3, ("message", state(word, of=of)))
        if manner in {"rejects", "fails"}:
            self._later(at, ("message", ack(command, f"{manner.removesuffix('s')}ed", "it cannot")))

    def _later(self, tick, happening):
        self.waiting.setdefault(tick, []).append(happening)


def says(turn):
    """Whether a turn has decided anything, or anything came in."""
    lists = (value for value in facts(turn).values() if isinstance(value, list))
    return any(lists) or turn.epoch is not None or any(facts(turn)["counts"].values())


DRY = plant(sensors(), equipment(quick=False), [LOW, HIGH], [plan("fill", f"{LEVEL}:low", (PUMP1, "start"))])


@settings(max_examples=150, deadline=None)
@given(_plants, _script, _manners)
@example(DRY, [(5, ("level", 1.0))], [("obeys", 3)])
@example(DRY, [(5, ("level", 1.0)), (3, ("status", (False, "station"))), (90, ("restart", 20))], [("silent", 1)])
def test_a_loop_that_rests_decides_the_same_at_the_same_tick(site, script, manners):
    at_each_tick, resting = Site(site, script, manners), Site(site, script, manners)
    assert resting.run(rests=True) == at_each_tick.run(rests=False)
    assert len(resting.turns) < len(at_each_tick.turns)


BOOST = sequence(
    "boost",
    [
        {"actuator": VALVE, "action": "close", "until": f"{VALVE} is closed", "within_seconds": 3.1},
        {"actuator": PUMP2, "action": "start"},
    ],
    [
        {"actuator": PUMP2, "action": "stop", "until": f"{PUMP2} is stopped", "within_seconds": 2.7},
        {"actuator": VALVE, "action": "open"},
    ],
)


def teamed(quick, limits, keys, backs, *, boosts):
    """A plant whose pumps are a group, the second of them in a sequence with the valve perhaps."""
    members = [PUMP1, "sequence boost"] if boosts else [PUMP1, PUMP2]
    plans = [
        runs("fill", f"{LEVEL} < 2", 1, of="both", without_evidence=backs, evidence_seconds=6.0),
        runs("hurry", f"{LEVEL} < 1.3 for 0.9 s", 2, of="both", priority=60),
        runs("stop", f"{LEVEL} > 5", 0, of="both", priority=70),
        plan("shut", f"{FLOW}:high", (PUMP1, "stop"), priority=80, trip=True),
    ]
    site = plant(sensors(), equipment(quick), limits, plans)
    provisions = (group("both", members, **keys), *((BOOST,) if boosts else ()))
    return replace(site, policy=replace(site.policy, provisions=provisions))


_teamed = st.builds(
    lambda quick, limits, lead, most, stagger, backs, boosts: teamed(
        quick, limits, {"lead": lead, "stagger_seconds": stagger} | most, backs, boosts=boosts
    ),
    st.booleans(),
    _limits,
    st.sampled_from(["fixed", "fewest_hours", "fewest_starts", "alternate"]),
    st.sampled_from([{}, {"at_most": 1}, {"at_most": 2}]),
    st.sampled_from([0.0, 3.3]),
    _fallbacks,
    st.booleans(),
)
_team_script = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 7, 20, 33, 90, 200]),
        st.one_of(
            _happening.filter(lambda one: one[0] not in {"policy", "plant"}), st.tuples(st.just("plant"), _teamed)
        ),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(_teamed, _team_script, _manners)
def test_so_it_does_with_groups_and_sequences(site, script, manners):
    at_each_tick, resting = Site(site, script, manners), Site(site, script, manners)
    assert resting.run(rests=True) == at_each_tick.run(rests=False)


def test_at_rest_a_station_has_few_turns():
    site = Site(DRY, [(5, ("level", 3.0)), (20 * 600, ("flow", 2.0))], [("obeys", 1)])
    site.run(rests=True)
    assert len(site.turns) < 620


@pytest.mark.parametrize("moves", [False, True])
def test_that_what_runs_has_no_effect_is_found_in_time(moves):
    def run(step):
        bench = Bench()
        bench.level(1.0)
        command = bench.commands[0]
        bench.turn(ack(command, "done"), state("running"), after=1)
        seconds = 0.0
        while seconds < 1.2 * EFFECT_SECONDS:
            seconds += step
            due = bench.knowledge.next_seconds()
            bench.now = later(step, bench.now)
            if step == 1.0 or seconds % 10 == 0 or due <= bench.now.seconds:
                level = 1.0 + (moves and seconds > 900) * 0.1
                bench.turn(*[reading(level, bench.now)] * (seconds % 10 == 0))
        return [
            (event.at - START.at, str(event.key), event.event)
            for turn in bench.turns
            for event in turn.alarm_events
            if "no_effect" in str(event.key)
        ]

    assert run(1.0) == run(0.5)
    assert bool(run(1.0)) is not moves
