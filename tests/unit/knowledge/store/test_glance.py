"""A glance at the store's file tells when somebody may have written to it, without opening it."""

from __future__ import annotations

import sqlite3

import pytest

from edge_agent.knowledge.store.glance import MOST_UNCHANGED, FileGlance


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def other(path):
    """Another program that has the store open."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE things (name)")
    yield db
    db.close()


def settled(glance):
    assert glance()  # the first time nobody knows
    assert glance()  # nor whether a second write bears the same time
    assert not glance()
    return glance


def test_each_write_of_another_program_is_seen_and_looked_at_twice(path, other):
    glance = settled(FileGlance(path))
    for number in range(3):
        other.execute("INSERT INTO things VALUES (?)", (number,))
        assert [glance() for _ in range(3)] == [True, True, False]


def test_a_write_over_the_beginning_of_the_log_is_seen_too(path, other):
    other.execute("INSERT INTO things VALUES ('a')")
    other.execute("PRAGMA wal_checkpoint")  # the next one begins at the start of the log, which stays as long
    glance = settled(FileGlance(path))
    log = path.with_name("store.db-wal")
    size = log.stat().st_size
    other.execute("INSERT INTO things VALUES ('b')")
    assert log.stat().st_size == size
    assert glance()


def test_so_is_another_file_in_its_place_and_one_that_is_missing_is_never_at_rest(path, other, tmp_path):
    glance = settled(FileGlance(path))
    (tmp_path / "fresh.db").write_bytes(path.read_bytes())
    (tmp_path / "fresh.db").rename(path)
    assert glance()
    path.unlink()
    assert all(glance() for _ in range(5))


def test_now_and_then_it_is_looked_all_the_same(path, other):
    glance = settled(FileGlance(path))
    seen = [glance() for _ in range(3 * MOST_UNCHANGED)]
    assert seen.count(True) in {2, 3}
    assert seen.index(True) < MOST_UNCHANGED
