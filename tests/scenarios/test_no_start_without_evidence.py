"""Over whole turns, whatever happens: no start, and no renewal of one, without a good reading lately."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.plants import Bench, ack, plant, published, state, status

from edge_agent.model.plant import EVIDENCE_SECONDS

_events = st.lists(
    st.one_of(
        st.tuples(st.just("level"), st.sampled_from([1.0, 3.0, 5.5])),
        st.tuples(st.just("online"), st.booleans()),
        st.tuples(st.just("state"), st.sampled_from(["running", "stopped"])),
        st.tuples(st.just("obey"), st.none()),
        st.tuples(st.just("reject"), st.none()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("time"), st.sampled_from([5, 40, 310, 460])),
    ),
    max_size=25,
)


class World:
    """A bench, and when its level was heard and its station came back, in this run."""

    def __init__(self):
        self.bench = Bench(plant())
        self.heard, self.after, self.online = None, self.bench.now.seconds, None

    def happen(self, event, detail):
        bench = self.bench
        if event == "level":
            self.heard = bench.now.seconds + 0.5
            self.check(bench.level(detail, after=0.5))
        elif event == "online":
            if detail and self.online is False:
                self.after = bench.now.seconds + 0.5
            self.online = detail
            self.check(bench.turn(status(detail), after=0.5))
        elif event == "state":
            self.check(bench.turn(state(detail), after=0.5))
        elif event == "restart":
            bench.restart(after=5)
            self.heard, self.after, self.online = None, bench.now.seconds, None
        elif event == "time":
            for _ in range(detail):
                self.check(bench.turn(after=1))
        elif bench.commands:
            self._answer(bench.commands[-1], obeys=event == "obey")

    def _answer(self, command, *, obeys):
        word = "running" if command.action == "start" else "stopped"
        told = (ack(command, "done"), state(word)) if obeys else (ack(command, "rejected"),)
        if self.online is False:  # whoever answers is there
            self.online, self.after = True, self.bench.now.seconds + 0.5
        self.check(self.bench.turn(*told, after=0.5, deliveries=[published(command)]))

    def check(self, turn):
        if any(command.action != "stop" for command in turn.commands):
            assert self.heard is not None
            assert self.heard >= self.after
            assert turn.now.seconds - self.heard <= EVIDENCE_SECONDS + 1


@settings(max_examples=150)
@given(_events)
def test_no_start_without_evidence(events):
    world = World()
    for event, detail in events:
        world.happen(event, detail)
