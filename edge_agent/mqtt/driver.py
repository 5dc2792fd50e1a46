"""One connection to the broker, over aiomqtt and paho.

aiomqtt opens and closes the connection; its callbacks are wrapped or replaced, because it hides what the broker says
(session present, reason codes), knows no manual acknowledgement, and waits out its time where a connection dies before
CONNACK. What that takes of the libraries' private side is in `private`.

QoS 1 only: subscriptions cap what arrives at 1. (With manual acknowledgement paho answers QoS 2 with PUBREC by itself,
forgets it with the connection, and so cannot carry it across one.)
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiomqtt
import paho.mqtt.client as paho

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError
from edge_agent.mqtt import private
from edge_agent.mqtt.clients import HANDSHAKE_SECONDS, MQTT_5, fresh_client, passing_client
from edge_agent.mqtt.confirmations import Confirmations, settle_with_error
from edge_agent.mqtt.linkerrors import LinkEndedError, NotSubscribedError, ProtocolRefusedError, SilentBrokerError
from edge_agent.mqtt.packets import Splitter, unrouted
from edge_agent.mqtt.states import SOCKET_STEPS, SocketState
from edge_agent.mqtt.transport import Transport
from edge_agent.ports.cancellation import heeding_cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from edge_agent.model.inbox import Message, Route
    from edge_agent.mqtt.connection import ConnectionSettings, Will
    from edge_agent.mqtt.states import SocketEvent

#: How long DISCONNECT may take to leave; after that the socket is simply closed.
FAREWELL_SECONDS = 1.5
#: Most publishes that wait for their PUBACK at once, however much more the broker would take.
MOST_UNCONFIRMED = 100
#: "Unsupported protocol version" as MQTT 5 and as 3.1.1 say it; paho reads the second as the first.
_UNSUPPORTED_VERSION = frozenset({0x84, 0x01})
_FAILURE = 0x80
_TAKEN_OVER = 0x8E


class Link:
    """One connection, from CONNECT to its end; never used again after it. Lives in one event loop."""

    def __init__(  # six parameters: the last two are left out by who subscribes to one thing and connects once
        self,
        settings: ConnectionSettings,
        version: aiomqtt.ProtocolVersion,
        will: Will | None,
        receive: Callable[[list[Message]], None],
        *,
        parse: Callable[[str], Route] = unrouted,
        generation: int = 0,
        hasty: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare a connection; `generation` goes into the receipts. What `receive` raises comes out of `lost`.

        Without a will it leaves nothing behind, not even a session. While `hasty` says so nothing is gathered.
        """
        self._loop = asyncio.get_running_loop()
        self._receive = receive
        self._client = fresh_client(settings, version, will) if will else passing_client(settings, version)
        self._paho = private.paho_of(self._client)
        self.doubts = private.doubts(self._client)
        self._splitter = Splitter(parse, generation, properties=version == MQTT_5)
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._confirmations = Confirmations(self._choose_reading)
        self._socket = SocketState.OPENING
        self._hasty = hasty
        self._transport = Transport(
            self._paho,
            self._splitter,
            receive,
            self._end,
            gather_seconds=settings.gather_seconds,
            hasty=self._is_hasty,
        )
        self.version = version
        self.session_present = False
        self.finished = False  # in order, by the owner
        self.taken_over = False  # another client has come with the same id; only MQTT 5 tells
        self.most_bytes: int | None = None  # largest packet that the broker takes; only MQTT 5 tells
        self._slots = asyncio.Semaphore(MOST_UNCONFIRMED)
        self._hook()

    def __repr__(self) -> str:
        state = "alive" if self.alive else "ended"
        return f"Link({state}, {self._socket}, {len(self._confirmations)} unconfirmed)"

    @property
    def alive(self) -> bool:
        """Whether nothing is known yet of its end."""
        return not self._lost.done()

    async def open(self) -> None:
        """Connect. Raises ProtocolRefusedError or BrokerUnavailableError; nothing is left open then."""
        try:
            with heeding_cancellation():
                await self._client.__aenter__()
        except aiomqtt.MqttCodeError as error:
            self._transport.drop()
            code = getattr(error.rc, "value", error.rc)
            kind = ProtocolRefusedError if code in _UNSUPPORTED_VERSION else BrokerUnavailableError
            raise kind(f"the broker refused the connection: {error}") from error
        except (aiomqtt.MqttError, OSError) as error:
            self._transport.drop()
            kind = SilentBrokerError if self._transport.opened else BrokerUnavailableError
            raise kind(f"the broker cannot be reached: {error}") from error
        except BaseException:
            self._transport.drop()
            raise

    async def subscribe(self, filters: Sequence[str], qos: int = 1) -> None:
        """Subscribe. Raises BrokerUnavailableError where it is refused or not confirmed in time."""
        codes = await self._asked(lambda: self._paho.subscribe([(each, qos) for each in filters]))
        refused = [each for each, code in zip(filters, codes, strict=True) if code.value >= _FAILURE]
        if refused:
            raise NotSubscribedError(refused)

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """End subscriptions. Raises BrokerUnavailableError where that is not confirmed in time."""
        await self._asked(lambda: self._paho.unsubscribe(list(filters)))

    async def _asked(self, ask: Callable[[], tuple[int, int | None]]) -> list[ReasonCode]:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                return await self._confirmed(*ask())
        except TimeoutError:
            raise BrokerUnavailableError("the broker did not confirm the subscriptions") from None

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool, properties: Properties | None, timeout_seconds: float
    ) -> None:
        """Publish at QoS 1 and wait for PUBACK. Raises BrokerUnavailableError; then nothing is left here to send.

        It is PublishRefusedError where the broker has taken the message and said no, LinkEndedError where the
        connection ended meanwhile.
        """
        mid, sent_at = 0, self._loop.time()
        try:
            async with asyncio.timeout(timeout_seconds), self._slots:
                info = self._paho.publish(topic, payload, 1, retain, properties)
                mid = info.mid
                sent_at = self._loop.time()
                self._transport.flush()
                (code,) = await self._confirmed(info.rc, mid)
        except LinkEndedError as error:
            error.seconds = self._loop.time() - sent_at
            raise
        except TimeoutError:
            if self._transport.unsent(mid):
                self._end("the broker takes no more bytes")
            raise BrokerUnavailableError(f"the broker did not confirm within {timeout_seconds:g} s") from None
        if code.value >= _FAILURE:
            raise PublishRefusedError(f"the broker refused what was published to {topic}: {code}")

    def acknowledge(self, packets: Sequence[int]) -> None:
        """Send PUBACK for each packet id, in order and in as few writes as the socket takes."""
        if self.alive:
            self._transport.acknowledge(packets)

    def ready(self) -> None:
        """Note that the handshake is over: from now on `pause` holds."""
        self._step("ready")

    def pause(self) -> None:
        """Leave the socket unread, except while something waits for the broker's confirmation."""
        self._step("pause")

    def resume(self) -> None:
        """Read the socket again."""
        self._step("resume")

    def _step(self, event: SocketEvent) -> None:
        self._socket = SOCKET_STEPS[event].get(self._socket, self._socket)
        self._choose_reading()

    async def lost(self) -> str:
        """Wait for the end and return its cause. Raises what the receiver raised."""
        return await asyncio.shield(self._lost)

    def drop(self) -> None:
        """Hang up, whatever state it is in."""
        self._end("dropped")

    def finish(self) -> None:
        """End the connection in order: what waits for the broker fails, and `close` says DISCONNECT."""
        if self.alive:
            self.finished = True
            self._confirmations.fail("it is begun anew")
            self._lost.set_result("it is begun anew")

    async def close(self) -> None:
        """Say DISCONNECT, so that the broker keeps the will to itself; where that takes too long, hang up."""
        try:
            if self.alive or self.finished:
                self._client.timeout = FAREWELL_SECONDS
                with heeding_cancellation():
                    await self._client.__aexit__(None, None, None)
        except aiomqtt.MqttError as error:
            self._end(error)
        finally:
            self._transport.drop()

    # --- what paho calls ---

    def _hook(self) -> None:
        """Put our callbacks in place of, or around, those of aiomqtt."""
        client = self._paho
        client.manual_ack_set(True)  # before connecting: a backlog that is resumed would be acknowledged unseen
        self._announce_connect, self._announce_disconnect = client.on_connect, client.on_disconnect
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = client.on_unsubscribe = self._on_subscribe

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401 - paho's signature
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\N{REPLACEMENT CHARACTER}"  # no route is called so: it becomes a dead letter
        packet = message.mid if message.qos else 0
        self._receive(
            [
                self._splitter.message(
                    topic, bytes(message.payload), packet, retained=message.retain, redelivered=message.dup
                )
            ]
        )

    def _on_connect(self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:  # noqa: ANN401 - paho's signature
        self.session_present = flags.session_present
        most = getattr(properties, "ReceiveMaximum", MOST_UNCONFIRMED)
        self._slots = asyncio.Semaphore(min(most, MOST_UNCONFIRMED))
        self.most_bytes = getattr(properties, "MaximumPacketSize", None)
        self._announce_connect(client, userdata, flags, code, properties)  # type: ignore[misc, call-arg, arg-type] # aiomqtt's, of paho's second callback form

    def _on_disconnect(self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:  # noqa: ANN401 - paho's signature
        self._announce_disconnect(client, userdata, flags, code, properties)  # type: ignore[misc, call-arg, arg-type] # as above
        private.look_at_end(self._client)
        self.taken_over = code.value == _TAKEN_OVER
        cause = "the connection broke" if code.value == _FAILURE else str(code)  # paho's word: "unspecified error"
        self._note_end(cause)  # the socket paho closes itself: `drop` within a callback would wait for its own lock

    def _on_publish(self, _client: paho.Client, _userdata: Any, mid: int, code: ReasonCode, _properties: Any) -> None:  # noqa: ANN401 - paho's signature
        self._confirmations.come(mid, [code])

    def _on_subscribe(  # as paho calls it
        self,
        _client: paho.Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        mid: int,
        codes: list[ReasonCode],
        _properties: Any,  # noqa: ANN401 - paho's signature
    ) -> None:
        self._confirmations.come(mid, codes)

    def _choose_reading(self) -> None:
        """Read unless paused; a confirmation can only be had by reading on, past the messages before it."""
        self._transport.read(wanted=self._socket is not SocketState.PAUSED or bool(self._confirmations))

    def _is_hasty(self) -> bool:
        return bool(self._confirmations) or self._hasty()

    async def _confirmed(self, result: int, mid: int | None) -> list[ReasonCode]:
        if result != paho.MQTT_ERR_SUCCESS or mid is None or not self.alive:
            raise BrokerUnavailableError(f"the connection to the broker is lost: {paho.error_string(result)}")
        self._transport.hurry()
        return await self._confirmations.of(mid)

    def _end(self, cause: str | Exception) -> None:
        """End the connection from this side, without a word."""
        self._note_end(cause)
        self._transport.drop()

    def _note_end(self, cause: str | Exception) -> None:
        """Note the end, once: everything that waits for the broker fails."""
        if self._lost.done():
            return
        if isinstance(cause, str):
            self._lost.set_result(cause)
        elif isinstance(cause, (OSError, aiomqtt.MqttError)):
            self._lost.set_result(str(cause) or type(cause).__name__)
        else:
            settle_with_error(self._lost, cause)
        self._confirmations.fail(cause)
        private.stop_waiting(self._client, aiomqtt.MqttError(f"closed before it was accepted: {cause}"))
        # Not now: paho calls us with its callback lock held, and closing the socket takes that lock again.
        self._loop.call_soon(self._transport.drop)
