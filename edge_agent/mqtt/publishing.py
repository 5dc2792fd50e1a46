"""What is said to the broker, and what becomes of it: taken, refused, or set aside because it is too large."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError, PublishTooLargeError
from edge_agent.mqtt.clients import MQTT_5, publish_properties
from edge_agent.mqtt.linkerrors import LinkEndedError
from edge_agent.mqtt.packets import publish_bytes
from edge_agent.mqtt.setaside import SetAside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.mqtt.driver import Link

#: How long PUBACK may take where the caller does not say.
PUBLISH_SECONDS = 5.0
#: So many different limits are logged as a warning each; after them as debug lines.
_MOST_TOLD = 16


class Log(Protocol):
    """Writes a line about the connection."""

    def __call__(self, level: str, sentence: str, **fields: Any) -> None:  # noqa: ANN401 - as loguru takes them
        """Write it."""
        ...


class Said(NamedTuple):
    """One message for the broker. The last three are properties, which MQTT 3.1.1 does not have."""

    topic: str
    payload: bytes
    retain: bool = False
    timeout_seconds: float = PUBLISH_SECONDS
    expiry_seconds: float | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


class Publishing:
    """Publishes over whatever connection there is, and remembers what the broker does not take."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._refused: dict[str, str] = {}  # by topic, of the present connection
        self._causes = SetAside()
        self._alone = asyncio.Lock()  # of what may be the end of the connection one goes at a time
        self._told: set[str] = set()
        self.set_aside = 0
        self.excess = ""  # why something was set aside last

    def __repr__(self) -> str:
        return f"Publishing({len(self._refused)} topics refused, {self.set_aside} messages set aside)"

    @property
    def refusal(self) -> str | None:
        """What the broker refused to take, in a sentence; None where the last word to every topic was taken."""
        return next(iter(self._refused.values()), None)

    def begin(self) -> None:
        """Note a new connection."""
        self._refused.clear()
        self._causes.connected()

    async def publish(self, link: Link, said: Said, is_live: Callable[[], bool]) -> None:
        """Publish over a connection while it `is_live`. Raises what `Session.publish` raises."""
        properties = None
        if link.version == MQTT_5:
            expiry = None if said.expiry_seconds is None else max(1, math.ceil(said.expiry_seconds))
            properties = publish_properties(expiry, said.response_topic, said.correlation)
        packed = b"" if properties is None else properties.pack()  # type: ignore[no-untyped-call]
        size = publish_bytes(said.topic, said.payload, packed)
        self._heed_limit(link, said.topic, size)
        if not self._causes.doubts(said.topic, size):
            await self._send(link, said, size, properties)
            return
        async with self._only_one(said.timeout_seconds):
            if not is_live():
                raise BrokerUnavailableError("the connection to the broker is lost")
            self._heed_limit(link, said.topic, size)
            await self._send(link, said, size, properties)

    @asynccontextmanager
    async def _only_one(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                await self._alone.acquire()
        except TimeoutError:
            raise BrokerUnavailableError("the broker did not confirm what goes before") from None
        try:
            yield
        finally:
            self._alone.release()

    def _heed_limit(self, link: Link, topic: str, size: int) -> None:
        """Set aside what the broker does not take. Raises PublishTooLargeError."""
        limit = self._causes.limit(topic, size, _now())
        if link.most_bytes is not None and size > link.most_bytes:
            why = f"the broker takes no packet of more than {link.most_bytes} bytes"
        elif limit is not None:
            why = f"the broker ended {'a connection' if limit > size else 'connections'} for a packet of {limit} bytes"
        else:
            return
        self.set_aside += 1
        self.excess = why
        known = why in self._told or len(self._told) >= _MOST_TOLD
        self._told.add(why)
        sentence = "A message is too large for the broker: it is set aside"
        self._log("DEBUG" if known else "WARNING", sentence, topic=topic, bytes=size, because=why)
        raise PublishTooLargeError(f"{size} bytes are too many: {why}")

    async def _send(self, link: Link, said: Said, size: int, properties: Any) -> None:  # noqa: ANN401 - paho's
        topic = said.topic
        try:
            await link.publish(
                topic, said.payload, retain=said.retain, properties=properties, timeout_seconds=said.timeout_seconds
            )
        except LinkEndedError as error:
            if not link.taken_over:
                self._causes.ended(topic, size, error.seconds, _now())
            raise
        except PublishRefusedError as error:
            if topic not in self._refused:
                self._log("WARNING", "The broker refuses what the agent publishes", error=str(error))
            self._refused[topic] = str(error)
            raise
        self._causes.taken(topic, size)
        if self._refused.pop(topic, None):
            self._log("INFO", "The broker takes again what it refused", topic=topic)


def _now() -> float:
    return asyncio.get_running_loop().time()
