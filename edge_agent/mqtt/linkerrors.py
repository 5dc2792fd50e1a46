"""How a connection to the broker can fail, as far as it matters to who makes the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.errors import BrokerUnavailableError

if TYPE_CHECKING:
    import asyncio


class ProtocolRefusedError(BrokerUnavailableError):
    """The broker does not speak this version of MQTT."""


class SilentBrokerError(ProtocolRefusedError):
    """The broker took the connection and did not answer CONNECT, as some do that do not know the version."""


class LinkEndedError(BrokerUnavailableError):
    """The connection ended while a publish was on its way, so many seconds after it was sent."""

    seconds = float("inf")


def fail(future: asyncio.Future[Any], error: Exception) -> None:
    """Fail what is still waited for; where nobody waits any more, without a complaint of asyncio."""
    if not future.done():
        future.set_exception(error)
        future.exception()
