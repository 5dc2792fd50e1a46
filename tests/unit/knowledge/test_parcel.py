from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.knowledge.parcel import merged, pack_readings, pack_records, unpack_readings, unpack_records
from edge_agent.knowledge.rows import Batch
from edge_agent.model.commands import CommandEvent, CommandState

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=()))  # surrogates too: a topic may hold anything
READING = st.tuples(INTEGERS, INTEGERS, INTEGERS, FINITE, INTEGERS, st.sampled_from([1, 2, 3, 4, 9]), INTEGERS)
SETTLED = st.tuples(st.sampled_from([1, 3, 4]), INTEGERS, INTEGERS, INTEGERS, INTEGERS)
SCALAR = st.none() | st.booleans() | INTEGERS | FINITE | TEXT | st.binary()
OTHER = st.tuples(st.sampled_from(["insert_dead_letter", "put_alarm", "insert_command"]), st.lists(st.tuples(SCALAR)))
EVENT = st.builds(CommandEvent, TEXT, st.sampled_from(CommandState), INTEGERS, INTEGERS, TEXT)


@given(st.lists(READING), st.lists(SETTLED))
def test_readings_come_back_as_they_went_in(readings, settled):
    rows, body = pack_readings(Batch([], readings, settled))
    back = unpack_readings(body)
    assert rows == len(readings) + len(settled)
    assert repr((back.readings, back.settled)) == repr((readings, settled))  # tells 1 from 1.0, and 0.0 from -0.0


@given(st.lists(OTHER), st.lists(EVENT))
def test_records_come_back_as_they_went_in(others, events):
    rows, body = pack_records(Batch([], [], [], others, events))
    back = unpack_records(body)
    assert rows == sum(len(found) for _, found in others) + len(events)
    assert repr((back.others, back.command_events)) == repr((others, events))


def test_what_only_this_gateways_broker_knows_is_left_out():
    batch = Batch([], [], [], [("insert_delivery", [(1, b"digest")]), ("put_alarm", [("a",)])])
    rows, body = pack_records(batch)
    assert (rows, unpack_records(body).others) == (1, [("put_alarm", [("a",)])])
    assert len(batch.others) == 2


def test_batches_are_joined_in_their_order():
    first = Batch([], [(1,)], [(2,)], [("put_alarm", [(3,)])], [4])
    second = Batch([], [(5,)], [(6,)], [("put_alarm", [(7,)]), ("rest_alarm", [(8,)])], [9])
    whole = merged([first, second, first])
    assert whole.readings == [(1,), (5,), (1,)]
    assert whole.settled == [(2,), (6,), (2,)]
    assert whole.others == [("put_alarm", [(3,), (7,)]), ("rest_alarm", [(8,)]), ("put_alarm", [(3,)])]
    assert whole.command_events == [4, 9, 4]
    assert first.others == [("put_alarm", [(3,)])]
