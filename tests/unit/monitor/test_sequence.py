"""Numbers numbers: gaps, restarts, what comes late, what comes twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.monitor.sequence import MOST_UNSETTLED, SETTLE_SECONDS, Numbers

SETTLED = 1e9


def take(sequence, seq, at, seconds):
    """Take a message as the monitor does: the short way where it leads on. Returns how many are found missing."""
    if at is not None and sequence.follow(seq, at, seconds):
        return 0
    return sequence.update(seq, at, seconds)


def missing(*messages, sequence=None, apart=0.1):
    """How many never came of (seq, at), received so many seconds apart."""
    sequence = Numbers() if sequence is None else sequence
    found = sum(take(sequence, seq, at, place * apart) for place, (seq, at) in enumerate(messages))
    return found + sequence.settle(SETTLED)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([(4711, 0)], 0),
        ([(1, 10), (2, 20), (5, 50), (6, 60)], 2),
        ([(4711, 10), (0, 20), (1, 30), (3, 50)], 1),
        ([(1, 10), (4, 40), (2, 20), (5, 50)], 1),
        ([(1, 10), (3, 30), (2, 20), (2, 20)], 0),
        ([(2, 20), (1, 10), (4, 40), (3, 30)], 0),
        ([(7, 10), (7, 10), (7, 20)], 0),
        ([(8, 80), (9, 90), (0, 100), (11, 110), (10, 95)], 10),
    ],
    ids=["first", "hole", "restart", "one late", "late and twice", "swapped", "again", "late over a restart"],
)
def test_what_never_came_is_counted(messages, expected):
    assert missing(*messages) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([1, 2, 5], 2), ([1, 3, 2, 4], 0), ([9, 0, 1], 0), ([1, 1, 2], 0), ([4, 6, 0, 1], 1)],
    ids=["hole", "swapped", "restart", "twice", "hole and restart"],
)
def test_numbers_without_times_are_placed_by_themselves(numbers, expected):
    assert missing(*((seq, None) for seq in numbers)) == expected


def test_a_message_is_missing_only_after_others_had_time_to_overtake_it():
    sequence = Numbers()
    assert sequence.update(1, 10, 0.0) + sequence.update(3, 30, 1.0) == 0
    assert sequence.settle(1.0 + SETTLE_SECONDS / 2) == 0
    assert not sequence.is_regular
    assert sequence.settle(1.0 + SETTLE_SECONDS) == 1
    assert sequence.is_regular
    assert sequence.update(2, 20, 9.0) + sequence.settle(SETTLED) == 0


def test_only_so_many_wait():
    sequence = Numbers()
    found = [sequence.update(2 * seq, seq, 0.0) for seq in range(2 * MOST_UNSETTLED)]
    assert sequence.waiting == MOST_UNSETTLED
    assert sum(found) == MOST_UNSETTLED - 1


def test_a_clock_that_was_set_back_stops_no_counting():
    sequence = Numbers()
    sequence.update(1, 3600, 0.0)
    assert sequence.update(3, 3601, 0.1) + sequence.move(10) == 1
    assert missing((5, 20), sequence=sequence) == 1


def test_what_a_former_run_waited_for_may_still_come():
    sequence = Numbers()
    sequence.update(1, 10, 0.0)
    sequence.update(3, 30, 0.1)
    after = Numbers()
    after.recall(sequence.memory())
    assert after.settle(SETTLED) == 0  # nothing was heard yet: the broker may hold it
    assert after.update(2, 20, 1000.0) + after.settle(SETTLED) == 0
    assert after.is_regular


def test_an_unreadable_message_fills_its_place_and_restarts_nothing():
    sequence = Numbers()
    for seq, at in ((1, 10), (4, 40)):
        sequence.update(seq, at, 0.0)
    for seq in (3, 0, 5):
        sequence.update(seq, None, 0.0, may_restart=False)
    assert missing((6, 60), sequence=sequence) == 1


class Wire:
    """Messages of some lives of a node, of which some never come, some come twice, and some are overtaken.

    The first of each life comes: nobody could tell that it was not the end of the life before that was lost.
    """

    def __init__(self, lives, fates, shuffle):
        at, self.arrivals, self.expected = 0, [], 0
        for length in lives:
            came = []
            for seq in range(length):
                at += 1
                lost, twice = next(fates, (False, False))
                if not lost or not seq:
                    came.append((seq, at))
                    self.arrivals += [(seq, at)] * (1 + twice)
            if came:
                self.expected += came[-1][0] - came[0][0] + 1 - len(came)
        # Two that change places both move; together by less than the window: what one overtakes stands close by.
        keys = [place + next(shuffle, 0) for place in range(len(self.arrivals))]
        self.arrivals = [self.arrivals[place] for place in sorted(range(len(keys)), key=keys.__getitem__)]


_fates = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40)
_lives = st.lists(st.integers(1, 12), min_size=1, max_size=5)


def test_of_a_regular_sequence_only_the_last_is_kept():
    sequence = Numbers()
    assert take(sequence, 1, 10, 0.0) + sequence.settle(SETTLED) == 0
    for seq in range(2, 50):
        assert sequence.follow(seq, seq * 10, 0.0)
        assert sequence.memory() == ((seq * 10, seq),)
    assert missing((51, 510), (50, 500), (53, 530), sequence=sequence) == 1


@settings(max_examples=500)
@given(_lives, _fates, st.lists(st.integers(0, 7), max_size=60), st.sampled_from([0.0, 0.1, 0.13]))
def test_any_order_of_losses_repetitions_and_restarts_counts_exactly_what_never_came(lives, fates, shuffle, apart):
    wire = Wire(lives, iter(fates), iter(shuffle))
    assert missing(*wire.arrivals, apart=apart) == wire.expected


@settings(max_examples=500)
@given(_lives, _fates, st.lists(st.integers(0, 15), max_size=60), st.lists(st.integers(0, 80), max_size=4), st.data())
def test_a_kill_changes_nothing_about_it(lives, fates, shuffle, kills, data):
    """What was committed is remembered and counted; the rest is forgotten, comes again, and is counted then."""
    wire = Wire(lives, iter(fates), iter(shuffle))
    arrivals = wire.arrivals
    sequence, memory, counted, uncounted, committed = Numbers(), (), 0, 0, 0
    place = 0
    while place < len(arrivals):
        if place in kills:
            kills.remove(place)
            sequence, place, uncounted = Numbers(), committed, 0
            sequence.recall(memory)
            continue
        uncounted += take(sequence, *arrivals[place], 0.0)
        place += 1
        if data.draw(st.booleans()):
            memory, counted, uncounted, committed = sequence.memory(), counted + uncounted, 0, place
    assert counted + uncounted + sequence.settle(SETTLED) == wire.expected


def test_however_many_come_in_their_order_few_are_remembered():
    sequence = Numbers()
    for seq in range(10_000):
        assert take(sequence, seq, seq, seq / 1000) == 0
        assert len(sequence.memory()) <= MOST_UNSETTLED + 2
    assert take(sequence, 10_000, 10_000, 10.0 + SETTLE_SECONDS) == 0
    assert len(sequence.memory()) == 1


def test_few_that_come_slowly_are_settled_one_by_one():
    sequence = Numbers()
    for seq in range(5):
        take(sequence, seq, seq, seq * SETTLE_SECONDS)
    assert sequence.memory() == ((4, 4),)
