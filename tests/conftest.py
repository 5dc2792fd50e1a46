"""Fixtures that every kind of test may use."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable  # noqa: TC003 - the type of what stands below
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from loguru import logger
from support.brokers import Mosquitto
from support.postgres import Postgres
from support.redisserver import RedisServer

from edge_agent.knowledge.utility.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
if find_spec("uvloop") is not None:
    LOOPS["uvloop"] = import_module("uvloop").new_event_loop
# A shared machine may stand still for longer than any example takes: that is no property of what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make unit` asks for this one: the first examples find most mistakes, `make test` looks further.
settings.register_profile("quick", settings.get_profile("unhurried"), max_examples=10)
settings.load_profile("unhurried")

#: What `--quick` leaves out of the unit tests: what writes large stores, starts processes or solves hydraulics.
SLOW = {
    *("test_retention_by_class.py", "test_sqlite_store.py", "test_salvage.py", "test_housekeeping.py"),
    *("test_damaged_store.py", "test_rows_read_back.py", "test_store_file.py", "test_freezing.py"),
    *("test_recordings.py", "test_delivery_over_time.py", "test_one_sentence.py", "test_output.py"),
    *("test_adding_a_kind.py", "test_adding_a_measure.py", "test_adding_a_quality_test.py", "test_adding_a_dialect.py"),
    "test_adding_a_provision.py",
    *("test_adding_a_store.py", "test_properties_of_groups.py", "test_properties_of_sequences.py"),
    *("test_log.py", "test_full_disk.py", "test_secrets_in_errors.py", "test_observation_http.py"),
    *("test_plant_simulation.py", "test_speed.py", "test_without_epanet.py", "test_live_plant.py", "test_imports.py"),
}


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: what tests start must hear it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--quick"):
        settings.load_profile("quick")


#: What goes by the clock: processes that are waited for. No two of these tests run side by side.
TIMED = {"system", "faults"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker(pytest.mark.xdist_group("timed" if room in TIMED else item.path.name))
    if config.getoption("--quick"):
        slow = [item for item in items if item.path.name in SLOW]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item.path.name not in SLOW]


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests of a module that names its EVENT_LOOPS in each of them; uvloop where it is installed."""
    names = getattr(getattr(item, "module", None), "EVENT_LOOPS", ("asyncio",))
    return {name: LOOPS[name] for name in names if name in LOOPS}


def pytest_sessionfinish() -> None:
    """Let the log go: what ends with the interpreter would write to streams that pytest has closed."""
    logger.remove()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto with the project's settings, on a free port, its data kept over restarts."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[Postgres]:
    """One running PostgreSQL for all tests that leave it alone, with a migrated database to copy: `template`."""
    server = Postgres()
    try:
        server.start()
        server.execute("CREATE DATABASE template")
        asyncio.run(migrate(server.dsn("template")))
        yield server
    finally:
        server.close()


@pytest.fixture
def database(shared_postgres: Postgres) -> str:
    """The dsn of a migrated, empty database of the test's own."""
    return shared_postgres.database("template")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL of the test's own, to stop, kill and freeze; its database `postgres` is migrated."""
    server = Postgres()
    try:
        server.start()
        asyncio.run(migrate(server.dsn()))
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running, empty Redis of the test's own."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time ask for more."""
    parser.addoption("--quick", action="store_true", help="leave out what is slow, and try ten examples of a property")
    parser.addoption("--faulty-days", type=Path, metavar="F", help="every sensor of C-Town, every fault; the table")
    parser.addoption("--random-steps", type=int, metavar="N", help="try so many of test_whatever_happens, at random")
    suite = parser.getgroup("faults", "the fault suite; the defaults are its short form")
    suite.addoption("--kills", type=int, default=16, metavar="N", help="how often the agent is killed, in all")
    suite.addoption("--crash-points", metavar="A,B", help="kill only at these points; `random` is one")
    suite.addoption("--fault-tries", type=int, default=1, metavar="N", help="how often any other fault is tried")
    suite.addoption("--fault-messages", type=int, default=500, metavar="N", help="messages published a try")
    suite.addoption("--outage-seconds", type=int, default=2, metavar="S", help="how long PostgreSQL is away for long")
    suite.addoption("--rubbish-seconds", type=int, default=2, metavar="S", help="how long rubbish comes")
    suite.addoption("--fault-table", type=Path, metavar="F", help="write the table into this page")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often to kill."""
    return int(request.config.getoption("--kills"))
