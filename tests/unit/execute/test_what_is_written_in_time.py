"""Whatever a restart must know of an actuator is written with the turn that changes it."""

from __future__ import annotations

from dataclasses import astuple, replace

from hypothesis import example, given
from hypothesis import strategies as st
from support.plants import START, later, plant, pump

from edge_agent.execute import recall
from edge_agent.execute.execution import Executor
from edge_agent.execute.facts import Facts, Sighted
from edge_agent.model.commands import Request
from edge_agent.model.inbox import DispatchReport, Operation
from edge_agent.model.remembered import Remembered
from edge_agent.monitor.observed import AckReport, StateReport

PUMP = "station/pump1"
WORDS = ("accepted", "done", "rejected", "failed")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("request"), st.sampled_from(["start", "stop"]), st.booleans()),
        st.tuples(st.just("ack"), st.sampled_from(WORDS), st.booleans()),
        st.tuples(st.just("dispatch"), st.sampled_from(["published", "failed"]), st.booleans()),
        st.tuples(st.just("state"), st.sampled_from(["running", "stopped"]), st.booleans()),
        st.tuples(st.just("operate"), st.sampled_from(["release", "reset"]), st.booleans()),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 6.0, 40.0, 1000.0]), st.booleans()),
    ),
    max_size=25,
)


class Store:
    """What was written last of a pump, beside what its agent knows."""

    def __init__(self):
        site = plant(actuators=[pump(PUMP, min_on_seconds=5.0, min_off_seconds=30.0, lock_out_after=2)])
        self.executor = Executor(site, "gateway-1", "auto", Remembered(epoch=7), START)
        self.now, self.kept, self.command = START, None, None

    def act(self, **facts):
        executed = self.executor.act(Facts(**facts), self.now)
        self.command = (executed.commands or [self.command])[-1]
        self.kept = ([memory for memory in executed.memories if memory.actuator == PUMP] or [self.kept])[-1]

    def take(self, step, word, flag):
        if step == "wait":
            self.now = later(word, self.now)
            self.act()
        elif step == "request":
            self.act(requests=[Request(PUMP, word, None, "fill", 50, "because", trip=flag and word == "stop")])
        elif step == "state":
            self.act(states=[StateReport(PUMP, word, None, flag)])
        elif step == "operate":
            self.executor.observe(Sighted(operations=[Operation(word, PUMP, "ada", "because")]), self.now)
            self.act()
        elif self.command is not None and step == "ack":
            self.act(acknowledgements=[AckReport(self.command.id, word, "", PUMP, None)])
        elif self.command is not None:
            self.act(dispatches=[DispatchReport(self.command.id, word, "")])

    def is_true(self):
        """Whether what was written is what the next start must know; starts of long ago may be among it."""
        now = recall.memory(self.executor.roster.plant[PUMP], self.now)
        if self.kept is None:
            return (now.desired, now.running, now.hand, now.failures) == (None, None, None, 0)
        assert set(now.starts) <= set(self.kept.starts)
        same = {"starts": [], "run_seconds": 0.0}  # how long it has run grows by itself
        return astuple(replace(now, **same)) == astuple(replace(self.kept, **same))


STARTED = [
    ("request", "start", False),
    ("dispatch", "published", False),
    ("ack", "done", False),
    ("state", "running", False),
]
TAKEN = [*STARTED, ("wait", 40.0, False), ("state", "stopped", False)]
FAILS = [("request", "start", False), *4 * [("dispatch", "failed", False), ("wait", 40.0, False)]]


@given(steps)
@example([("state", "running", True), ("state", "running", False)])
@example([("state", "running", False), ("state", "running", True), ("state", "running", True)])
@example([*TAKEN, ("state", "running", False)])
@example([*TAKEN, ("operate", "release", False), ("operate", "release", False)])
@example([*TAKEN, ("request", "stop", True)])
@example(
    [("request", "start", False), ("ack", "done", False), ("state", "running", False), ("state", "stopped", False)]
)
@example([*FAILS, ("operate", "reset", False)])
@example([*FAILS[:3], ("ack", "done", False), ("state", "running", False)])
def test_what_was_written_last_is_what_is_so(taken):
    store = Store()
    for step in taken:
        store.take(*step)
        assert store.is_true(), step
