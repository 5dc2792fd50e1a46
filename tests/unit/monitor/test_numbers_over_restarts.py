"""Nothing is missing of a node whose every message came, whatever is forged between and wherever the agent ends."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st
from support.plants import Memory, later, plant, reading, sensor

from edge_agent.model.time import MICROSECONDS
from edge_agent.model.turn import Turn
from edge_agent.monitor.monitoring import Monitor

APART = 0.05
HOUR = 3600
SITE = plant([sensor("tank1/level", interval_seconds=1)])
#: Farther ahead than an agent is away here: what has come to pass is not told from what is true.
FORGED = {"ahead": 55.0, "of 2099": 2e9}


class Part(NamedTuple):
    """What one turn takes, and whether the agent ends with it; then before the write, or before the broker is told."""

    count: int
    ends: str = ""
    down_seconds: float = 0.0
    again: int = 0  # so many messages before it come again with it


class Rig:
    """A monitor and a store, by the contract of `Remembered`; `missing` as it would be counted."""

    def __init__(self):
        self.memory, self.at, self.missing = Memory(), 0.0, 0
        self.start()

    def start(self):
        remembered = self.memory.remembered()
        remembered.readings = [
            stored for stored in self.memory.readings if stored.observed_at <= stored.received_at + 60 * MICROSECONDS
        ][-3:]
        self.monitor = Monitor(SITE, remembered, later(self.at), 60.0)

    def take(self, messages, *, write=True):
        observed = self.monitor.observe(messages, later(self.at))
        if write:
            self.missing += observed.gaps
            turn = Turn(later(self.at), readings=observed.readings, settled=observed.settled)
            turn.sequences = observed.sequences
            self.memory.write(turn)


def stream(kinds):
    """(second, message): one true message for each kind, and what the kind adds or does to it."""
    said, value = [], 3.0
    for seq, kind in enumerate(kinds, 1):
        at = seq * APART
        value += 1e-6
        said.append((at, reading(value, later(at - HOUR if kind == "slipped" else at), seq)))
        if kind in FORGED:
            said.append((at, reading(9.0, later(at + FORGED[kind]), seq + 1)))
    return said


def missing(kinds, parts):
    said, rig, first = stream(kinds), Rig(), 0
    for part in [*parts, Part(len(said))]:
        piece = [message for _, message in said[first : first + part.count]]
        if not piece:
            break
        rig.at = max(rig.at, said[first + len(piece) - 1][0])
        rig.take(piece, write=part.ends != "before the write")
        if part.ends:
            rig.at += part.down_seconds
            rig.start()
            again = said[max(0, first - part.again) : first + len(piece)]
            rig.take([message._replace(redelivered=True) for _, message in again])
        first += len(piece)
    for _ in range(5):
        rig.at += 1.0
        rig.take([])
    return rig.missing


ENDS = ["", "", "before the write", "before the broker is told"]
parts = st.lists(
    st.builds(
        Part,
        st.integers(1, 4),
        st.sampled_from(ENDS),
        st.sampled_from([0.2, 1.0, 3.0, 4.0]),
        st.integers(0, 5),
    ),
    max_size=10,
)


@given(st.lists(st.sampled_from(["", "", *FORGED]), min_size=5, max_size=30), parts)
@example(
    ["ahead"] + [""] * 9 + ["ahead"] + [""] * 9 + ["ahead"] + [""] * 9, [Part(25, "before the broker is told", 4.0)]
)
def test_numbers_that_are_forged_from_ahead_are_no_gap(kinds, parts):
    assert missing(kinds, parts) == 0


@given(st.lists(st.sampled_from(["", "slipped"]), min_size=5, max_size=30), parts)
@example(["", "slipped"] * 15, [Part(10), Part(4, "before the write", 4.0, again=5)])
def test_a_clock_that_slips_makes_no_gap_wherever_the_agent_ends(kinds, parts):
    assert missing(kinds, parts) == 0


def test_what_is_really_missing_is_counted_between_forged_numbers_and_restarts():
    rig = Rig()
    for at, message in stream([*["ahead", ""] * 10]):
        rig.at = at
        rig.take([message])
    rig.start()
    rig.take([reading(3.5, later(1.2), 24)])  # 21, 22 and 23 never came
    for _ in range(5):
        rig.at += 1.0
        rig.take([])
    assert rig.missing == 3
