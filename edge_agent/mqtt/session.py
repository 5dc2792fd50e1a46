"""The one owner of the connection to the broker: connects, subscribes, announces, receives, publishes, backs off."""

from __future__ import annotations

import asyncio
import inspect
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import MQTT_3_1_1, MQTT_5
from edge_agent.mqtt.driver import Link
from edge_agent.mqtt.linkerrors import ProtocolRefusedError, SilentBrokerError
from edge_agent.mqtt.publishing import PUBLISH_SECONDS, Publishing, Said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from aiomqtt import ProtocolVersion

    from edge_agent.model.inbox import Message, Receipt, Route
    from edge_agent.mqtt.connection import ConnectionSettings, Will

#: Back-off with full jitter: before attempt n it waits a random part of FIRST * 2**n seconds, of LONGEST at most.
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
#: A connection that ends sooner counts as another failure: else two with one id would take turns for ever, and so would
#: one that the broker ends for what it is told.
LASTING_SECONDS = 10.0
#: So many connections in a row that ended soon tell of another client with the same id; not every broker says so.
CONTESTED_FAILURES = 3


class Session:
    """A lasting session with the broker over many connections. `run` it in one task; the rest is called beside it.

    `on_messages` is called in the event loop with all messages that were read together and must be fast; what it raises
    ends `run`. It may `pause` the session: what it has been given by then still counts.
    `on_connected(session_present)` is called (and awaited) after each connection is subscribed, `connected` already
    true; where it raises BrokerUnavailableError the connection counts as failed. `on_lost()` is called once when a
    connection that was announced so has ended, and must be fast. `jitter` gives numbers of [0, 1).
    `will` is asked at each connection. `expects_session`: the broker knew this client before, so that a first
    connection without a session has lost one. `lasting_seconds`: a connection that ended sooner counts as a failure,
    so that the pauses between them grow. `stay_away(contested)` is asked after the end of each, and from time to
    time, whether another client of the same id is to keep the session; where it was so, or connections have ended
    soon several times, it is contested. `hasty` is asked after each read whether an answer is waited for, so that
    nothing is gathered.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        subscriptions: Sequence[str],
        will: Callable[[], Will],
        on_messages: Callable[[list[Message]], None],
        parse: Callable[[str], Route],
        on_connected: Callable[[bool], Awaitable[None] | None] | None = None,
        on_lost: Callable[[], None] | None = None,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        expects_session: bool = False,
        lasting_seconds: float = LASTING_SECONDS,
        stay_away: Callable[[bool], Awaitable[bool]] | None = None,
        hasty: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._subscriptions = tuple(subscriptions)
        self._will = will
        self._on_messages = on_messages
        self._parse, self._hasty = parse, hasty
        self._on_connected, self._on_lost, self._stay_away = on_connected, on_lost, stay_away
        self._jitter = jitter
        self._sleep = sleep
        self._version = MQTT_5
        self._link: Link | None = None
        self._generation = 0
        self._expects_session = expects_session
        self._established = self._failures = 0
        self._ready = self._paused = self._closing = False
        self._doubtful = self._contested = False  # of the session: whether another client has it
        self._task: asyncio.Task[None] | None = None
        self._lasting_seconds = lasting_seconds
        self._announced_at: float | None = None
        self.publishing = Publishing(self._log)
        self.sessions_lost = 0

    @property
    def connected(self) -> bool:
        """Whether there is a connection that is subscribed and, as far as is known, alive."""
        return self._ready and self._link is not None and self._link.alive

    @property
    def refusal(self) -> str | None:
        """What the broker refused to take, in a sentence; None where the last word to every topic was taken."""
        return self.publishing.refusal

    @property
    def generation(self) -> int:
        """Number of the present connection, counting every attempt; receipts of earlier ones are worthless."""
        return self._generation

    @property
    def protocol(self) -> str:
        """The version of MQTT in use: `5` or `3.1.1`."""
        return "5" if self._version == MQTT_5 else "3.1.1"

    @property
    def paused(self) -> bool:
        """Whether the owner has asked for the socket to rest."""
        return self._paused

    async def run(self) -> None:
        """Stay connected until cancelled or closed; either way the broker is told goodbye and keeps the session."""
        self._task = asyncio.current_task()
        try:
            while not self._closing:
                await self._hold_or_back_off()
        except asyncio.CancelledError:
            # `close` cancels too; only somebody else's cancellation goes on to the caller.
            if not self._closing or self._task is None or self._task.uncancel():
                raise
        finally:
            self._task = None

    def close(self) -> None:
        """End `run` within two seconds, without the will.

        Before it: `pause`, store, `acknowledge`, publish `offline`. The broker reads in order, so when it has confirmed
        the last it has seen the acknowledgements too.
        """
        if not self._closing:
            self._closing = True
            if self._task is not None:
                self._task.cancel()

    def renew(self) -> None:
        """End the present connection in order, and connect anew at once: so a changed will comes into force."""
        if self._link is not None:
            self._link.finish()

    def pause(self) -> None:
        """Stop reading the socket, over reconnects too, so that the broker keeps what comes.

        Handshakes and publishes go on; while one waits for the broker, messages that lie before its answer still come
        (no more than the broker sends unacknowledged). Keepalive goes on; a connection that dies silently meanwhile is
        noticed after `resume`.
        """
        self._paused = True
        if self._link is not None:
            self._link.pause()

    def resume(self) -> None:
        """Read the socket again."""
        self._paused = False
        if self._link is not None:
            self._link.resume()

    def acknowledge(self, receipts: Iterable[Receipt]) -> None:
        """Tell the broker that messages are safe. Receipts of earlier connections are dropped: it redelivers those."""
        if self._link is not None:
            self._link.acknowledge([packet for generation, packet in receipts if generation == self._generation])

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry_seconds: float | None = None,
        response_topic: str | None = None,
        correlation: bytes | None = None,
        timeout_seconds: float = PUBLISH_SECONDS,
    ) -> None:
        """Publish at QoS 1 and return when the broker has confirmed. Over MQTT 3.1.1 the last three are left out.

        Raises BrokerUnavailableError where it has not confirmed: then nothing is kept here to be sent later, though
        what had left already may still arrive. PublishRefusedError says that the broker has it and said no,
        PublishTooLargeError that it was not sent because the broker would not take it.
        """
        link = self._link
        if link is None or not self.connected:
            raise BrokerUnavailableError("there is no connection to the broker")
        said = Said(topic, payload, retain, timeout_seconds, expiry_seconds, response_topic, correlation)
        await self.publishing.publish(link, said, lambda: link is self._link and self.connected)

    async def _hold_or_back_off(self) -> None:
        try:
            await self._hold_one_connection()
        except BrokerUnavailableError as error:
            if self._has_lasted():
                self._failures = 0
            level = "DEBUG" if self._failures else "WARNING"
            self._log(level, "The broker is unavailable", error=str(error), failures=self._failures)
            longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(self._failures, 10))
            self._failures += 1
            await self._sleep(self._jitter() * longest)
        if self._doubtful and self._stay_away is not None:
            contested = self._contested or self._failures >= CONTESTED_FAILURES
            self._doubtful = self._contested = False
            while await self._stay_away(contested):
                await self._sleep(LONGEST_WAIT_SECONDS)

    async def ask_again(self) -> None:
        """Ask the broker for all that is retained once more; a connection that is lost on the way asks anyway."""
        if self._link is not None:
            with suppress(BrokerUnavailableError):
                await self._link.subscribe(self._subscriptions)

    def _has_lasted(self) -> bool:
        announced_at, self._announced_at = self._announced_at, None
        now = asyncio.get_running_loop().time()
        return announced_at is not None and now - announced_at >= self._lasting_seconds

    async def _hold_one_connection(self) -> None:
        """Connect, subscribe, announce, receive. At the end it raises BrokerUnavailableError, but for `renew`."""
        link: Link | None = None
        announced = False
        try:
            link = await self._connect()
            await link.subscribe(self._subscriptions)
            await self._announce(link)
            announced = True
            cause = await link.lost()
            if not link.finished:
                raise BrokerUnavailableError(cause)
        finally:
            self._ready, self._link = False, None
            if announced and self._on_lost is not None:
                self._on_lost()
            if link is not None:
                self._doubtful, self._contested = announced and not link.finished, link.taken_over
                if link.taken_over:
                    other = f"Another client uses the id {self._settings.client_id}: each agent needs its own"
                    self._log("WARNING", other)
                await link.close()

    async def _connect(self) -> Link:
        """Connect in the version that worked last; where the broker refuses it, in the other one."""
        try:
            return await self._open(self._version)
        except SilentBrokerError:
            if self._established:  # it has spoken this version: it does not now
                raise
        except ProtocolRefusedError:
            pass
        other = MQTT_3_1_1 if self._version == MQTT_5 else MQTT_5
        link = await self._open(other)
        self._version = other
        return link

    async def _open(self, version: ProtocolVersion) -> Link:
        self._generation += 1
        self._link = link = Link(
            self._settings,
            version,
            self._will(),
            self._on_messages,
            parse=self._parse,
            generation=self._generation,
            hasty=self._hasty,
        )
        if self._paused:
            link.pause()
        await link.open()
        return link

    async def _announce(self, link: Link) -> None:
        """Count what became of the session, let the owner speak, and say that the broker is back."""
        if self._expects_session and not link.session_present:
            self.sessions_lost += 1
            self._log("WARNING", "The broker forgot the session", sessions_lost=self.sessions_lost)
        self._expects_session = True
        self._established += 1
        self.publishing.begin()
        self._announced_at = asyncio.get_running_loop().time()
        self._ready = True
        outcome = self._on_connected(link.session_present) if self._on_connected else None
        if inspect.isawaitable(outcome):
            await outcome
        if link.finished:
            return
        link.ready()
        if link.doubts:
            self._log("WARNING", "The MQTT library has changed: it is used the plain way", because=list(link.doubts))
        self._log("INFO", "The broker is connected", protocol=self.protocol, failures=self._failures)

    def _log(self, level: str, sentence: str, **fields: object) -> None:
        logger.bind(host=self._settings.host, port=self._settings.port, **fields).log(level, sentence)
