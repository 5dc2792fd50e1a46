"""The fault suite: break one thing at a time under load, and count what is lost, doubled or done too late.

How to write a row, in a file `test_<what breaks>_faults.py`:

    def test_broker_killed(table, make_site, fault_tries, fault_messages):
        row = table.add(Row("broker killed"))          # its place in the table; once a fault
        for _ in range(fault_tries):                   # 1 in the short form
            site = make_site(rate=1000)                # fresh broker, agent, nodes, flood; keywords: see Site and Flood
            site.agent.start()
            site.flood.publish(fault_messages)         # returns at once: the flood flows in its own thread
            block_until(lambda: site.flood.published > fault_messages // 2)
            site.broker.kill()                         # the fault
            site.broker.start()
            row.recovered(site.recovery(time.perf_counter()))   # seconds to the first new message stored
            site.finish()                              # all acknowledged and stored, SIGTERM, exit 0
            site.account(row)                          # into the row: ledger against store, commands, memory
        assert row.clean(), row

A number that needs a word gets it in `row.note`. Where the broker itself loses what it acknowledged, `lost` says so and
the test asserts that `edge_agent_gaps_total` counts exactly that. The short form of a row takes five seconds at most;
the full form is asked for on the command line (see tests/conftest.py). What takes long says so with `progress`.
"""

from __future__ import annotations

import random
import sys
from dataclasses import asdict
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from support.faulttable import FaultTable, Row
from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TABLE = pytest.StashKey[FaultTable]()


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> FaultTable:
    """The one table of this run."""
    return pytestconfig.stash.setdefault(_TABLE, FaultTable())


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make sites, each in a folder of its own; the previous one is closed by the next."""
    numbers, sites = count(), list[Site]()

    def make(**keywords: Any) -> Site:
        while sites:
            sites.pop().close()
        sites.append(Site(tmp_path / f"site-{next(numbers)}", **keywords))
        return sites[-1]

    try:
        yield make
    finally:
        while sites:
            sites.pop().close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site with everything as usual; its agent is not running yet."""
    return make_site()


@pytest.fixture
def fault_tries(request: pytest.FixtureRequest) -> int:
    """How often to try a fault."""
    return int(request.config.getoption("--fault-tries"))


@pytest.fixture
def fault_messages(request: pytest.FixtureRequest) -> int:
    """How many messages to publish a try, at least."""
    return int(request.config.getoption("--fault-messages"))


@pytest.fixture
def outage_seconds(request: pytest.FixtureRequest) -> int:
    """How long a long absence is."""
    return int(request.config.getoption("--outage-seconds"))


@pytest.fixture
def rubbish_seconds(request: pytest.FixtureRequest) -> int:
    """How long rubbish comes."""
    return int(request.config.getoption("--rubbish-seconds"))


@pytest.fixture
def chance() -> random.Random:
    """Chance that is the same in every run; what other processes make of it is not."""
    return random.Random(20261123)


@pytest.fixture
def progress(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Say on the terminal how far something long has come."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"  {line}", file=sys.stderr, flush=True)

    return say


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the rows on, in a process that runs tests for another."""
    found = session.config.stash.get(_TABLE, None)
    if found is not None and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = [asdict(row) for row in found.rows]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the rows of such a process."""
    table = node.config.stash.setdefault(_TABLE, FaultTable())
    for row in getattr(node, "workeroutput", {}).get("faults", ()):
        table.add(Row(**row))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write it where that was asked for."""
    found = config.stash.get(_TABLE, None)
    if found is None or not found.rows:
        return
    terminalreporter.section("faults")
    for line in found.lines():
        terminalreporter.write_line(line)
    page = config.getoption("--fault-table")
    if page is not None:
        write_page(page, found.markdown(f'make faults ARGS="{_counts(config)}"'))


def _counts(config: pytest.Config) -> str:
    """Write what was asked for as it is asked for."""
    named = {
        name: config.getoption(name)
        for name in (
            "--kills",
            "--fault-messages",
            "--fault-tries",
            "--outage-seconds",
            "--rubbish-seconds",
        )
    }
    return " ".join(f"{name} {number}" for name, number in named.items())


MARK = "<!-- The table below is written by `make faults`. -->"


def write_page(page: Path, table: str) -> None:
    """Put the table under the mark; what stands above it is kept."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Faults\n\n{MARK}\n"
    page.write_text(f"{text.partition(MARK)[0]}{MARK}\n\n{table}", encoding="utf-8")
