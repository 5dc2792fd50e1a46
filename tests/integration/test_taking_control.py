"""Whoever takes control of a site begins a higher epoch than any agent that has controlled it before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import pytest

from edge_agent.container.outlet import BrokerAddress
from edge_agent.container.takeover import Succession, highest_epoch
from edge_agent.errors import BrokerUnavailableError
from edge_agent.model.commands import MOST_EPOCH_JUMP
from edge_agent.mqtt import wire
from edge_agent.mqtt.broker import free_port
from edge_agent.mqtt.connection import ConnectionSettings
from edge_agent.mqtt.glance import retained
from edge_agent.mqtt.topics import Topics

if TYPE_CHECKING:
    import aiomqtt
    from support.brokers import Mosquitto

    from edge_agent.model.inbox import EpochReport

TOPICS = Topics("water", "riverside", "gateway-1")


def reach(port: int) -> ConnectionSettings:
    return ConnectionSettings("127.0.0.1", port, "edge-agent-riverside-gateway-1")


async def test_every_retained_payload_under_a_filter_is_told(mosquitto: Mosquitto, publisher: aiomqtt.Client) -> None:
    for number in range(300):
        await publisher.publish(f"water/riverside/_agent/g{number}/status", f"{number}", qos=1, retain=True)
    await publisher.publish("water/riverside/_agent/g1/other", "not asked for", qos=1, retain=True)
    found = await retained(reach(mosquitto.port), TOPICS.agent_statuses())
    assert {int(payload) for payload in found} == set(range(300))


async def test_the_highest_epoch_of_the_site_counts_whoever_began_it(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    assert await highest_epoch(BrokerAddress(reach(mosquitto.port), TOPICS)) == 0
    words = {"gateway-1": 4, "gateway-2": 9}
    for agent, epoch in words.items():
        topic = Topics("water", "riverside", agent).agent_status()
        await publisher.publish(topic, wire.agent_status("offline", "auto", "0.1.0", epoch), qos=1, retain=True)
    elsewhere = Topics("water", "elsewhere", "gateway-1").agent_status()
    await publisher.publish(elsewhere, wire.agent_status("online", "auto", "0.1.0", 99), qos=1, retain=True)
    assert await highest_epoch(BrokerAddress(reach(mosquitto.port), TOPICS)) == 9


@pytest.mark.parametrize("word", ["offline", "\xff", "[]", '{"epoch": "12"}', '{"epoch": true}', '{"epoch": 1e300}'])
async def test_what_tells_no_epoch_does_not_count(mosquitto: Mosquitto, publisher: aiomqtt.Client, word: str) -> None:
    await publisher.publish(TOPICS.agent_status(), word.encode("latin-1"), qos=1, retain=True)
    assert await highest_epoch(BrokerAddress(reach(mosquitto.port), TOPICS)) == 0


@pytest.mark.parametrize("word", [b"[" * 1_000, b"x" * 3_000_000, b'{"epoch": ' + b"9" * 5_000 + b"}"])
async def test_a_word_beyond_all_bounds_hides_no_other(
    mosquitto: Mosquitto, publisher: aiomqtt.Client, word: bytes
) -> None:
    await publisher.publish(TOPICS.agent_status(), word, qos=1, retain=True)
    topic = Topics("water", "riverside", "gateway-2").agent_status()
    await publisher.publish(topic, wire.agent_status("offline", "auto", "0.1.0", 7), qos=1, retain=True)
    assert await highest_epoch(BrokerAddress(reach(mosquitto.port), TOPICS)) == 7
    assert max(map(len, await retained(reach(mosquitto.port), TOPICS.agent_statuses()))) <= 4_096


async def test_a_broker_that_is_away_is_no_obstacle() -> None:
    nowhere = reach(free_port())
    with pytest.raises(BrokerUnavailableError):
        await retained(nowhere, TOPICS.agent_statuses())
    assert await highest_epoch(BrokerAddress(nowhere, TOPICS)) == 0


class Site:
    """An agent's succession over a real broker: what it reports is in force at once."""

    def __init__(self, broker: Mosquitto, epoch: int, topics: Topics = TOPICS) -> None:
        self.epoch, self.reported, self.renewed = epoch, [], 0
        self.succession = Succession(
            BrokerAddress(reach(broker.port), topics),
            epoch=lambda: self.epoch,
            report=self._raise,
            chance=lambda: 0.0,
            renew=self._renew,
        )

    def _raise(self, report: EpochReport) -> None:
        self.reported.append(report.epoch)
        self.epoch = report.epoch + 1

    def _renew(self) -> None:
        self.renewed += 1


async def say(publisher: aiomqtt.Client, agent: str, epoch: int, state: Literal["online", "offline"]) -> None:
    topic = Topics("water", "riverside", agent).agent_status()
    await publisher.publish(topic, wire.agent_status(state, "auto", "0.1.0", epoch), qos=1, retain=True)


