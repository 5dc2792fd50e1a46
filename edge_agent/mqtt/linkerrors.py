"""How a connection to the broker can fail, as far as it matters to who makes the next one."""

from __future__ import annotations

from edge_agent.errors import BrokerUnavailableError


class ProtocolRefusedError(BrokerUnavailableError):
    """The broker does not speak this version of MQTT."""


class SilentBrokerError(ProtocolRefusedError):
    """The broker took the connection and did not answer CONNECT, as some do that do not know the version."""


class NotSubscribedError(BrokerUnavailableError):
    """The broker took the subscriptions, but for some."""

    def __init__(self, filters: list[str]) -> None:
        super().__init__(f"the broker refused the subscription to {', '.join(filters)}")
        self.filters = filters


class LinkEndedError(BrokerUnavailableError):
    """The connection ended while a publish was on its way, so many seconds after it was sent."""

    seconds = float("inf")
