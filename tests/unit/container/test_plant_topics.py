"""The topics of devices, subscribed to as the plant changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from support.foreigners import foreign_plant, level_plant

from edge_agent.container.planttopics import PlantTopics
from edge_agent.model.plant import Plant
from edge_agent.model.readings import DeadLetter
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn
from edge_agent.mqtt.linkerrors import NotSubscribedError
from edge_agent.mqtt.subscriptions import Subscriptions

ITS_OWN = ("water/riverside/+/status",)


class Link:
    """A connection that says what it was asked, and refuses some topics."""

    def __init__(self, refused=()):
        self.asked, self._refused = [], set(refused)

    async def subscribe(self, filters):
        self.asked.append(("subscribe", tuple(filters)))
        refused = [each for each in filters if each in self._refused]
        if refused:
            raise NotSubscribedError(refused)

    async def unsubscribe(self, filters):
        self.asked.append(("unsubscribe", tuple(filters)))


class Session:
    """A session as far as PlantTopics needs one."""

    def __init__(self):
        self.subscriptions = Subscriptions(ITS_OWN, lambda *_, **__: None)
        self.link = Link()

    async def listen(self, topics):
        self.subscriptions.want(topics)
        await self.subscriptions.follow(self.link)

    async def forget(self, topics):
        await self.subscriptions.forget(self.link, topics)


async def carried_out(topics):
    """Run what keeps the topics until it has nothing more to do."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await topics.run()


def letter(topic, reason="unknown_topic"):
    return DeadLetter(reason, topic, b"", 0)


def turn(*letters):
    return Turn(Moment(0, 0.0), dead_letters=list(letters))


async def test_a_connection_begins_with_its_own_filters_and_the_topics_of_the_plant():
    session = Session()
    PlantTopics(session, "water/riverside/", level_plant())
    await session.subscriptions.begin(session.link)
    assert session.link.asked == [("subscribe", ITS_OWN), ("subscribe", ("up/D1",))]


async def test_a_changed_plant_is_listened_to_at_once_and_what_is_gone_no_more():
    session = Session()
    topics = PlantTopics(session, "water/riverside/", level_plant())
    await session.subscriptions.begin(session.link)
    session.link.asked.clear()
    topics.equip(level_plant('ts = "/t"'))  # the same topics
    await carried_out(topics)
    assert session.link.asked == []
    topics.equip(Plant("riverside", {}))
    await carried_out(topics)
    assert session.link.asked == [("unsubscribe", ("up/D1",))]


PUMP = """
[nodes.relay]
device = "R1"
profile = "shelly_gen2"
[nodes.relay.actuators.pump1]
kind = "pump"
fail_safe = "stop"
"""


async def test_what_an_actuator_shows_that_leaves_the_plant_is_heard_until_nobody_waits_for_it():
    session = Session()
    topics = PlantTopics(session, "water/riverside/", foreign_plant(PUMP))
    await session.subscriptions.begin(session.link)
    session.link.asked.clear()
    topics.equip(Plant("riverside", {}))
    await carried_out(topics)
    assert session.link.asked == [("unsubscribe", ("R1/online",))]
    topics.turn(turn(letter("R1/status/switch:0")))
    await carried_out(topics)
    assert session.link.asked[1] == ("unsubscribe", ("R1/status/switch:0",))


async def test_a_topic_that_a_former_run_has_left_is_ended_by_its_first_message():
    session = Session()
    topics = PlantTopics(session, "water/riverside/", level_plant())
    topics.turn(
        turn(letter("old/topic"), letter("water/riverside/x/y"), letter("up/D1", "invalid_json"), letter("up/D1"))
    )
    await carried_out(topics)
    assert ("unsubscribe", ("old/topic",)) in session.link.asked


async def test_topics_that_the_broker_refuses_cost_nothing_else_and_are_told():
    session = Session()
    session.link = Link(refused=["b"])
    session.subscriptions.want(["a", "b", "c"])
    await session.subscriptions.begin(session.link)
    assert session.subscriptions.refusal == "the broker refused the subscription to b"
    session.subscriptions.want(["a"])
    await session.subscriptions.follow(session.link)
    assert session.subscriptions.refusal is None
    assert session.link.asked[-1] == ("unsubscribe", ("b", "c"))


async def test_many_topics_are_asked_for_in_several_packets():
    session = Session()
    session.subscriptions.want([f"t{number:03}" for number in range(120)])
    await session.subscriptions.begin(session.link)
    assert [len(topics) for _, topics in session.link.asked] == [1, 50, 50, 20]
