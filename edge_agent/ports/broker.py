"""The broker as the agent needs it: where messages come from, where it speaks, and the connection itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Receipt
    from edge_agent.model.readings import DeadLetter


class Inlet(Protocol):
    """Where messages come from: it can be held back, and told what was stored."""

    def pause(self) -> None:
        """Stop reading; the broker keeps what comes."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def acknowledge(self, receipts: Iterable[Receipt]) -> None:
        """Acknowledge stored messages to the broker; receipts of an older connection are void."""
        ...


class Outlet(Protocol):
    """Where the agent speaks. Each call returns when the broker has confirmed, or raises BrokerUnavailableError."""

    async def command(self, command: Command, remaining_seconds: float) -> None:
        """Publish a command, never retained, that the broker forgets after the remaining seconds.

        Raises NoFormError where its device has no words for it, PublishTooLargeError where the broker does not take it.
        """
        ...

    async def alarm(self, alarm: Alarm) -> None:
        """Publish the state of an alarm, retained."""
        ...

    async def dead_letter(self, letter: DeadLetter) -> None:
        """Publish a dead letter."""
        ...

    async def status(self, state: str) -> None:
        """Publish the agent's own status, retained."""
        ...


class BrokerConnection(Protocol):
    """The one owner of the broker connection."""

    @property
    def connected(self) -> bool:
        """Return whether there is a live connection."""
        ...

    @property
    def refusal(self) -> str | None:
        """Return what the broker refuses to take from the agent, in a sentence."""
        ...

    async def run(self) -> None:
        """Keep connected until cancelled, then disconnect without a last will."""
        ...

    async def ask_again(self) -> None:
        """Ask the broker for all that is retained once more, where there is a connection."""
        ...
