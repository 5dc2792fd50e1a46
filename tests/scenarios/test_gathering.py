"""Gathering changes no decision, only when it is taken: messages each at once, and as a resting socket cuts them.

It holds where no sensor speaks twice within one gathering. A level that passes its limit and returns within one raises
and clears its alarm all the same, but a turn plans by what stands at its end, so that no pump is asked for in between.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.plants import FILL, HIGH, LOW, START, STOP, Bench, later, plant, pump, reading, sensor, status, threshold

from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike

GATHER_MS = 20
#: Reads follow each other as under load when they are no further apart.
LOAD_MS = GATHER_MS * 5 // 4
SITE = plant(
    [
        sensor(gross_range=GrossRange((0.0, 6.0), (0.2, 5.8)), rate_of_change=RateOfChange(1e3, 2e3)),
        sensor("tank2/level", spike=Spike(0.5, 2.0)),
    ],
    [pump(min_on_seconds=0, min_off_seconds=0, max_starts_per_hour=0)],  # where time matters, moments decide
    [LOW, HIGH, threshold("low", 1.5, of="tank2/level")],
    [FILL, STOP],
)
_arrival = st.tuples(
    st.sampled_from(["tank1/level", "tank2/level", "tank1", "station"]), st.integers(-5, 70), st.integers(0, 60)
)


def arriving(happenings):
    """Give each message its moment in milliseconds; none of one sender within two gatherings of its last one."""
    now, last, found = 0, {}, []
    for number, (sender, value, gap) in enumerate(happenings):
        now = max(now + gap, last.get(sender, -1000) + 2 * LOAD_MS)
        last[sender] = now
        moment = later(now / 1e3, START)
        telemetry = "/" in sender
        found.append((now, reading(value / 10, moment, number, sender) if telemetry else status(value > 0, sender)))
    return found


def gathered(arrivals):
    """Cut messages into reads as a socket does that rests under load: each with the moment of its turn."""
    left, last, reads = list(arrivals), -1000, []
    while left:
        at = left[0][0]
        while left:
            taken = [message for moment, message in left if moment <= at]
            if not taken:
                break
            left = left[len(taken) :]
            reads.append((at, taken))
            rests, last = at - last < LOAD_MS, at
            if not rests:
                break
            at += GATHER_MS
    return reads


def run(reads):
    bench = Bench(SITE, start=later(-1.0, START))
    bench.restart(now=later(-1.0, START))  # on the scale of what follows: no sensor is silent for an hour in between
    bench.turn(*(reading(3.0, bench.now, of=f"{node}/level") for node in ("tank1", "tank2")))  # or one is stale
    for at, messages in reads:
        bench.now = later(at / 1e3, START)
        bench.turn(*messages)
    return bench


def judged(bench):
    return [reading._replace(received_at=0) for reading in bench.memory.readings]


def by_alarm(bench):
    """Return what each alarm did, in its order; among alarms of one turn there is none."""
    return sorted(bench.raised(), key=lambda event: event.rpartition(" ")[0])


def asked(bench):
    return [(command.target, command.action, command.plan, command.counter) for command in bench.commands]


@settings(max_examples=200)
@given(st.lists(_arrival, max_size=40))
def test_gathering_changes_no_decision_and_delays_it_by_no_more_than_its_time(happenings):
    arrivals = arriving(happenings)
    at_once, together = run([(at, [message]) for at, message in arrivals]), run(gathered(arrivals))
    assert judged(together) == judged(at_once)
    assert by_alarm(together) == by_alarm(at_once)
    assert together.verdicts() == at_once.verdicts()
    assert asked(together) == asked(at_once)
    for late, early in zip(together.commands, at_once.commands, strict=True):
        assert 0 <= late.issued_at - early.issued_at <= GATHER_MS * MICROSECONDS // 1000


def test_what_follows_soon_is_gathered_and_what_comes_alone_is_not():
    moments = [0, 100, 110, 115, 125, 200, 300]
    reads = gathered([(at, at) for at in moments])
    assert reads == [(0, [0]), (100, [100]), (110, [110]), (130, [115, 125]), (200, [200]), (300, [300])]
