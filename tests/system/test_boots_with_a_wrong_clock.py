"""The machine loses power while a station is in many states at once, and boots with a wrong clock.

A time server is reached two seconds after the start, or only in the middle of a protection once all that must hold
without one has been seen: that stands for ten minutes and for never. Nodes keep the true time, or know none.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from support.bootplant import LEASE, LEAST, ON_DELAY, PLANT, TTL, Teller
from support.boots import Machine, library
from support.brokers import Mosquitto
from support.deadline import block_until, rarely
from support.manners import proper
from support.processes import AgentProcess
from support.witness import Witnesses

from edge_agent.model.time import MICROSECONDS
from edge_agent.runtime.clock import SystemClock
from edge_agent.settings.plantfile import load_plant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.witness import Seen

pytestmark = pytest.mark.skipif(library() is None, reason="the package faketime is not installed")

HOUR, DAY = 3600, 86_400
OFFSETS = {"1 h behind": -HOUR, "1 day behind": -DAY, "55 years behind": -55 * 365 * DAY, "1 year ahead": 365 * DAY}
#: Ten minutes: so long things are kept here.
SETTINGS = "[store]\nkeep_days = 0.007\n"
#: More than one step of pruning.
MANY = 1_100
CLOCKS = ("no ts", "right ts")
TABLES = ("readings", "alarm_events", "dead_letters", "commands", "decisions")
#: What a busy machine may take, besides: what a wrong clock does takes an hour and more.
SLACK = 25.0
#: So long stamps of a node have to go in step with the monotonic clock before they are believed.
IN_STEP = 5.0


class Rig:
    """One station and its agent; all times are seconds of the true clock."""

    def __init__(self, folder: Path, port: int, *, clockless: bool) -> None:
        self.clockless = clockless
        self.machine = Machine()
        self.agent = AgentProcess(folder, port, PLANT, SETTINGS, commit_seconds=0.01, spawn=self.machine)
        plant = load_plant(folder / "config" / "plant.toml")
        self.nodes = Witnesses(port, plant, clockless=clockless)
        self.teller = Teller(port, clockless=clockless)
        self._clock = SystemClock()
        self._store = folder / "var" / "edge-agent.db"
        self.booted = 0.0

    def close(self) -> None:
        self.agent.close()
        self.teller.close()
        self.nodes.close()

    @property
    def now(self) -> float:
        return self._clock.now().at / MICROSECONDS

    def set_level(self, value: float, *names: str) -> None:
        self.teller.levels.update(dict.fromkeys(names, value))

    def runs(self, name: str) -> bool:
        return self.nodes.runs(f"station/{name}")

    def until(self, *names: str, run: bool, timeout: float = 40.0) -> None:
        block_until(lambda: all(self.runs(name) is run for name in names), timeout)

    def when(self, name: str, action: str, since: float = 0.0) -> list[float]:
        """When an action was carried out since a time."""
        done = [s for s in self.nodes.executions if (s.actuator, s.action) == (f"station/{name}", action)]
        return [s.at / MICROSECONDS for s in done if s.at / MICROSECONDS >= since]

    def alarms(self) -> set[str]:
        return {each["alarm"] for each in json.loads(self.agent.get("/status"))["alarms"] if each["active"]}

    def counts(self) -> dict[str, int]:
        """Return how many rows of each kind the store has."""
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True, timeout=10)) as db:
            return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608 - names of our own

    def boot(self, ahead: float) -> None:
        self.machine.boot("two", ahead=ahead, sure=False)
        self.booted = self.now
        self.agent.start()

    def set_right(self) -> None:
        self.machine.set_clock(self.agent.folder, ahead=0, sure=True)


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[tuple[Rig, ...]]:
    """Two stations, each with a broker of its own: with nodes that know no time, and with nodes that keep it."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_station(tmp_path / name, clockless=name == "no ts")) for name in CLOCKS)


