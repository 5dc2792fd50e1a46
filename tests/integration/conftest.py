"""Brokers and clients for the integration tests."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.brokers import Mosquitto
from support.proxy import Proxy
from support.sessions import client

from edge_agent.mqtt.broker import free_port, open_amqtt
from edge_agent.mqtt.connection import Tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import aiomqtt

    from edge_agent.mqtt.broker import Address


@pytest.fixture
async def amqtt_broker() -> AsyncIterator[Address]:
    """Run amqtt in the loop of the test."""
    async with open_amqtt() as address:
        yield address


@pytest.fixture
async def proxy(mosquitto: Mosquitto) -> AsyncIterator[Proxy]:
    """Stand between a client and the Mosquitto of the test."""
    async with Proxy(mosquitto.port) as between:
        yield between


@pytest.fixture
async def publisher(mosquitto: Mosquitto) -> AsyncIterator[aiomqtt.Client]:
    """Connect a plain client to the Mosquitto of the test."""
    async with client(mosquitto.port) as connected:
        yield connected


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Make a certificate for this machine that signs itself: authority, server and client in one."""
    folder = tmp_path_factory.mktemp("certificates")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return Tls(cert, cert, key)


@pytest.fixture
def secured(tmp_path: Path, certificate: Tls) -> Iterator[tuple[Mosquitto, int]]:
    """Run a Mosquitto with a second listener that wants a client certificate; yields it and that listener's port."""
    port = free_port()
    broker = Mosquitto(
        tmp_path,
        f"listener {port} 127.0.0.1\ncafile {certificate.ca_file}\ncertfile {certificate.cert_file}\n"
        f"keyfile {certificate.key_file}\nrequire_certificate true\n",
    )
    broker.start()
    try:
        yield broker, port
    finally:
        broker.kill()
