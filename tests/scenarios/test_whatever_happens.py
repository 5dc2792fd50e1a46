"""A state machine over plans, hands, interlocks, acknowledgements, time, restarts, policies, clocks and manners.

Every run tries the same few steps; `--random-steps N` asks for N others.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from support.anysite import ACTUATORS, GROUP, LEVEL, PLANS, PROVISIONS, SUCTION
from support.anything import Anything

FEW, STEPS = 1_600, 40
NODES = sorted({name.partition("/")[0] for name in ACTUATORS})
MANNERS = ("obeys", "obeys", "twice", "late", "too late", "mute", "deaf", "rejects", "lost")
actuators, nodes = st.sampled_from(ACTUATORS), st.sampled_from(NODES)
flags = st.booleans()


class Whatever(RuleBasedStateMachine):
    """Rules that may follow each other in any order; the station judges whatever comes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.station = Anything()

    @rule(value=st.sampled_from([0.1, 1.0, 1.0, 2.3, 3.2, 5.0, 5.9]))
    def the_level_is(self, value):
        self.station.values[LEVEL] = value

    @rule(value=st.sampled_from([0.1, 0.4, 1.0, 1.0]))
    def the_suction_is(self, value):
        self.station.values[SUCTION] = value

    @rule(name=st.sampled_from([LEVEL, SUCTION]), silent=flags)
    def a_sensor_falls_silent(self, name, silent):
        (self.station.silent.add if silent else self.station.silent.discard)(name)

    @rule(seconds=st.sampled_from([1, 4, 12, 12, 30, 70]))
    def time_passes(self, seconds):
        self.station.passes(seconds)

    @rule(seconds=st.sampled_from([24, 28, 60]))  # pumps start ten seconds apart
    def it_is_asked_to_run(self, seconds):
        self._is_asked(1.0, seconds)

    @rule(seconds=st.sampled_from([12, 22, 40]))
    def it_is_asked_to_rest(self, seconds):
        self._is_asked(5.0, seconds)

    def _is_asked(self, level, seconds):
        self.station.silent.discard(LEVEL)
        self.station.values |= {LEVEL: level, SUCTION: 1.0}
        self.station.passes(seconds)

    @rule(name=actuators, manner=st.sampled_from(MANNERS))
    def the_way_is(self, name, manner):
        self.station.machines[name].manner = manner

    @rule(name=actuators, on=flags, local=flags)
    def a_hand_switches(self, name, on, local):
        self.station.hand(name, on=on, local=local)

    @rule(node=nodes, online=flags)
    def a_node_goes_or_comes(self, node, online):
        self.station.link(node, online=online)

    @rule(node=nodes)
    def a_node_boots(self, node):
        self.station.power_cut(node)

    @rule(down=st.sampled_from([1, 8, 45, 90]), sure=flags)
    def the_agent_is_killed(self, down, sure):
        self.station.restart_agent(down, sure=sure)

    @rule(plans=st.sampled_from([*PLANS, ()]), provisions=st.sampled_from(PROVISIONS))
    def somebody_edits(self, plans, provisions):
        known = {each.id for each in provisions if each.kind == "group"}
        self.station.edit([plan for plan in plans if "s1" in known or plan.id != "boost"], provisions)

    @rule(word=st.sampled_from(["reset", "release"]), what=st.sampled_from([*ACTUATORS, "dry", "fill"]))
    def somebody_operates(self, word, what):
        self.station.operate(word, what)

    @rule(seconds=st.sampled_from([-3600.0, -5.0, 5.0, 3600.0]), sure=flags)
    def somebody_sets_the_clock(self, seconds, sure):
        self.station.set_clock(seconds, sure=sure)

    def teardown(self):
        self.station.settle()


def test_no_promise_is_broken_whatever_happens(pytestconfig):
    asked = pytestconfig.getoption("--random-steps")
    wanted = int(asked or FEW)
    run_state_machine_as_test(
        Whatever,
        settings=settings(
            max_examples=max(1, wanted // STEPS),
            stateful_step_count=STEPS,
            derandomize=not asked,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_station_of_the_test_does_pump():
    """What judges would judge nothing if nothing ever ran."""
    station = Anything()
    station.values[LEVEL] = 1.0
    station.passes(60)
    assert {name for name, machine in station.machines.items() if machine.on} >= {"n3/pu", "zone/a"}
    assert sum(station.machines[name].on for name in GROUP) == 1
    station.settle()