@contextmanager
def _station(folder: Path, *, clockless: bool) -> Iterator[Rig]:
    (folder / "mosquitto").mkdir(parents=True)
    broker = Mosquitto(folder / "mosquitto")
    broker.start()
    try:
        with closing(Rig(folder / "agent", broker.port, clockless=clockless)) as rig:
            yield rig
    finally:
        broker.kill()


def side_by_side(story: Callable[[Rig, float], None], rigs: tuple[Rig, ...], ahead: float) -> None:
    """Let a story go on at all stations at once: it consists of waiting."""
    with ThreadPoolExecutor() as pool:
        told = {rig: pool.submit(story, rig, ahead) for rig in rigs}
    for rig, story_of in told.items():
        try:
            story_of.result()
        except BaseException as error:
            error.add_note(f"with {CLOCKS[not rig.clockless]}")
            raise


def in_every_state(rig: Rig) -> dict[str, float]:
    """Bring the station into its states, the shortest last; return when `hold` started and `rest` stopped."""
    rig.agent.start()
    rig.teller.flood("load/telemetry/s0", MANY, 0)
    rig.teller.flood("load/telemetry/nothing", MANY, 0)
    rig.set_level(0.5, "often", "cool", "rest", "late", "kept", "stands")
    rig.until("often", "cool", "rest", "late", "kept", run=True)
    rig.set_level(5.5, "often", "cool")
    rig.set_level(3.0, "kept")
    rig.until("often", "cool", run=False)
    rig.set_level(0.5, "often", "cool")
    block_until(rarely(lambda: {"tank/stands:low", "tank/often:low", "tank/cool:low"} <= rig.alarms()))
    rig.nodes.manner = lambda node, seen, now, obey: [] if seen.action in DEAF.get(seen.actuator, ()) else obey()
    rig.set_level(5.5, "rest", "late")
    rig.set_level(0.5, "hold", "lost", "slow")
    rig.until("hold", run=True)
    rig.until("rest", run=False)
    rig.set_level(5.5, "hold")
    rig.set_level(0.5, "rest")
    block_until(lambda: {"station/lost", "station/late"} <= {seen.actuator for seen in lost_commands(rig)})
    block_until(rarely(lambda: {"tank/hold:high", "tank/rest:low"} <= rig.alarms()))
    return {"hold": rig.when("hold", "start")[-1], "rest": rig.when("rest", "close")[-1]}


#: What nodes do not hear before the cut.
DEAF = {"station/lost": ("open",), "station/late": ("close",)}


def lost_commands(rig: Rig) -> list[Seen]:
    executed = {seen.id for seen in rig.nodes.executions}
    return [seen for seen in rig.nodes.deliveries if seen.id not in executed]


def cut(rig: Rig, *, kill: bool) -> dict[str, int]:
    if kill:
        rig.agent.kill()
    else:
        assert rig.agent.terminate() == 0
    counts = rig.counts()
    assert counts["readings"] >= MANY
    assert counts["dead_letters"] >= MANY
    rig.nodes.manner = proper
    return counts


def stops_in_time(rig: Rig, since: dict[str, float]) -> None:
    """What is safe is done at once, or when the least time is over: of the true clock, or since the boot."""
    rig.until("hold", "late", run=False)
    [stopped] = rig.when("hold", "stop")
    assert since["hold"] + LEAST <= stopped <= rig.booted + LEAST + SLACK
    assert rig.when("late", "close")[0] <= rig.booted + SLACK


def begins_in_time(rig: Rig, since: dict[str, float], may: float) -> None:
    """What is requested begins when it may: from `may` on there is evidence."""
    rig.until("rest", "cool", "lost", run=True)
    rested, cooled, lost = (rig.when(name, "open", rig.booted)[0] for name in ("rest", "cool", "lost"))
    assert since["rest"] + LEAST <= rested <= max(may, rig.booted + LEAST) + SLACK
    assert cooled <= may + SLACK
    assert lost <= max(may, rig.booted + TTL) + SLACK
    block_until(rarely(lambda: "tank/slow:low" in rig.alarms()), max(0.1, may + ON_DELAY + SLACK - rig.now))
    assert not rig.runs("often")


