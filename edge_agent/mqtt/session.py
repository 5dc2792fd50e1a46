"""The one owner of the connection to the broker: connects, subscribes, announces, receives, publishes, backs off."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.backoff import BackOff
from edge_agent.mqtt.clients import MQTT_3_1_1, MQTT_5
from edge_agent.mqtt.driver import Link
from edge_agent.mqtt.linkerrors import ProtocolRefusedError, SilentBrokerError
from edge_agent.mqtt.publishing import PUBLISH_SECONDS, Publishing, Said
from edge_agent.mqtt.states import SessionClaim, SessionState, claim
from edge_agent.mqtt.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from aiomqtt import ProtocolVersion

    from edge_agent.model.inbox import Message, Receipt, Route
    from edge_agent.mqtt.connection import ConnectionSettings, Will

#: So many connections in a row that ended soon tell of another client with the same id; not every broker says so.
CONTESTED_FAILURES = 3


class Session:
    """A lasting session with the broker over many connections. `run` it in one task; the rest is called beside it.

    `on_messages` is called in the event loop with all messages that were read together and must be fast; what it raises
    ends `run`. It may `pause` the session: what it has been given by then still counts.
    `on_connected(session_present)` is awaited after each connection is subscribed, `connected` already true; where it
    raises BrokerUnavailableError the connection counts as failed. `on_lost()` is called once when a connection that was
    announced so has ended, and must be fast.
    `will` is asked at each connection. `expects_session`: the broker knew this client before, so that a first
    connection without a session has lost one. `stay_away(contested)` is asked after the end of each, and from time to
    time, whether another client of the same id is to keep the session; where it was so, or connections have ended
    soon several times, it is contested. `hasty` is asked after each read whether an answer is waited for, so that
    nothing is gathered.
    """

    def __init__(  # more than five parameters: it has one owner, and asks it for each of these by itself
        self,
        settings: ConnectionSettings,
        *,
        subscriptions: Sequence[str],
        will: Callable[[], Will],
        on_messages: Callable[[list[Message]], None],
        parse: Callable[[str], Route],
        on_connected: Callable[[bool], Awaitable[None]],
        on_lost: Callable[[], None] | None = None,
        expects_session: bool = False,
        back_off: BackOff | None = None,
        stay_away: Callable[[bool], Awaitable[bool]] | None = None,
        hasty: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self.subscriptions = Subscriptions(subscriptions, self._log)
        self._will = will
        self._on_messages = on_messages
        self._parse, self._hasty = parse, hasty
        self._on_connected, self._on_lost, self._stay_away = on_connected, on_lost, stay_away
        self._back_off = back_off or BackOff()
        self._version = MQTT_5
        self._link: Link | None = None
        self._expects_session = expects_session
        self._established = 0
        self._state = SessionState.AWAY
        self._claim = SessionClaim.OWN
        self._paused = False  # what the owner wants of this connection and of those to come
        self.generation = (
            0  # number of the present connection, counting every attempt; receipts of others are worthless
        )
        self.publishing = Publishing(self._log)
        self.sessions_lost = 0

    def __repr__(self) -> str:
        state = self._state if self.connected or self._state is not SessionState.CONNECTED else "lost"
        paused = ", paused" if self._paused else ""
        return f"Session({self._settings.client_id} {state} over MQTT {self.protocol}{paused}, {self._back_off!r})"

    @property
    def connected(self) -> bool:
        """Whether there is a connection that is subscribed and, as far as is known, alive."""
        return self._state is SessionState.CONNECTED and self._link is not None and self._link.alive

    @property
    def refusal(self) -> str | None:
        """What the broker refused to take or to give, in a sentence; None where it refuses nothing."""
        return self.publishing.refusal or self.subscriptions.refusal

    @property
    def protocol(self) -> str:
        """The version of MQTT in use: `5` or `3.1.1`."""
        return "5" if self._version == MQTT_5 else "3.1.1"

    async def run(self) -> None:
        """Stay connected until cancelled; then disconnect in order, without the will; the broker keeps the session.

        Before the end: `pause`, store, `acknowledge`, publish `offline`. The broker reads in order, so when it has
        confirmed the last it has seen the acknowledgements too.
        """
        while True:
            await self._hold_or_back_off()

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
        """Acknowledge messages that are safe. Receipts of earlier connections are dropped: those are redelivered."""
        if self._link is not None:
            self._link.acknowledge([packet for generation, packet in receipts if generation == self.generation])

    async def publish(  # seven parameters: two are the message, the others what may be said with it
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
        said = Said(
            topic=topic,
            payload=payload,
            retain=retain,
            timeout_seconds=timeout_seconds,
            expiry_seconds=expiry_seconds,
            response_topic=response_topic,
            correlation=correlation,
        )
        await self.publishing.publish(link, said, lambda: link is self._link and self.connected)

    async def _hold_or_back_off(self) -> None:
        try:
            await self._hold_one_connection()
        except BrokerUnavailableError as error:
            failures = self._back_off.failed()
            level = "DEBUG" if failures else "WARNING"
            self._log(level, "The broker is unavailable", error=str(error), failures=failures)
            await self._back_off.wait()
        if self._claim is not SessionClaim.OWN and self._stay_away is not None:
            contested = self._claim is SessionClaim.CONTESTED or self._back_off.failures >= CONTESTED_FAILURES
            self._claim = SessionClaim.OWN
            while await self._stay_away(contested):
                await self._back_off.wait_longest()

    async def ask_again(self) -> None:
        """Ask the broker for all that is retained once more; a connection that is lost on the way asks anyway."""
        if self._link is not None:
            with suppress(BrokerUnavailableError):
                await self.subscriptions.begin(self._link)

    async def listen(self, topics: Collection[str]) -> None:
        """Subscribe to these topics besides, from now on and at each connection, and to others no longer."""
        self.subscriptions.want(topics)
        if self._link is not None and self.connected:
            with suppress(BrokerUnavailableError):  # the next connection begins with what is wanted then
                await self.subscriptions.follow(self._link)

    async def forget(self, topics: Collection[str]) -> None:
        """End subscriptions to topics that nobody wants, as a former run may have left them."""
        if self._link is not None and self.connected:
            with suppress(BrokerUnavailableError):
                await self.subscriptions.forget(self._link, topics)

    async def _hold_one_connection(self) -> None:
        """Connect, subscribe, announce, receive. At the end it raises BrokerUnavailableError, but for `renew`."""
        link: Link | None = None
        announced = False
        try:
            self._state = SessionState.OPENING
            link = await self._connect()
            await self.subscriptions.begin(link)
            await self._announce(link)
            announced = True
            cause = await link.lost()
            if not link.finished:
                raise BrokerUnavailableError(cause)
        finally:
            self._state, self._link = SessionState.AWAY, None
            if announced and self._on_lost is not None:
                self._on_lost()
            if link is not None:
                self._claim = claim(ended_by_others=announced and not link.finished, taken_over=link.taken_over)
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
        self.generation += 1
        self._link = link = Link(
            self._settings,
            version,
            self._will(),
            self._on_messages,
            parse=self._parse,
            generation=self.generation,
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
        self._back_off.announced()
        self._state = SessionState.CONNECTED
        await self._on_connected(link.session_present)
        if link.finished:
            return
        link.ready()
        if link.doubts:
            self._log(
                "WARNING", "The MQTT library has changed: only its public methods are used", because=list(link.doubts)
            )
        self._log("INFO", "The broker is connected", protocol=self.protocol, failures=self._back_off.failures)

    def _log(self, level: str, sentence: str, **fields: object) -> None:
        logger.bind(host=self._settings.host, port=self._settings.port, **fields).log(level, sentence)
