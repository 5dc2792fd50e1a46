from __future__ import annotations

import json
import zlib
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.knowledge.store.parcel import (
    VERSION,
    ParcelError,
    merged,
    pack_readings,
    pack_records,
    unpack_readings,
    unpack_records,
)
from edge_agent.knowledge.store.rows import Batch
from edge_agent.model.commands import CommandEvent, CommandState

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=()))  # surrogates too: a topic may hold anything
READING = st.tuples(INTEGERS, INTEGERS, INTEGERS, FINITE, INTEGERS, st.sampled_from([1, 2, 3, 4, 9]), INTEGERS)
SETTLED = st.tuples(st.sampled_from([1, 3, 4]), INTEGERS, INTEGERS, INTEGERS, INTEGERS)
NUMBER, WORD = st.none() | FINITE, st.none() | TEXT
ALARM = (TEXT, TEXT, TEXT)
ROWS = {
    "insert_dead_letter": (INTEGERS, TEXT, TEXT, st.binary(), st.binary(), INTEGERS),
    "insert_alarm_event": (*ALARM, TEXT, INTEGERS, NUMBER, TEXT, TEXT),
    "put_alarm": (
        *ALARM,
        TEXT,
        st.booleans(),
        st.booleans(),
        INTEGERS,
        TEXT,
        NUMBER,
        NUMBER,
        WORD,
        st.none() | INTEGERS,
        WORD,
    ),
    "rest_alarm": ALARM,
    "insert_decision": (INTEGERS, TEXT, TEXT, NUMBER, WORD, TEXT, TEXT, TEXT, TEXT, WORD),
    "insert_command": (
        TEXT,
        TEXT,
        TEXT,
        TEXT,
        TEXT,
        NUMBER,
        INTEGERS,
        INTEGERS,
        FINITE,
        INTEGERS,
        INTEGERS,
        WORD,
        TEXT,
    ),
    "put_memory": ALARM,
}
OTHER = st.one_of(st.tuples(st.just(name), st.lists(st.tuples(*columns), min_size=1)) for name, columns in ROWS.items())
EVENT = st.builds(CommandEvent, TEXT, st.sampled_from(CommandState), INTEGERS, INTEGERS, TEXT)

#: Bodies as a program of before has left them, without a version.
READINGS_OF_BEFORE = "eJyLjo421AHCWJ1oQ3MLA2QAFQbRRiBpPVMdKMat2BCFBjKiwTwYNje3RAIgcyxjY2MBl9oeTQ=="
RECORDS_OF_BEFORE = (
    "eJzNVcFu4jAQ/ZXKZ7ckqKUt0h5W2r3vYQ+rDQiZeBK8deys7UCrin/fGTtJoSC4LkgQj8fjN+89O0VRMGU8uLCSIORKQwjgGC+K/PEpO/xwzNsK"
    "reTqj7eGcRYYf2dr4WF2z+Zssvv6he0PI78gf82/fW9/zOJMtlwu+biZ0MI1K9iCCbQZC8K85FhUY0jTv93hrxPKg2T8BEt+d8+ZqOPqmJuKt11f"
    "+ULNjao3jAfXAa+E9nBaPCXSFvndA2dYzHRac/a+YMG2qlyw+c2C7QQSNXldMI4DJKYDitMqHHdGhZTWpIRKizoFamtligXwwVMQC9fOer9ywtRw"
    "mLanPLtGyrYgVyLWPMGLKQ5KUJdTPPylqcd9z5XD3S+QFWk6kkxCqbwi6c+ZwwcRcHLSdk1LdXDswsBcpTTVLG3TCCNJUbaGUnQe8KnA9iOO1HgE"
    "Mokw5ihEoqp1yjoV3lIKYUtxUQZsm6JR0Bh5MXanQdYgKZ40pv6VKXtup9l0dps93E6ffk6z+XQ2v8/usInfqaYDgQZPmSOAzwJr1SSFySLnBPcb"
    "0CRIZ4LSNBOZwAnYKgk9lP/EUdcZOXLXtfTRaftlL68RTQ+isRJ6SYX3SaJBOglBJK5Qxi5YBEsFlLzNj53Y+yj6Ns7iTYH4nEdm2WhFfDpnxtO7"
    "5DjwzJ8z7Ibn+B2MO5j145ZpoLHuLSJAD3YiWMdOD8H7YpxNbR0lJB4keOUSEcUiIaWJwS6EgMYP8RCjOZYHiy7dCJ0xytSHzou1x0UfUdu2Z6KY"
    "G61UxA0bNag1HqgNSnC4pELxOrxVKBYhrK3t/ZI6tVXlIUaQX7yGiEotSKeeZqSLAmnN0DhS2LZapbqDVaor3WsRys0nvNfgRHFHQ7XdWis8xGff"
    "Pvjuwddk04ab6Mx/yfUtXA=="
)
AT = 1_780_000_000_000_000


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


