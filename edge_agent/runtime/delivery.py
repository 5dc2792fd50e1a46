"""Delivery of commands: each is published, waited for, repeated with the same id, and reported to the core."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from loguru import logger

from edge_agent.errors import BrokerUnavailableError, EdgeAgentError, NodeBlockedError, NotAcknowledgedError
from edge_agent.model.inbox import DeliveryReport
from edge_agent.model.time import MICROSECONDS
from edge_agent.runtime.resilience import BREAKER_SECONDS, NodeBreaker, command_retry, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import BreakerReport
    from edge_agent.model.plant import Actuator
    from edge_agent.runtime.clock import Clock
    from edge_agent.runtime.inbox import BoundedInbox
    from edge_agent.runtime.ports import Observer, Outlet


class _ExpiredError(EdgeAgentError):
    """The command's time passed: it must not be published any more."""


class _UnwantedError(EdgeAgentError):
    """The command was superseded or closed on the way. That says nothing about its node."""


@dataclass(slots=True)
class _Errand:
    """A command on its way: how often it left, and whether more is to be done. `received` is for the measurement."""

    command: Command
    actuator: Actuator
    received: float | None
    attempts: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    heard: bool = False


class Delivery:
    """Delivers stored commands, one short task each, in the runtime's task group.

    What becomes of an attempt is reported to the inbox; the core alone decides what follows from it. A command that
    the core has seen settled (acknowledged, superseded) is not repeated.
    """

    def __init__(
        self,
        outlet: Outlet,
        inbox: BoundedInbox,
        actuators: Mapping[str, Actuator],
        clock: Clock,
        observer: Observer,
        group: asyncio.TaskGroup,
    ) -> None:
        self._outlet, self._inbox, self._clock, self._observer, self._group = outlet, inbox, clock, observer, group
        self._actuators = actuators
        self._open: dict[str, _Errand] = {}
        self._breakers: dict[str, NodeBreaker] = {}

    def start(self, command: Command, received: float | None) -> None:
        """Begin to deliver a command; `received` is the steady time of the deciding message, for the measurement."""
        errand = self._open[command.id] = _Errand(command, self._actuators[command.target], received)
        self._group.create_task(self._deliver(errand), name=f"deliver {command.target} {command.counter}")

    def settle(self, command_id: str, *, heard: bool = True) -> None:
        """Take note that a command needs no further attempt; `heard` tells whether its node has spoken on it."""
        errand = self._open.get(command_id)
        if errand is not None:
            errand.heard = errand.heard or heard
            errand.settled.set()

    def _breaker(self, node: str) -> NodeBreaker:
        if node not in self._breakers:
            self._breakers[node] = NodeBreaker(node, self._clock, self._breaker_changed)
        return self._breakers[node]

    def _breaker_changed(self, report: BreakerReport) -> None:
        self._inbox.report(report)
        logger.bind(node=report.node, state=report.state).warning("Breaker of a node changed")
        if report.state == "open":
            self._group.create_task(self._thaw(report.node), name=f"thaw {report.node}")

    async def _thaw(self, node: str) -> None:
        await self._clock.sleep(BREAKER_SECONDS + 0.001)
        self._breaker(node).thaw()

    async def _deliver(self, errand: _Errand) -> None:
        command, actuator, breaker = errand.command, errand.actuator, self._breaker(errand.command.node)
        # What the store took of the command's time is gone.
        retry = command_retry(self._remaining_seconds(command), actuator.ack_timeout_seconds, self._clock)
        try:
            await retry(breaker.call, lambda: self._attempt(errand))
        except _UnwantedError:
            pass
        except NotAcknowledgedError:
            self._give_up(errand, f"no acknowledgement after {errand.attempts} attempts")
            if not errand.settled.is_set():
                breaker.trip()
        except (NodeBlockedError, BrokerUnavailableError, _ExpiredError) as error:
            self._give_up(errand, str(error), blocked=isinstance(error, NodeBlockedError))
        finally:
            del self._open[command.id]

    def _give_up(self, errand: _Errand, detail: str, *, blocked: bool = False) -> None:
        """Report the end, unless the core has had word of the command: that counts."""
        if not errand.settled.is_set():
            state: Literal["failed", "expired"] = "failed" if errand.attempts or blocked else "expired"
            self._inbox.report(DeliveryReport(errand.command.id, state, detail))

    async def _attempt(self, errand: _Errand) -> None:
        """Publish once and wait for word of it. Raises NotAcknowledgedError, or what `_publish` raises."""
        if not errand.settled.is_set():
            await self._publish(errand)
            timeout = errand.actuator.ack_timeout_seconds
            unheard = f"no acknowledgement within {timeout:g} s"
            await within(timeout, errand.settled.wait(), self._clock, unheard)
        if not errand.heard:
            raise _UnwantedError("the command is settled without its node")

    async def _publish(self, errand: _Errand) -> None:
        """Publish, unless the time is over. Raises BrokerUnavailableError."""
        remaining = self._remaining_seconds(errand.command)
        if remaining <= 0:
            raise _ExpiredError("its time passed before it could be published")
        await self._outlet.command(errand.command, remaining)
        errand.attempts += 1
        self._inbox.report(DeliveryReport(errand.command.id, "published", f"attempt {errand.attempts}"))
        if errand.received is not None:
            self._observer.reaction(self._clock.steady() - errand.received)
            errand.received = None

    def _remaining_seconds(self, command: Command) -> float:
        return (command.expires_at - self._clock.now().at) / MICROSECONDS
