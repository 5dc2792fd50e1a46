"""A session under test, with what it received; and a plain client for the other side."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import aiomqtt
from support.deadline import wait_until

from edge_agent.mqtt import private
from edge_agent.mqtt.backoff import LASTING_SECONDS, BackOff
from edge_agent.mqtt.connection import ConnectionSettings, Tls, Will
from edge_agent.mqtt.session import Session
from edge_agent.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.model.inbox import Message

TOPICS = Topics("water", "riverside", "gateway-1")
LEVEL = TOPICS.telemetry("tank1", "level")
WILL = Will(TOPICS.agent_status(), b"offline")


class Agent:
    """A session and what came over it. Its back-off is short, so that tests are."""

    def __init__(
        self,
        port: int,
        *,
        keepalive_seconds: int = 15,
        on_messages: Callable[[list[Message]], None] | None = None,
        tls: Tls | None = None,
        expects_session: bool = False,
        lasting_seconds: float = LASTING_SECONDS,
    ):
        self.messages: list[Message] = []
        self.sessions_present: list[bool] = []
        self.losses = 0
        self.waits: list[float] = []
        settings = ConnectionSettings("127.0.0.1", port, "gateway-1", tls=tls, keepalive_seconds=keepalive_seconds)
        self.session = Session(
            settings,
            subscriptions=TOPICS.subscriptions(),
            will=lambda: WILL,
            on_messages=on_messages or self.messages.extend,
            parse=TOPICS.parse,
            on_connected=self._announce,
            on_lost=self._lose,
            expects_session=expects_session,
            back_off=BackOff(chance=lambda: 0.5, sleep=self._short_sleep, lasting_seconds=lasting_seconds),
        )
        self.task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End the session in order, as the agent does."""
        assert self.task is not None
        if not self.task.cancelling():  # a second one would cut its goodbye off
            self.task.cancel()

    @property
    def payloads(self) -> list[bytes]:
        """What came by telemetry, in order of arrival."""
        return [message.payload for message in self.messages]

    async def _announce(self, session_present: bool) -> None:
        self.sessions_present.append(session_present)
        await self.session.publish(WILL.topic, b"online", retain=True)

    def _lose(self) -> None:
        assert not self.session.connected
        self.losses += 1

    async def _short_sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0.02)

    async def acknowledge(self, *numbers: int) -> None:
        """Acknowledge the messages that came at these places, and wait until the broker has taken note.

        It reads in order, so what it confirms after them tells. Without that, a second connection of the same name can
        overtake acknowledgements that lie in the first one's socket.
        """
        receipts = [self.messages[number].receipt for number in numbers]
        self.session.acknowledge([receipt for receipt in receipts if receipt])
        await self.session.publish("acknowledged", b"")


@contextlib.asynccontextmanager
async def running(agent: Agent, *, until_announced: bool = True) -> AsyncIterator[Agent]:
    """Run an agent's session beside the block, and close it in order at the end."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        agent.task = task = group.create_task(agent.session.run())
        try:
            if until_announced:
                await wait_until(lambda: agent.sessions_present or task.done())
            yield agent
        finally:
            agent.close()


class PlainClient(aiomqtt.Client):
    """A client as it is installed; but where the broker goes first it looks at that, lest asyncio complains later."""

    async def __aexit__(self, *raised: object) -> None:
        await super().__aexit__(*raised)
        private.look_at_end(self)


def client(port: int, **settings: Any) -> aiomqtt.Client:
    """Make a plain client, not yet connected."""
    return PlainClient("127.0.0.1", port, **settings)


class Watcher:
    """Follows topics with a client of its own: what came, and (by topic) what came last."""

    def __init__(self) -> None:
        self.messages: list[aiomqtt.Message] = []

    @property
    def last(self) -> dict[str, bytes]:
        return {str(message.topic): message.payload for message in self.messages}

    def payloads(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.messages if str(message.topic) == topic]


@contextlib.asynccontextmanager
async def watching(port: int, *filters: str, **settings: Any) -> AsyncIterator[Watcher]:
    """Watch topics beside the block."""
    watcher = Watcher()

    async def follow(watched: aiomqtt.Client) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in watched.messages:
                watcher.messages.append(message)

    async with client(port, **settings) as watched:
        await watched.subscribe([(each, 1) for each in filters])
        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow(watched))
            try:
                yield watcher
            finally:
                following.cancel()
