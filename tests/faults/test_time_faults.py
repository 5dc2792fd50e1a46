"""Times of readings that are forged or have slipped, between true readings of the same sensor.

The true ones are numbered by their values. Each must be stored, and what it asks for goes out within an interval. What
is forged is not in the ledger: it may be stored, or not.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until, rarely
from support.faultsteps import gaps
from support.faulttable import Row
from support.forger import Forger
from support.site import PLANT

from edge_agent.monitor.sequence import SETTLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.site import Site

INTERVAL_SECONDS = 1.0
APART_SECONDS = INTERVAL_SECONDS / 20
#: So often a disturbance is repeated before and after a kill.
TURNS = 10
EVERY_SECOND = PLANT.replace("interval_seconds = 10", "interval_seconds = 1")
SENSOR = "tank1/level"
LOW, NORMAL, HIGH = 1.0, 3.3, 5.5
HOUR_SECONDS = 3600
#: What a clock says that was never set.
BOOT = 946_684_800.0
#: In microseconds.
YEAR_2099 = 4_070_908_800_000_000
#: So many readings take more than the least that `store.max_mb` may be.
FILLING = 500_000
_VALUES = "SELECT r.value FROM readings r JOIN series s ON s.id = r.sensor_id WHERE s.node = 'tank1'"
_NUMBER = 1e-6


class Gauge:
    """A node's level: true readings, twenty a second, each with a value of its own; `said` is the ledger of them."""

    def __init__(self, site: Site, forger: Forger) -> None:
        self.said: set[float] = set()
        self.seq = 0
        self.now = time.time_ns() / 1e9
        self._site, self._forger = site, forger

    def tell(self, level: float, *, at: float | None = None, numbered: bool = True) -> None:
        """Publish the next true reading at its time, or under another one."""
        self.now += APART_SECONDS
        block_until(lambda: time.time_ns() / 1e9 >= self.now)
        self.seq += numbered
        given = {"seq": self.seq} if numbered else {}
        self._forger.reading(SENSOR, self.distinct(level), self.now if at is None else at, **given)

    def distinct(self, level: float) -> float:
        """Give a value that no other reading has, and take it into the ledger."""
        value = round(level + (len(self.said) + 1) * _NUMBER, 6)
        self.said.add(value)
        return value

    def forge(self, at: float, *, seq: int, value: float = NORMAL) -> None:
        self._forger.reading(SENSOR, value, at, seq=seq)

    def moves(self, level: float, tell: Callable[[float], None] | None = None) -> float:
        """Tell levels that ask for something else until the pump does it; return how long that took."""
        since = time.perf_counter()
        while self._site.nodes.running("station/pump1") is not (level == LOW):
            assert time.perf_counter() - since < 20, "the pump did not move"
            (tell or self.tell)(level)
        return time.perf_counter() - since

    @property
    def missing(self) -> set[float]:
        """The true readings that are not stored."""
        with closing(sqlite3.connect(f"file:{self._site.store}?mode=ro", uri=True, timeout=5)) as db:
            stored = {round(value, 6) for (value,) in db.execute(_VALUES)}
        return self.said - stored


def ahead(gauge: Gauge, turn: int) -> None:
    """One from 55 s ahead between every two true ones."""
    gauge.tell(NORMAL)
    gauge.forge(gauge.now + 55, seq=gauge.seq + 1)


def seldom_ahead(gauge: Gauge, turn: int) -> None:
    """One among all."""
    gauge.tell(NORMAL)
    if turn == 0:
        gauge.forge(gauge.now + 55, seq=gauge.seq + 1)


def to_come(gauge: Gauge, turn: int) -> None:
    """Under the times and numbers of the next true ones, and of some from 40 s on."""
    gauge.tell(NORMAL)
    if turn % 5 == 0:
        for number in range(1, 6):
            gauge.forge(gauge.now + number * APART_SECONDS, seq=gauge.seq + number)
            gauge.forge(gauge.now + 40 + number, seq=gauge.seq + number)


def far_ahead(gauge: Gauge, turn: int) -> None:
    """Of 2099."""
    gauge.tell(NORMAL)
    gauge.forge(YEAR_2099 / 1e6 + turn, seq=gauge.seq + 1)


def in_whole_seconds(gauge: Gauge, turn: int) -> None:
    """Two and more under one time, without a number."""
    gauge.tell(NORMAL, at=int(gauge.now), numbered=False)


def behind(gauge: Gauge, turn: int) -> None:
    """The clock slips by an hour and back while the numbers go on."""
    gauge.tell(NORMAL)
    gauge.tell(NORMAL, at=gauge.now - HOUR_SECONDS)


def buffered(gauge: Gauge, turn: int) -> None:
    """What was kept during an outage of an hour ago, numbered before, comes between what is new."""
    gauge.tell(NORMAL)
    gauge.tell(NORMAL, at=gauge.now - HOUR_SECONDS, numbered=False)


CASES = {
    "readings from 55 s ahead between every two": ahead,
    "one reading from 55 s ahead": seldom_ahead,
    "readings under the times and numbers to come": to_come,
    "readings of 2099": far_ahead,
    "times in whole seconds, and no numbers": in_whole_seconds,
    "every other time an hour behind": behind,
    "readings of an hour ago, without numbers, between": buffered,
}


#: Nobody forges numbers there.
TRUE_NUMBERS = (in_whole_seconds, behind, buffered)


