"""The agent is killed: at random moments, and at every named point around a commit, a publish, an acknowledgement.

The points are in support.crashpoints. Each life is given its share of messages and dies while they flow; the next one
begins at once, with what the broker still holds. After so many lives one is left to finish, and everything is counted.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.crashpoints import DRAIN_POINTS, LAST_POINTS, POINTS
from support.deadline import block_until
from support.faulttable import Row
from support.hatchery import Hatchery

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from support.site import Site

#: Lives until one is left to finish and everything is counted: a fresh site, so that the file stays small.
LIVES = 25
#: Messages a second; every so many one is a level that moves a pump, or a bare number without identity. A life gets
#: its messages while it begins, works and dies, and the levels come in different turns.
TRAFFIC = {"rate": 4000, "level_every": 100, "bare_every": 10}
#: More messages that a life is given when it has had all of its own and has not come to its point.
TOP_UP = 100
#: Of those that die at random, how many die regardless of whether they have come to store anything.
EARLY_SHARE = 0.25
#: At which passing of a point to die, at the most: they are rarer or more frequent in a thousand messages. A chattering
#: alarm is told once a minute.
MOST_PASSINGS = {"started": 1, "announced": 1, "command": 4, "answer": 4, "alarm": 2, "essence": 1, "drain": 2}
MOST_PASSINGS |= dict.fromkeys(LAST_POINTS, 1)
RANDOM, FRESH = "random", "fresh"
AT_RANDOM = {RANDOM: "at a random moment", FRESH: "at a random moment, a new interpreter each time"}
ALL = {**AT_RANDOM, **POINTS, **LAST_POINTS, **DRAIN_POINTS}


@pytest.fixture(scope="session")
def hatchery() -> Iterator[Hatchery]:
    """One for all: lives are many."""
    made = Hatchery()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def kills_here(kills: int, request: pytest.FixtureRequest) -> int:
    """The share of one point in all kills; at least one."""
    chosen = _chosen(request.config)
    if request.node.callspec.params["point"] not in chosen:
        pytest.skip("not among --crash-points")
    return max(1, -(-kills // len(chosen)))


def _chosen(config: pytest.Config) -> list[str]:
    wanted = config.getoption("--crash-points")
    return [*ALL] if wanted is None else wanted.split(",")


class Killing:
    """Lives of one site that end at a point, or at random."""

    def __init__(self, site: Site, row: Row, point: str, messages: int, chance: random.Random) -> None:
        self._site, self._row, self._point, self._messages, self._chance = site, row, point, messages, chance
        self._restarted: float | None = None
        self._mark = -1
        site.agent.start()  # the broker keeps messages for an agent only once it has seen it
        site.agent.terminate()

    def live_and_die(self) -> None:
        """Live under load, to the end at the point; a life that ended in order, as it held nothing, does not count."""
        while (code := self._live()) == 0 and self._point in LAST_POINTS:
            pass
        assert code == -signal.SIGKILL, (self._site.folder, self._site.agent.log[-3000:])

    def _live(self) -> int:
        site, point = self._site, self._point
        if point in AT_RANDOM:
            self._begin()
            if self._chance.random() > EARLY_SHARE:
                self._watch(lambda: site.newest_stored > self._mark)
            last = site.flood.published + self._chance.randrange(self._messages)
            self._watch(lambda: site.flood.published >= last)
            site.agent.kill()
        else:
            self._begin("--crash", f"{point}:{self._passing()}")
        if point in LAST_POINTS:
            self._watch(lambda: site.newest_stored > self._mark)
            site.agent.process.send_signal(signal.SIGTERM)
        self._watch(lambda: site.agent.exited)
        return site.agent.process.wait()

    def live_and_finish(self) -> None:
        """One life without a fault, until everything is stored; nothing is commanded before the epoch is settled."""
        self._begin()
        self._watch(lambda: self._site.newest_stored > self._mark and self._site.nodes.executions)
        self._site.finish()

    def _passing(self) -> int:
        family = self._point.partition("-")[0]
        return self._chance.randint(1, MOST_PASSINGS.get(self._point, MOST_PASSINGS.get(family, 8)))

    def _begin(self, *arguments: str) -> None:
        site = self._site
        self._mark, self._restarted = site.flood.newest, time.perf_counter()
        # A new interpreter takes longer to come than its messages take to go: they wait for it.
        site.agent.start(*arguments, connected=self._point == FRESH)
        site.flood.publish(self._messages)

    def _watch(self, condition: Callable[[], object]) -> None:
        """Wait, keep messages flowing meanwhile, and look at when the first new one is stored."""
        site = self._site

        def holds() -> object:
            met = condition()  # before the look at the store, which then cannot know less
            stored = site.newest_stored
            if self._restarted is not None and stored > self._mark:
                self._row.recovered(time.perf_counter() - self._restarted)
                self._restarted = None
            # No faster than the agent keeps up: else it would never come to what is new.
            if site.flood.outstanding <= 0 and site.flood.newest - stored < self._messages:
                site.flood.publish(TOP_UP)
            return met

        block_until(holds, timeout=90)


@pytest.mark.parametrize("point", [*AT_RANDOM, *POINTS, *LAST_POINTS])
def test_agent_killed(point, table, make_site, hatchery, chance, kills_here, fault_messages, progress):
    row = table.add(Row(f"agent: kill -9, {ALL[point]}"))
    while row.tried < kills_here:
        site = make_site(spawn=None if point == FRESH else hatchery.spawn, **TRAFFIC)
        kill_some(Killing(site, row, point, fault_messages, chance), site, row, min(LIVES, kills_here - row.tried))
        if row.tried >= LIVES:
            progress(f"{row.fault}: {row.tried} of {kills_here}")


@pytest.mark.parametrize("point", DRAIN_POINTS)
def test_agent_killed_while_it_drains(
    point, table, make_site, hatchery, chance, kills_here, fault_messages, progress, shared_postgres
):
    row = table.add(Row(f"agent: kill -9, {DRAIN_POINTS[point]}"))
    while row.tried < kills_here:
        dsn = shared_postgres.database("template")
        settings = f'[postgres]\ndsn = "{dsn}"\n'
        site = make_site(spawn=hatchery.spawn, settings=settings, **TRAFFIC)
        kill_some(Killing(site, row, point, fault_messages, chance), site, row, min(LIVES, kills_here - row.tried), dsn)
        if row.tried >= LIVES:
            progress(f"{row.fault}: {row.tried} of {kills_here}")


def kill_some(killing: Killing, site: Site, row: Row, lives: int, dsn: str | None = None) -> None:
    """Kill so often, let one life finish, count, and stop at the first thing that is wrong."""
    for _ in range(lives):
        killing.live_and_die()
    killing.live_and_finish()
    if dsn is not None:
        site.until_drained(dsn)
    measure = site.account(row, dsn, tried=lives)
    assert measure.clean, (site.folder, measure)
    assert row.clean(), (site.folder, row)
    assert site.nodes.executions, "no command was ever executed"


def test_sigterm_under_load(table, make_site, fault_tries, fault_messages):
    """SIGTERM while messages flow: exit 0 in under ten seconds, and nothing is lost over it."""
    row = table.add(Row("agent: SIGTERM under load"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        site.agent.start()
        site.flood.publish(2 * fault_messages)
        block_until(lambda: site.flood.published >= fault_messages)  # noqa: B023 - used at once
        told = time.perf_counter()
        assert site.agent.terminate() == 0, site.agent.log[-3000:]
        slowest = max(slowest, time.perf_counter() - told)
        restarted = time.perf_counter()
        site.agent.start()
        site.flood.publish(fault_messages)
        row.recovered(site.recovery(restarted))
        site.finish()
        measure = site.account(row)
        assert measure.clean, (site.folder, measure)
    row.note = f"it ended in {slowest:.2f} s at the most, with exit code 0"
    assert slowest < 10
    assert row.clean(), row