@pytest.mark.parametrize("agent", ["gateway-1", "gateway-2"])
async def test_a_broker_that_comes_after_the_start_is_asked_before_the_first_announcement(
    mosquitto: Mosquitto, publisher: aiomqtt.Client, agent: str
) -> None:
    """A new card: the store begins epoch 1 where the site has had four."""
    await say(publisher, agent, 4, "offline")
    site = Site(mosquitto, 1)
    assert not await site.succession.before_announcing()  # over a new connection, whose will tells of it
    assert (site.epoch, site.renewed) == (5, 1)
    assert await site.succession.before_announcing()
    assert await site.succession.settle()
    await say(publisher, "gateway-1", 9, "online")
    assert await site.succession.before_announcing()  # its own word is no news at a later connection
    assert (site.epoch, site.renewed) == (5, 1)


async def test_an_epoch_that_cannot_be_is_not_followed(mosquitto: Mosquitto, publisher: aiomqtt.Client) -> None:
    await say(publisher, "gateway-2", 2**40, "online")
    site = Site(mosquitto, 3)
    await site.succession.before_announcing()
    await site.succession.after_announcing()
    await site.succession.refused(2**40)
    assert site.reported == [3 + MOST_EPOCH_JUMP]  # what a node insists on is followed a bounded step
    assert not site.succession.rival


async def test_an_agent_whose_epoch_another_has_begun_too_begins_the_next_one_and_says_so(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    site = Site(mosquitto, 2)
    await site.succession.before_announcing()
    await say(publisher, "gateway-1", 2, "online")
    await say(publisher, "gateway-2", 2, "online")
    await site.succession.after_announcing()
    assert (site.epoch, site.renewed) == (3, 1)


async def test_of_two_that_announce_the_same_epoch_one_begins_the_next_before_it_commands(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    """Both have announced before either looks; then each looks, and what it says next is seen by the other."""
    sites = {agent: Site(mosquitto, 1, Topics("water", "riverside", agent)) for agent in ("gateway-1", "gateway-2")}
    for agent in sites:
        await say(publisher, agent, 1, "online")

    async def settle(agent: str) -> None:
        while not await sites[agent].succession.settle():
            await say(publisher, agent, sites[agent].epoch, "online")

    async with asyncio.TaskGroup() as group:
        for agent in sites:
            group.create_task(settle(agent))
    assert {agent: site.epoch for agent, site in sites.items()} == {"gateway-1": 1, "gateway-2": 2}
    assert sites["gateway-1"].succession.rival == "agent gateway-2 came later and has control, with epoch 2"


@pytest.mark.parametrize("state", ["online", "offline"])
async def test_an_epoch_that_the_other_one_does_not_leave_is_left_to_it(
    mosquitto: Mosquitto, publisher: aiomqtt.Client, state: Literal["online", "offline"]
) -> None:
    """It has looked already, or it is gone."""
    site = Site(mosquitto, 1)
    await say(publisher, "gateway-2", 1, state)
    assert not await site.succession.settle()
    assert site.epoch == 2


async def test_whoever_answers_each_epoch_with_a_higher_one_does_not_stop_control(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    site = Site(mosquitto, 1)
    for _ in range(20):
        await say(publisher, "gateway-2", site.epoch, "offline")
        if await site.succession.settle():
            return
    raise AssertionError("it was never settled")


async def test_an_agent_leaves_the_site_to_one_that_came_later_while_that_runs(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    site = Site(mosquitto, 2)
    await site.succession.before_announcing()
    await say(publisher, "gateway-2", 3, "online")
    await site.succession.after_announcing()
    await site.succession.refused(3)
    assert (site.epoch, site.renewed) == (2, 0)
    assert site.succession.rival == "agent gateway-2 came later and has control, with epoch 3"
    await say(publisher, "gateway-2", 3, "offline")
    await site.succession.refused(3)
    assert site.epoch == 4
    assert not site.succession.rival


async def test_a_node_that_knows_of_an_epoch_which_no_agent_announces_is_believed(mosquitto: Mosquitto) -> None:
    site = Site(mosquitto, 1)
    await site.succession.refused(4)
    assert site.epoch == 5
    await site.succession.refused(4)  # of a command that was under way
    assert site.reported == [4]


async def test_the_connection_is_left_to_an_agent_of_the_same_id_that_came_later(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    site = Site(mosquitto, 2)
    assert not await site.succession.stays_away(contested=True)  # nobody says so
    states: list[tuple[int, Literal["online", "offline"]]] = [
        (1, "online"),
        (2, "online"),
        (3, "offline"),
        (2**40, "online"),
    ]
    for epoch, state in states:
        await say(publisher, "gateway-1", epoch, state)
        assert not await site.succession.stays_away(contested=False)
    await say(publisher, "gateway-1", 3, "online")
    assert await site.succession.stays_away(contested=True)
    assert site.succession.twin == (
        "another agent is called gateway-1 too and has control, with epoch 3: give each its own id"
    )
    assert site.epoch == 2
    await say(publisher, "gateway-1", 3, "offline")
    assert not await site.succession.stays_away(contested=False)
    assert not site.succession.twin


async def test_where_both_of_one_id_have_begun_the_same_epoch_the_first_to_look_begins_the_next(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    site = Site(mosquitto, 2)
    await say(publisher, "gateway-1", 2, "online")
    assert not await site.succession.stays_away(contested=True)
    assert site.epoch == 3