def lives_on(rig: Rig, before: dict[str, int]) -> None:
    """After all: nothing was done twice, or is missing; alarms that stood stand, and end."""
    assert {"tank/stands:low", "tank/often:low"} <= rig.alarms()
    rig.set_level(3.0, "stands")
    block_until(rarely(lambda: "tank/stands:low" not in rig.alarms()))
    assert rig.nodes.executed_twice == 0
    assert rig.nodes.executed_late == 0 or rig.clockless
    assert not rig.when("often", "open", rig.booted)
    after = rig.counts()
    for what, count in before.items():
        assert after[what] >= count, what
    commands = rig.agent.export("commands")
    assert len({command["id"] for command in commands}) == len(commands)


def keeps_its_lease(rig: Rig, times: int) -> None:
    """Since the boot it was renewed so often, and the node never fell back."""
    block_until(lambda: len(rig.when("kept", "open", rig.booted)) >= times, LEASE)
    assert "station/kept" not in rig.nodes.fallen
    assert not rig.when("kept", "close")


def lasts_as_long_as_it_is(rig: Rig, set_clock: Callable[[], None]) -> None:
    """A least time is neither cut short nor drawn out by a clock that is set in its middle."""
    rig.set_level(0.5, "hold")
    rig.until("hold", run=True)
    started = rig.when("hold", "start")[-1]
    rig.set_level(5.5, "hold")
    block_until(rarely(lambda: "tank/hold:high" in rig.alarms()))
    set_clock()
    rig.until("hold", run=False)
    assert started + LEAST <= rig.when("hold", "stop")[-1] <= started + LEAST + SLACK


def keeps_what_is_young(rig: Rig, first: int) -> None:
    """What was recorded while the clock was wrong is minutes old: it stays, however old it looks."""
    before = rig.counts()
    rig.teller.flood("load/telemetry/s0", MANY, first)
    block_until(lambda: rig.counts()["readings"] >= before["readings"] + MANY, 30)
    assert all(count >= before[what] for what, count in rig.counts().items())


offsets = pytest.mark.parametrize("ahead", OFFSETS.values(), ids=OFFSETS)


@offsets
def test_a_time_server_is_reached_soon(rigs, ahead):
    side_by_side(reached_soon, rigs, ahead)


def reached_soon(rig: Rig, ahead: float) -> None:
    since = in_every_state(rig)
    before = cut(rig, kill=True)
    rig.boot(ahead)
    # From where the agent runs: on a busy machine it would else start with a clock that is right already.
    reached = rig.now + 2.0
    server = threading.Timer(2.0, rig.set_right)
    server.start()
    stops_in_time(rig, since)
    server.join()
    begins_in_time(rig, since, rig.booted if rig.clockless else reached + 1.0)
    keeps_its_lease(rig, 2)
    lives_on(rig, before)


@offsets
def test_a_time_server_is_reached_late_or_never(rigs, ahead):
    side_by_side(reached_late_or_never, rigs, ahead)


def reached_late_or_never(rig: Rig, ahead: float) -> None:
    since = in_every_state(rig)
    before = cut(rig, kill=False)
    rig.boot(ahead)
    stops_in_time(rig, since)
    begins_in_time(rig, since, rig.booted + (0.0 if rig.clockless else IN_STEP))
    keeps_its_lease(rig, 1)
    rig.teller.flood("load/telemetry/s0", MANY, MANY)
    rig.teller.flood("load/telemetry/nothing", MANY, MANY)
    # So far it has never come. Now it comes, in the middle of a protection.
    lasts_as_long_as_it_is(rig, rig.set_right)
    keeps_what_is_young(rig, 2 * MANY)
    keeps_its_lease(rig, 2)
    lives_on(rig, before)
