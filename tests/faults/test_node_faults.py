"""Nodes misbehave: they never, doubly, lately or wrongly acknowledge, lose what they wanted to say, or lose power.

A command is executed once and in time whatever a node says of it, and what is recorded of it is true: `done` only
where the node has said so and done it, and an outcome stands.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support import manners
from support.deadline import block_until, rarely
from support.faulttable import Row
from support.site import PLANT

if TYPE_CHECKING:
    from support.manners import Manner
    from support.site import Site

#: Answers are waited for as shortly as the agent allows, and a command is closed soon.
HASTY = PLANT.replace("ack_timeout_seconds = 2", "ack_timeout_seconds = 0.5").replace(
    "command_ttl_seconds = 10", "command_ttl_seconds = 2"
)
ACKNOWLEDGEMENTS = 'edge_agent_messages_total{kind="ack"}'
OPEN = {"decided", "published", "accepted"}


class Case(NamedTuple):
    """How a node misbehaves (a fault of the simulation, or a manner), and what may be recorded of its commands then."""

    fault: str = ""
    manner: Manner = manners.proper
    outcomes: tuple[str, ...] = ("done",)
    commands: int = 5
    executed: bool = True


UNHEARD = ("failed",)
CASES = {
    "acknowledges nothing and does nothing": Case(manner=manners.deaf, outcomes=UNHEARD, commands=1, executed=False),
    "executes, and the acknowledgement is lost": Case("station:drop-acks", commands=1),
    "acknowledges twice": Case("station:duplicate-acks"),
    "acknowledges late, after the agent has asked again": Case("station:delay-acks=0.7", commands=2),
    "acknowledges when the command is closed": Case("station:delay-acks=3", commands=1),
    "rejects": Case("station:reject", outcomes=("rejected",), commands=2, executed=False),
    "acknowledges another command": Case(manner=manners.with_another_id, commands=1),
    "acknowledges with an unknown word": Case(manner=manners.with_an_unknown_word, commands=1),
    "acknowledges with garbage": Case(manner=manners.with_garbage, commands=1),
    "says done, then the opposite": Case(manner=manners.of_two_minds),
    "loses power in the middle of a command": Case(manner=manners.at_first(manners.loses_power), commands=1),
    "loses power and the ids it had executed": Case(
        manner=manners.at_first(manners.loses_power_and_ids), outcomes=("rejected",), commands=1
    ),
}


def recorded(site: Site) -> dict[str, str]:
    """The commands in the store, in order, each with its state."""
    with closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True, timeout=5)) as db:
        return dict(db.execute("SELECT id, state FROM commands ORDER BY epoch, counter"))


def provoke(site: Site) -> str:
    """Move the level so that the pump must be told something, and give the new command's id."""
    known = set(recorded(site))
    site.flood.settle()
    site.flood.level_every = 1
    site.flood.publish(1)
    site.flood.settle()
    site.flood.level_every = 0
    block_until(lambda: recorded(site).keys() - known)
    return next(each for each in recorded(site) if each not in known)


def until_closed(site: Site, *ids: str) -> None:
    block_until(rarely(lambda: not any(recorded(site)[each] in OPEN for each in ids), 0.05), timeout=20)


def conclude(site: Site, row: Row) -> None:
    site.finish()
    measure = site.account(row)
    assert measure.clean, (site.folder, measure)
    done = {each for each, state in recorded(site).items() if state == "done"}
    executed = {seen.id for seen in site.nodes.executions}
    assert done <= executed, "recorded as done, and never was"
    assert executed <= recorded(site).keys(), "executed, and never recorded"


@pytest.mark.parametrize("name", CASES)
def test_node_misbehaves(name, table, make_site, fault_tries, fault_messages):
    case, row = CASES[name], table.add(Row(f"node: {name}"))
    outcomes = Counter()
    for _ in range(fault_tries):
        site = make_site(plant=HASTY, level_every=0, rate=1000)
        site.agent.start()
        if case.fault:
            site.nodes.misbehave(case.fault)
        site.nodes.manner = case.manner
        for _ in range(case.commands):
            site.flood.publish(fault_messages // case.commands)
            provoked = provoke(site)
            until_closed(site, provoked)
            outcomes[recorded(site)[provoked]] += 1
        if "delay" in case.fault:  # what comes after the end changes nothing
            block_until(rarely(lambda: site.agent.metric(ACKNOWLEDGEMENTS) > 0))  # noqa: B023 - used at once
        assert recorded(site)[provoked] in case.outcomes
        assert bool(site.nodes.executions) == case.executed
        conclude(site, row)
    row.note = "recorded as " + ", ".join(f"{state} {times}" for state, times in outcomes.items())
    assert set(outcomes) <= set(case.outcomes)
    assert row.clean(), row


def test_acknowledgement_lost_and_agent_killed(table, make_site, fault_tries, fault_messages):
    """The node has executed, the agent does not know, and dies; its next life does not command it once more."""
    row = table.add(Row("node: executes, the acknowledgement is lost, and the agent is killed"))
    for _ in range(fault_tries):
        site = make_site(plant=HASTY, level_every=0, rate=1000)
        site.agent.start()
        site.nodes.misbehave("station:drop-acks")
        site.flood.publish(fault_messages)
        provoked = provoke(site)
        block_until(lambda: site.nodes.executions)  # noqa: B023 - used at once
        site.agent.kill()
        site.nodes.behave()
        restarted = time.perf_counter()
        site.agent.start()
        until_closed(site, provoked)
        row.recovered(time.perf_counter() - restarted)
        row.note = f"recorded as {recorded(site)[provoked]}, by the equipment's report"
        assert recorded(site)[provoked] == "done"
        conclude(site, row)
        assert [seen.id for seen in site.nodes.executions].count(provoked) == 1
    assert row.clean(), row
