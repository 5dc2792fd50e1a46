"""Makes the aiomqtt client of one connection, and the properties MQTT 5 adds. Public interfaces only."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

if TYPE_CHECKING:
    from edge_agent.mqtt.connection import ConnectionSettings, Tls, Will

MQTT_5 = aiomqtt.ProtocolVersion.V5
MQTT_3_1_1 = aiomqtt.ProtocolVersion.V311

#: How long the TCP connection, CONNACK and SUBACK may take, each.
HANDSHAKE_SECONDS = 5.0


def fresh_client(settings: ConnectionSettings, version: aiomqtt.ProtocolVersion, will: Will) -> aiomqtt.Client:
    """Make the client of one connection. A reused one would send again what had been reported as failed."""
    return _client(
        settings,
        version,
        keeps_session=True,
        will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
        max_inflight_messages=0,  # no queue in paho: what waits for a slot waits in the session, and can give up
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def passing_client(settings: ConnectionSettings, version: aiomqtt.ProtocolVersion) -> aiomqtt.Client:
    """Make a client that has no session and no will."""
    return _client(settings, version, keeps_session=False)


def _client(
    settings: ConnectionSettings,
    version: aiomqtt.ProtocolVersion,
    *,
    keeps_session: bool,
    **more: Any,  # noqa: ANN401 - members of aiomqtt's client
) -> aiomqtt.Client:
    newest = version == MQTT_5
    return aiomqtt.Client(
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.password,
        identifier=settings.client_id,
        protocol=version,
        clean_session=None if newest else not keeps_session,
        clean_start=not keeps_session if newest else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=_connect_properties(settings) if newest else None,
        timeout=HANDSHAKE_SECONDS,
        keepalive=settings.keepalive_seconds,
        tls_params=None if settings.tls is None else _tls_parameters(settings.tls),
        **more,
    )


def _connect_properties(settings: ConnectionSettings) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = settings.session_expiry_seconds
    properties.ReceiveMaximum = settings.receive_maximum
    properties.MaximumPacketSize = settings.max_packet_bytes
    return properties


def publish_properties(expiry_seconds: int | None, response_topic: str | None, correlation: bytes | None) -> Properties:
    """Make the MQTT 5 properties of one message."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_seconds is not None:
        properties.MessageExpiryInterval = expiry_seconds
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    if correlation is not None:
        properties.CorrelationData = correlation
    return properties


def _tls_parameters(tls: Tls) -> aiomqtt.TLSParameters:
    ca_file, cert_file, key_file = (
        None if each is None else str(each) for each in (tls.ca_file, tls.cert_file, tls.key_file)
    )
    return aiomqtt.TLSParameters(ca_certs=ca_file, certfile=cert_file, keyfile=key_file)