@pytest.mark.parametrize("name", CASES)
def test_forged_and_slipped_times(name, table, make_site, fault_tries):
    """Before and after the agent is killed, and while it is away."""
    row = table.add(Row(f"time: {name}"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(plant=EVERY_SECOND)
        site.agent.start()
        with closing(Forger(site.broker.port)) as forger:
            gauge = Gauge(site, forger)
            whole = CASES[name] is in_whole_seconds
            tell = (lambda level: gauge.tell(level, at=int(gauge.now), numbered=False)) if whole else gauge.tell  # noqa: B023
            disturbed(gauge, CASES[name])
            slowest = max(slowest, gauge.moves(LOW, tell))
            site.agent.kill()
            disturbed(gauge, CASES[name])
            site.agent.start()
            slowest = max(slowest, gauge.moves(HIGH, tell))
            disturbed(gauge, CASES[name])
            settled(site)
            if CASES[name] in TRUE_NUMBERS:  # a forged number may be counted as a restart, and its end as a gap
                assert gaps(site) == 0
            conclude(site, gauge, row)
    row.note = f"the pump did what a true reading asked for within {slowest:.2f} s"
    assert slowest < INTERVAL_SECONDS
    assert row.clean(), row


def disturbed(gauge: Gauge, case: Callable[[Gauge, int], None]) -> None:
    for turn in range(TURNS):
        case(gauge, turn)


def test_a_node_without_a_clock_that_boots_twice(table, make_site, fault_tries):
    """Both boots say the same times and numbers, with other values; then it gets the time."""
    row = table.add(Row("time: a node without a clock boots twice at the same time"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(plant=EVERY_SECOND)
        site.agent.start()
        with closing(Forger(site.broker.port)) as forger:
            gauge = Gauge(site, forger)
            for _ in range(2):
                for number in range(50):
                    forger.reading(SENSOR, gauge.distinct(NORMAL), BOOT + number, seq=number + 1)
            gauge.seq = 50
            slowest = max(slowest, gauge.moves(LOW), gauge.moves(HIGH))
            settled(site)
            assert gaps(site) == 0
            conclude(site, gauge, row)
    row.note = f"the pump did what a true reading asked for within {slowest:.2f} s"
    assert slowest < INTERVAL_SECONDS
    assert row.clean(), row


def settled(site: Site) -> None:
    """Wait until what might count as missing does: SETTLE_SECONDS and a turn."""
    since = time.perf_counter()
    block_until(rarely(lambda: gaps(site) or time.perf_counter() - since > SETTLE_SECONDS + 1.5))


def conclude(site: Site, gauge: Gauge, row: Row) -> None:
    """Count what is missing of the true readings, and let nothing be counted as a gap."""
    site.flood.publish(200)
    site.flood.settle()
    site.until_stored()
    site.finish()
    measure = site.account(row)
    of_others = sum(name != SENSOR for name, _ in measure.doubled)
    row.published += len(gauge.said)
    row.stored += measure.published + len(gauge.said - gauge.missing) - measure.stored - len(measure.missing)
    row.lost += len(gauge.missing)
    row.duplicated += of_others - len(measure.doubled)


def test_readings_of_2099_in_a_store_that_is_nearly_full(table, make_site, fault_tries, fault_messages):
    """Room is made: what bears a time to come goes first, and what came today stays."""
    row = table.add(Row("time: readings of 2099, and the store is nearly full"))
    slowest = 0.0
    for _ in range(fault_tries):
        settings = "[store]\nmax_mb = 16\nreserve_mb = 1\n"
        site = make_site(plant=EVERY_SECOND, settings=settings, rate=2000, level_every=0)
        site.agent.start()
        with closing(Forger(site.broker.port)) as forger:
            gauge = Gauge(site, forger)
            slowest = max(slowest, gauge.moves(LOW))
            assert site.agent.terminate() == 0
            filled(site.store)
            site.agent.start()
            site.flood.publish(fault_messages)
            disturbed(gauge, far_ahead)
            slowest = max(slowest, gauge.moves(HIGH))
            block_until(rarely(lambda: not left(site.store)), timeout=30)  # noqa: B023 - used at once
            conclude(site, gauge, row)
    row.note = f"the pump did what a true reading asked for within {slowest:.2f} s"
    assert slowest < INTERVAL_SECONDS
    assert row.clean(), row


def filled(store: Path) -> None:
    """Fill a store with readings of yesterday, the newest of which are of 2099."""
    now = time.time_ns() // 1000
    yesterday = now - 20 * HOUR_SECONDS * 1_000_000
    with closing(sqlite3.connect(store)) as db:
        (sensor,) = db.execute("SELECT id FROM series WHERE node = 'tank1'").fetchone()
        rows = [(yesterday + 1000 * number, sensor, yesterday) for number in range(FILLING)]
        rows += [(YEAR_2099 + number, sensor, now) for number in range(2000)]
        db.executemany("INSERT INTO readings VALUES (?, ?, -1, 2.5, ?, 1, 0)", rows)
        db.commit()


def left(store: Path) -> int:
    """How many of the readings of 2099 are left that the store was filled with."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)) as db:
        (count,) = db.execute(
            "SELECT count(*) FROM readings WHERE observed_at >= ? AND seq = -1", (YEAR_2099,)
        ).fetchone()
    return int(count)
