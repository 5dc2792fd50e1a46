from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import conninfo, errors

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.statements import migrations
from edge_agent.knowledge.store.rows import advance_rows
from edge_agent.knowledge.utility.arrays import array, columns, held, reading_columns, settled_columns
from edge_agent.knowledge.utility.connection import conninfo_of, translated
from edge_agent.knowledge.utility.migrate import NEWEST
from edge_agent.model.commands import OPEN_STATES, CommandEvent, CommandState


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [step.version for step in migrations("utility")] == list(range(1, NEWEST + 1))


def test_columns_are_arrays_of_every_type() -> None:
    assert columns([(1, 2.5, True, None, 'a"\\', b"\x00\xff"), (2, 1e300, False, "NULL", "", b"")]) == [
        "{1,2}",
        "{2.5,1e+300}",
        "{True,False}",
        '{NULL,"NULL"}',
        '{"a\\"\\\\",""}',
        '{"\\\\x00ff","\\\\x"}',
    ]


def test_readings_and_flags_name_their_series() -> None:
    names = {7: ("tank1", "level", "m"), 9: ("null", "x", "m³/h")}
    assert reading_columns([(9, 10, -1, 1.5, 11, 1, 0), (7, 12, 3, 2.0, 13, 4, 5)], names) == [
        '{"null","tank1"}',
        '{"x","level"}',
        '{"m³/h","m"}',
        "{10,12}",
        "{-1,3}",
        "{1.5,2.0}",
        "{11,13}",
        "{1,4}",
        "{0,5}",
    ]
    assert settled_columns([(1, 17, 7, 10, -1)], names) == [
        *("{1}", "{17}", '{"tank1"}', '{"level"}', '{"m"}', "{10}", "{-1}")
    ]


@given(st.text(st.characters(exclude_categories=())))
def test_what_a_text_column_is_given_it_can_hold(text: str) -> None:
    kept = held(text)
    kept.encode("utf-8")
    assert "\0" not in kept
    assert kept == text or "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def test_one_array_of_nothing_is_empty() -> None:
    assert array([]) == "{}"


STATES = st.sampled_from([state for state in CommandState if state is not CommandState.DECIDED])
EVENTS = st.lists(
    st.builds(CommandEvent, st.sampled_from("ab"), STATES, st.integers(0, 9), st.integers(0, 3), st.just(""))
)
RECORD = st.tuples(st.sampled_from(list(CommandState)), st.integers(0, 3))


@given(EVENTS, RECORD)
def test_joined_events_do_what_they_do_one_after_the_other(
    events: list[CommandEvent], start: tuple[CommandState, int]
) -> None:
    for command in "ab":
        single = advanced([row for event in events for row in advance_rows([event])], command, start)
        assert advanced(advance_rows(events), command, start) == single


def advanced(rows: list[tuple], command: str, start: tuple[CommandState, int]) -> tuple:
    """Apply rows as the statement `advance_command` does, one by one."""
    state, attempts, closed_at = *start, None
    for which, to, tries, at in rows:
        if which == command and state in OPEN_STATES:
            back = state is CommandState.ACCEPTED and to in {CommandState.DECIDED, CommandState.PUBLISHED}
            state, attempts, closed_at = state if back else to, max(attempts, tries), at
    return state, attempts, closed_at


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (errors.ReadOnlySqlTransaction("x"), StoreUnavailableError, "it is read-only"),
        (errors.DiskFull("x"), StoreUnavailableError, "its disk is full"),
        (errors.DeadlockDetected("x"), StoreUnavailableError, "another transaction was in the way"),
        (errors.QueryCanceled("x"), StoreUnavailableError, "it took too long"),
        (errors.AdminShutdown("x"), StoreUnavailableError, "it is shutting down or starting"),
        (errors.UndefinedTable("x"), StoreUnavailableError, "run edge-agent migrate"),
        (psycopg.OperationalError("gone\nmore"), StoreUnavailableError, "cannot be reached: gone."),
        (errors.NumericValueOutOfRange("too large"), StoreError, "refuses a statement: too large."),
        (errors.NotNullViolation("null"), StoreError, "refuses a statement: null."),
        (psycopg.DataError("odd"), StoreError, "refuses a statement: odd."),
        (OverflowError("huge"), StoreError, "cannot hold a value: huge."),
    ],
)
def test_what_the_driver_raises_is_translated(raised: Exception, kind: type[StoreError], says: str) -> None:
    with pytest.raises(StoreError) as caught, translated():
        raise raised
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert caught.value.__cause__ is raised


def test_what_a_dsn_says_itself_stands() -> None:
    found = conninfo.conninfo_to_dict(conninfo_of("postgresql://db/water?connect_timeout=9&options=-cwork_mem%3D1MB"))
    assert found["connect_timeout"] == "9"
    assert str(found["options"]).endswith("-cwork_mem=1MB")
    assert "statement_timeout" in str(found["options"])
