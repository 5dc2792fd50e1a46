"""What the agent publishes, and what the settings say of the way to the broker."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from edge_agent.dialects.commanding import written
from edge_agent.errors import NoFormError, PublishRefusedError, PublishTooLargeError
from edge_agent.mqtt import wire
from edge_agent.mqtt.connection import ConnectionSettings, Tls
from edge_agent.mqtt.topics import Topics
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Command, Mode
    from edge_agent.model.plant import Plant
    from edge_agent.model.readings import DeadLetter
    from edge_agent.model.sources import Wiring
    from edge_agent.mqtt.session import Session
    from edge_agent.settings.agent import Settings


class BrokerOutlet:
    """Nouns in, topics and payloads out. What is too large for the broker goes without its `reason`."""

    def __init__(self, session: Session, topics: Topics, *, mode: Mode, epoch: Callable[[], int]) -> None:
        self._session, self._topics, self._mode, self._epoch = session, topics, mode, epoch
        self._announced: int | None = None
        self._wirings: dict[str, Wiring] = {}

    def __repr__(self) -> str:
        return f"BrokerOutlet(epoch announced: {self._announced})"

    def equip(self, plant: Plant) -> None:
        """Speak to the actuators of a plant; those that are gone are known still, for what is asked of them last."""
        for actuator in plant.actuators:
            self._wirings.pop(actuator.name, None)
            if actuator.wiring is not None:
                self._wirings[actuator.name] = actuator.wiring

    async def command(self, command: Command, remaining_seconds: float) -> None:
        """Publish a command; first the status, where its epoch was not announced. Raises BrokerUnavailableError."""
        if self._announced is not None and self._announced < command.epoch:
            with suppress(PublishRefusedError):
                await self.status("online")
        wiring = self._wirings.get(command.target)
        if wiring is not None:
            await self._foreign_command(command, wiring, remaining_seconds)
            return
        topic = self._topics.command(command.node, command.actuator)
        try:
            await self._session.publish(
                topic,
                wire.command(command),
                expiry_seconds=remaining_seconds,
                response_topic=self._topics.ack(command.node, command.actuator),
                correlation=command.id.encode(),
            )
        except PublishTooLargeError:  # what is left out is for people, or tells topic and id once more
            short = wire.command(replace(command, reason=""))
            await self._session.publish(topic, short, expiry_seconds=remaining_seconds)

    async def _foreign_command(self, command: Command, wiring: Wiring, remaining_seconds: float) -> None:
        """Publish a command in the language of its device."""
        said = written(command, wiring, self._topics.agent)
        if said is None:
            raise NoFormError(f"its device has no form for {command.action}")
        await self._session.publish(said.topic, said.payload, expiry_seconds=remaining_seconds)

    async def alarm(self, alarm: Alarm) -> None:
        """Publish the state of an alarm. Raises BrokerUnavailableError."""
        topic = self._topics.alarm(alarm.key)
        try:
            await self._session.publish(topic, wire.alarm(alarm), retain=True)
        except PublishTooLargeError:
            await self._session.publish(topic, wire.alarm(replace(alarm, reason="")), retain=True)

    async def dead_letter(self, letter: DeadLetter) -> None:
        """Publish a dead letter. Raises BrokerUnavailableError."""
        await self._session.publish(self._topics.dead_letter(), wire.dead_letter(letter))

    async def status(self, state: str) -> None:
        """Publish the agent's status. Raises BrokerUnavailableError."""
        said: Literal["online", "offline"] = "online" if state == "online" else "offline"
        self._announced = self._epoch()
        word = wire.agent_status(said, self._mode, installed_version(), self._announced)
        await self._session.publish(self._topics.agent_status(), word, retain=True)


class BrokerAddress(NamedTuple):
    """How the broker is reached, as which client, and by what topics the site is spoken to there."""

    connection: ConnectionSettings
    topics: Topics


def broker_address(settings: Settings, site: str) -> BrokerAddress:
    """Return the address by which the settings send the agent to the broker."""
    topics = Topics(settings.mqtt.topic_prefix, site, settings.agent.id)
    return BrokerAddress(connection_settings(settings, f"edge-agent-{site}-{settings.agent.id}"), topics)


def connection_settings(settings: Settings, client_id: str) -> ConnectionSettings:
    """Return what the settings say of the broker, for a client of this name."""
    mqtt = settings.mqtt
    return ConnectionSettings(
        host=mqtt.host,
        port=mqtt.port,
        client_id=client_id,
        username=mqtt.username,
        password=None if mqtt.password is None else mqtt.password.get_secret_value(),
        tls=None if mqtt.tls is None else Tls(mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file),
        keepalive_seconds=mqtt.keepalive_seconds,
        receive_maximum=mqtt.receive_maximum,
        session_expiry_seconds=mqtt.session_expiry_seconds,
        max_packet_bytes=mqtt.max_packet_bytes,
        gather_seconds=mqtt.gather_seconds,
    )
