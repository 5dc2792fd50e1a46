"""Who is due is found when due, whatever was put and put off before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.agenda import NEVER, Agenda


class Item:
    def __init__(self, due_seconds):
        self.due_seconds = due_seconds


def test_the_earliest_is_taken_first_and_only_once():
    late, early, never = Item(5.0), Item(2.0), Item(NEVER)
    agenda = Agenda([late, early, never])
    assert agenda.next_seconds() == 2.0
    assert agenda.take(1.9) == []
    assert agenda.take(5.0) == [early, late]
    assert agenda.take(99.0) == []
    assert agenda.next_seconds() == NEVER


def test_those_that_are_due_at_once_come_in_the_order_in_which_they_were_put():
    agenda, items = Agenda(), [Item(3.0) for _ in range(5)]
    for item in items:
        agenda.put(item)
    assert agenda.take(3.0, most=2) == items[:2]
    assert agenda.take(3.0) == items[2:]


def test_putting_off_needs_no_word_and_putting_earlier_one():
    item = Item(3.0)
    agenda = Agenda([item])
    item.due_seconds = 8.0
    assert agenda.take(5.0) == []
    item.due_seconds = 6.0
    agenda.put(item)
    assert agenda.take(6.0) == [item]
    assert agenda.take(99.0) == []


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, NEVER]), st.booleans())))
def test_whatever_was_put_nobody_is_missed_and_nobody_is_early(changes):
    items = [Item(NEVER) for _ in range(5)]
    agenda, wanted, now = Agenda(), {}, 0.0
    for place, due, passes in changes:
        item = items[place]
        item.due_seconds = due + now if due < NEVER else NEVER
        agenda.put(item)
        wanted[item] = item.due_seconds
        if passes:
            now += 1.5
            due_now = {each for each, at in wanted.items() if at <= now}
            taken = agenda.take(now)
            assert len(taken) == len(set(taken))
            assert set(taken) == due_now
            for each in taken:
                del wanted[each]
        assert agenda.next_seconds() == min(wanted.values(), default=NEVER)