def test_a_body_says_its_version_and_names_what_it_holds():
    _, body = pack_records(Batch([], [], [], [("rest_alarm", [("tank1", "level", "low")])]))
    assert json.loads(zlib.decompress(body)) == {
        "version": VERSION,
        "records": [["rested_alarm", {"node": ["tank1"], "sensor": ["level"], "threshold": ["low"]}]],
    }


def test_what_a_program_of_before_has_left_is_converted():
    back = unpack_readings(b64decode(READINGS_OF_BEFORE))
    assert back.readings == [(1, AT + n, n, 1.5, AT + n, 1, 1) for n in range(3)]
    assert back.settled == [(1, 1, 1, AT - 5, 9)]
    back = unpack_records(b64decode(RECORDS_OF_BEFORE))
    assert [(name, len(rows)) for name, rows in back.others] == [
        ("insert_dead_letter", 1),
        ("insert_alarm_event", 1),
        ("put_alarm", 1),
        ("rest_alarm", 1),
        ("insert_decision", 1),
        ("insert_command", 1),
        ("put_memory", 2),
    ]
    assert back.others[0][1][0][:4] == (AT, "invalid_json", "t", b"\xff\x00")
    assert back.command_events == [CommandEvent("id-1", CommandState.PUBLISHED, AT, 1, "attempt 1")]
    assert unpack_records(pack_records(back)[1]) == back


def packed(content):
    return zlib.compress(json.dumps(content).encode())


READING_COLUMNS = {"series": [1], "at": [1], "seq": [1], "value": [1.0], "received_at": [1], "flag": [1], "tests": [1]}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not whole"),
        (b"no zlib", "cannot be read"),
        (packed({"version": VERSION, "readings": READING_COLUMNS})[:-9], "not whole"),
        (packed({"version": VERSION + 1, "readings": READING_COLUMNS}), f"version {VERSION + 1}"),
        (packed({"readings": READING_COLUMNS}), "cannot be read"),
        (packed({"version": VERSION, "readings": READING_COLUMNS, "depth": {}}), "depth"),
        (packed({"version": VERSION, "readings": READING_COLUMNS | {"depth": [1]}}), "depth"),
        (packed({"version": VERSION, "readings": READING_COLUMNS | {"value": ["1.0"]}}), "not of its type"),
        (packed({"version": VERSION, "readings": READING_COLUMNS | {"value": [1.0, 2.0]}}), "cannot be read"),
        (packed({"version": VERSION, "readings": {"series": [1]}}), "columns series"),
        (packed({"version": VERSION, "readings": 7}), "cannot be read"),
        (packed([[], []]), None),
        (packed([[[1]], []]), "columns series"),
        (packed("[]"), "cannot be read"),
    ],
)
def test_what_cannot_be_read_says_why(body, why):
    if why is None:
        assert unpack_readings(body) == Batch([], [], [])
        return
    with pytest.raises(ParcelError, match=why):
        unpack_readings(body)


@pytest.mark.parametrize(
    "records", [[["weather", {}]], [["rested_alarm", {"node": [1], "sensor": [""], "threshold": [""]}]], [[1]], "x"]
)
def test_records_that_cannot_be_read_say_why(records):
    with pytest.raises(ParcelError):
        unpack_records(packed({"version": VERSION, "records": records}))


def test_what_only_this_gateways_broker_knows_is_left_out():
    batch = Batch([], [], [], [("insert_delivery", [(1, b"digest")]), ("rest_alarm", [("a", "b", "c")])])
    rows, body = pack_records(batch)
    assert (rows, unpack_records(body).others) == (1, [("rest_alarm", [("a", "b", "c")])])
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
