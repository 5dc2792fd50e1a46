"""Who has control of a site: agents that start together or know nothing of the past, and epochs that are forged.

The nodes note who commanded what. No two agents are ever obeyed under one epoch, and none for good by mistake.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until, rarely
from support.faulttable import Row
from support.forger import Forger

if TYPE_CHECKING:
    from support.processes import AgentProcess
    from support.site import Site

SECOND = '[agent]\nid = "gateway-2"\n'
#: So soon a command that is needed is with its node, whatever was forged.
PROMISED_SECONDS = 3.0
#: The level asks for something else ten times a second.
RESTLESS = {"rate": 200, "level_every": 20}
QUIET = {"rate": 1000, "level_every": 0}


def epoch(agent: AgentProcess) -> int:
    return int(json.loads(agent.get("/status"))["epoch"])


def notes(agent: AgentProcess) -> dict[str, str]:
    return dict(agent.health["notes"])


def masters(site: Site) -> dict[int, set[str]]:
    """Whose commands the nodes have executed, by epoch."""
    given = {each["id"]: agent.folder.name for agent in (site.agent, *site.others) for each in agent.export("commands")}
    found: dict[int, set[str]] = {}
    for seen in site.nodes.executions:
        found.setdefault(seen.epoch, set()).add(given.get(seen.id, "nobody"))
    return found


def move(site: Site, messages: int = 1) -> float:
    """Move the level over its other limit; return how long the pump's command took to be executed."""
    site.flood.settle()
    before = len(site.nodes.executions)
    site.flood.level_every = 1
    since = time.perf_counter()
    site.flood.publish(messages)
    block_until(lambda: len(site.nodes.executions) > before, timeout=20)
    took = time.perf_counter() - since
    site.flood.settle()
    site.flood.level_every = 0
    return took


def test_two_agents_started_in_the_same_instant(table, make_site, fault_tries, fault_messages):
    """The broker answers both at once, when both have waited for it and have begun the same epoch."""
    row = table.add(Row("epoch: two agents started in the same instant"))
    for _ in range(fault_tries):
        site = make_site(**RESTLESS)
        second = site.install("second", SECOND)
        _on_new_cards(site, site.agent, second)
        site.broker.suspend()
        site.agent.start(connected=False)
        second.start(connected=False)
        for agent in (site.agent, second):
            block_until(lambda: "epoch of the store counts alone" in agent.log, timeout=20)  # noqa: B023 - used at once
        resumed = time.perf_counter()
        site.flood.publish(20 * fault_messages)
        site.broker.resume()
        block_until(lambda: site.agent.ready and second.ready, timeout=20)  # noqa: B023
        block_until(lambda: {epoch(site.agent), epoch(second)} == {1, 2}, timeout=20)  # noqa: B023
        block_until(lambda: site.nodes.executions and site.nodes.executions[-1].epoch == 2, timeout=20)  # noqa: B023
        row.recovered(time.perf_counter() - resumed)
        site.flood.hold()
        loser, winner = sorted((site.agent, second), key=epoch)
        block_until(lambda: "came later and has control" in notes(loser).get("epoch", ""), timeout=20)  # noqa: B023
        assert "epoch" not in notes(winner)
        row.note = _moved_within(site, 6, winner)
        _conclude(site, row)
    assert row.clean(), row


@pytest.mark.parametrize("together", [True, False], ids=["together", "one after the other"])
def test_two_agents_with_one_id(together, table, make_site, fault_tries, fault_messages):
    """A card was copied. They take the session from each other until one stays away, and says why."""
    row = table.add(Row(f"epoch: two agents with one id, started {'together' if together else 'one after the other'}"))
    most = 0
    for _ in range(fault_tries):
        site = make_site(**RESTLESS)
        second = site.install("second")
        _on_new_cards(site, site.agent, second)
        if together:
            site.broker.suspend()
        site.agent.start(connected=not together)
        second.start(connected=False)
        site.broker.resume()
        began = time.perf_counter()
        site.flood.publish(fault_messages)
        block_until(lambda: second.answers and site.agent.answers, timeout=20)  # noqa: B023 - used at once
        pair = [site.agent, second]
        block_until(rarely(lambda: any(map(_has_left, pair))), timeout=60)  # noqa: B023
        loser, winner = sorted(pair, key=_has_left, reverse=True)
        row.recovered(time.perf_counter() - began)
        assert loser.log.count("this one stays away") == 1
        assert not loser.ready
        block_until(lambda: winner.ready, timeout=20)  # noqa: B023
        flaps = site.broker.log.count("already connected")
        row.note = _moved_within(site, 6, winner)
        assert site.broker.log.count("already connected") == flaps
        most = max(most, flaps)
        _conclude(site, row, winner)
    row.note += f"; the session changed hands {most} times at the most"
    assert most < 10
    assert row.clean(), row


def _has_left(agent: AgentProcess) -> bool:
    return "give each its own id" in notes(agent).get("epoch", "")


def _on_new_cards(site: Site, *agents: AgentProcess) -> None:
    """Let the broker know the agents, which lose all they knew: it keeps what comes before they are there again."""
    for agent in agents:
        agent.start()
        assert agent.terminate() == 0
        shutil.rmtree(agent.folder / "var")
    with closing(Forger(site.broker.port)) as broker:
        for name in ("gateway-1", "gateway-2"):
            broker.status(name, b"")


def _moved_within(site: Site, times: int, master: AgentProcess) -> str:
    """Let the level ask for starts and stops, which one agent alone gives; tell how long the slowest took."""
    known, slowest = len(site.nodes.executions), max(move(site) for _ in range(times))
    given = {each["id"] for each in master.export("commands")}
    done = site.nodes.executions[known:]
    assert {"start", "stop"} <= {seen.action for seen in done}
    assert {seen.id for seen in done} <= given
    assert slowest < PROMISED_SECONDS
    return f"afterwards every start and stop was executed within {slowest:.2f} s"


def _conclude(site: Site, row: Row, winner: AgentProcess | None = None) -> None:
    """Count, and hold that no epoch had two masters; what two of one id have stored counts together."""
    found = masters(site)
    assert all(len(names) == 1 for names in found.values()), found
    assert [seen.epoch for seen in site.nodes.executions] == sorted(seen.epoch for seen in site.nodes.executions)
    site.flood.settle()
    assert (winner or site.agent).terminate() == 0
    measure = site.account(row, beside=[] if winner is None else [each.folder for each in site.others])
    assert measure.clean, (site.folder, measure)
