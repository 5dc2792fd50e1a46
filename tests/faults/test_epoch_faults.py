"""Who has control of a site: agents that start together or know nothing of the past, and epochs that are forged.

The nodes note who commanded what. No two agents are ever obeyed under one epoch, and none for good by mistake.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until, rarely
from support.faultsteps import PROMISED_SECONDS, QUIET, ask
from support.faulttable import Row
from support.forger import Forger
from support.ledgerflood import LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from support.processes import AgentProcess
    from support.site import Site

SECOND = '[agent]\nid = "gateway-2"\n'
#: The level asks for something else ten times a second.
RESTLESS = {"rate": 200, "level_every": 20}


def epoch(agent: AgentProcess) -> int:
    return int(json.loads(agent.get("/status"))["epoch"])


def kept_epoch(site: Site) -> int:
    """Return the epoch that outlives a kill: `epoch` shows one that is about to be written, too."""
    with closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True, timeout=5)) as db:
        return int(db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])


def notes(agent: AgentProcess) -> dict[str, str]:
    return dict(agent.health["notes"])


def masters(site: Site) -> dict[int, set[str]]:
    """Whose commands the nodes have executed, by epoch."""
    given = {each["id"]: agent.folder.name for agent in (site.agent, *site.others) for each in agent.export("commands")}
    found: dict[int, set[str]] = {}
    for seen in site.nodes.executions:
        found.setdefault(seen.epoch, set()).add(given.get(seen.id, "nobody"))
    return found


def move(site: Site) -> float:
    """Move the level over its other limit; return how long it took until the pump does what that asks for."""
    site.flood.settle()
    since = time.perf_counter()
    ask(site)
    low = max(site.flood.acknowledged[LEVEL]) % 2 == 0
    block_until(lambda: site.nodes.running("station/pump1") is low, timeout=20)
    return time.perf_counter() - since


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
        _conclude(site, row, winner, beside=[second.folder])
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


def _conclude(
    site: Site, row: Row, agent: AgentProcess | None = None, *, beside: Iterable[Path] = (), forged: bool = False
) -> None:
    """Count, and hold that no epoch had two masters; `beside` has stored a part of what came for the same id."""
    found = {epoch: names - {"nobody"} if forged else names for epoch, names in masters(site).items()}
    assert all(len(names) <= 1 for names in found.values()), found
    assert [seen.epoch for seen in site.nodes.executions] == sorted(seen.epoch for seen in site.nodes.executions)
    site.flood.settle()
    if agent is None:
        site.until_stored()
    assert (agent or site.agent).terminate() == 0
    measure = site.account(row, beside=beside)
    assert measure.clean, (site.folder, measure)


#: What an agent's status may say though no agent has said it; one is an epoch that can be.
FORGED_STATUSES = (
    *({"state": "online", "epoch": number} for number in (2**53, 10**9, -1, "12", True, [7], 999_999)),
    b'{"state":"online","epoch":1e400}',
    b'{"state":"online","epoch":' + b"9" * 5000 + b"}",
    b'{"epoch":' * 20_000,
    b"[" * 50_000,
    b"\xff\x00",
)


def test_forged_statuses(table, make_site, fault_tries, fault_messages):
    """Retained under other agents' names and this one's; what can be is outdone, what cannot be is told."""
    row = table.add(Row("epoch: forged in the status of agents"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        with closing(Forger(site.broker.port)) as forger:
            for number, payload in enumerate(FORGED_STATUSES):
                forger.status(f"forged-{number}", payload)
            for payload in FORGED_STATUSES[:-2]:
                forger.status("gateway-1", payload)
                site.agent.start()
                assert epoch(site.agent) >= 1_000_000
                slowest = max(slowest, move(site))
                forger.status("gateway-1", payload)  # while it runs
                site.agent.kill()
        assert site.agent.log.count("announces an epoch that cannot be") >= len(FORGED_STATUSES[:-2])
        site.agent.start()
        site.flood.publish(fault_messages)
        slowest = max(slowest, move(site))
        assert epoch(site.agent) < 1_000_100
        _conclude(site, row)
    row.note = f"every command was executed within {slowest:.2f} s"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


def test_epochs_driven_up_beyond_what_a_node_believes(table, make_site, fault_tries, fault_messages):
    """The agent outdoes one forged status at each start, and gives no command meanwhile."""
    row = table.add(Row("epoch: driven up by forged statuses while the nodes heard nothing"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        with closing(Forger(site.broker.port)) as forger:
            for number in (999_999, 1_999_999, 2_999_999):
                forger.status("forged", {"state": "offline", "epoch": number})
                site.agent.start()
                block_until(lambda: kept_epoch(site) > number)  # noqa: B023 - used at once
                site.agent.kill()
        site.agent.start()
        slowest = max(slowest, move(site), move(site))
        site.flood.publish(fault_messages)
        _conclude(site, row)
    row.note = f"every command was executed within {slowest:.2f} s, the first after refusals"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


#: Commands that nobody has given; the epoch is that of the agent and so much more.
FORGED_COMMANDS = {
    "of an epoch beyond all numbers": {"epoch": 2**53},
    "of an epoch that cannot be": {"epoch": 10**9},
    "of an epoch to come": {"ahead": 1000},
    "of an epoch to come, expired": {"ahead": 500_000, "expires_in": -1.0},
    "of the agent's epoch, with the last of counters": {"ahead": 0, "counter": 2**63 - 1},
}


@pytest.mark.parametrize("name", FORGED_COMMANDS)
def test_forged_commands(name, table, make_site, fault_tries, fault_messages):
    """On the command topic itself. A node may have to obey; it does not refuse the agent for longer than one answer."""
    row = table.add(Row(f"epoch: forged command {name}"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        site.agent.start()
        move(site)
        with closing(Forger(site.broker.port)) as forger:
            for _ in range(3):
                members = dict(FORGED_COMMANDS[name])
                ahead = members.pop("ahead", None)
                if ahead is not None:
                    members["epoch"] = epoch(site.agent) + ahead
                before = len(site.nodes.deliveries)
                forger.command("station/pump1", **members)
                block_until(lambda: len(site.nodes.deliveries) > before)  # noqa: B023 - used at once
                for _ in range(4):  # a start waits for a report that may still follow the last one
                    took = move(site)
                    slowest = slowest if site.nodes.running("station/pump1") else max(slowest, took)
        site.flood.publish(fault_messages)
        _conclude(site, row, forged=True)
    row.note = f"every stop of the agent was executed within {slowest:.2f} s"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


FORGED_FILES = (
    b"",
    b"many",
    b"\xff",
    b"9223372036854775808",
    b"9223372036854775807",
    b"1000000000",
    b"-1",
    b"9" * 5000,
)


def test_forged_epoch_files(table, make_site, fault_tries, fault_messages):
    """Damaged or forged while the agent is stopped; then with the store gone too."""
    row = table.add(Row("epoch: damaged and forged in the file"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        site.agent.start()
        for number, content in enumerate(FORGED_FILES):
            assert epoch(site.agent) == number + 1
            slowest = max(slowest, move(site))
            site.agent.kill()
            site.store.with_suffix(".epoch").write_bytes(content)
            site.agent.start()
        assert site.agent.log.count("The epoch file is not believed") >= 4
        site.flood.publish(fault_messages)
        slowest = max(slowest, move(site))
        _conclude(site, row)
    row.note = f"every command was executed within {slowest:.2f} s"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


def test_a_new_card_and_a_broker_that_comes_later(table, make_site, fault_tries, fault_messages):
    """Broker and nodes know epoch 3, the card nothing: the agent learns it before its first command."""
    row = table.add(Row("epoch: a new card, and the broker comes seconds later"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        for _ in range(3):
            site.agent.start()
            move(site)
            assert site.agent.terminate() == 0
        old_card = site.folder / "old card"
        old_card.mkdir()
        shutil.move(site.agent.folder / "var", old_card)
        site.broker.stop()
        site.agent.start(connected=False)
        block_until(lambda: "The broker is unavailable" in site.agent.log, timeout=20)  # noqa: B023 - used at once
        site.broker.start()
        began = time.perf_counter()
        block_until(lambda: site.agent.ready, timeout=40)  # noqa: B023
        slowest = max(slowest, move(site), move(site))
        row.recovered(time.perf_counter() - began)
        site.flood.publish(fault_messages)
        site.flood.settle()
        site.until_stored()
        assert epoch(site.agent) == 4
        assert {each["outcome"] for each in site.agent.export("commands")} <= {"done", "superseded"}
        site.agent.kill()  # its last will does not forget what it has learnt
        block_until(lambda: json.loads(retained(site, "gateway-1"))["state"] == "offline")  # noqa: B023
        assert json.loads(retained(site, "gateway-1"))["epoch"] == 4
        site.agent.start()
        _conclude(site, row, beside=[old_card])
    row.note = f"every command was executed within {slowest:.2f} s"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


def retained(site: Site, agent: str) -> str:
    topic = f"water/riverside/_agent/{agent}/status"
    command = ["mosquitto_sub", "-p", str(site.broker.port), "-t", topic, "-C", "1", "-W", "5"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
