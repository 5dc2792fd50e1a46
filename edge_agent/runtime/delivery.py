"""Delivery of commands: each is published, waited for, repeated with the same id, and reported to the core."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

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
        self._open: dict[str, asyncio.Event] = {}
        self._breakers: dict[str, NodeBreaker] = {}

    def start(self, command: Command, received: float | None) -> None:
        """Begin to deliver a command; `received` is the steady time of the deciding message, for the measurement."""
        self._open[command.id] = asyncio.Event()
        self._group.create_task(self._deliver(command, received), name=f"deliver {command.target} {command.counter}")

    def settle(self, command_id: str) -> None:
        """Take note that a command needs no further attempt."""
        event = self._open.get(command_id)
        if event is not None:
            event.set()

    def _breaker(self, node: str) -> NodeBreaker:
        return self._breakers.setdefault(node, NodeBreaker(node, self._clock, self._breaker_changed))

    def _breaker_changed(self, report: BreakerReport) -> None:
        self._inbox.report(report)
        logger.bind(node=report.node, state=report.state).warning("Breaker of a node changed")
        if report.state == "open":
            self._group.create_task(self._thaw(report.node), name=f"thaw {report.node}")

    async def _thaw(self, node: str) -> None:
        await self._clock.sleep(BREAKER_SECONDS + 0.001)
        self._breaker(node).thaw()

    async def _deliver(self, command: Command, received: float | None) -> None:
        actuator = self._actuators[command.target]
        settled, breaker = self._open[command.id], self._breaker(command.node)
        retry = command_retry(actuator.command_ttl_seconds, actuator.ack_timeout_seconds, self._clock)
        attempts = 0

        async def attempt() -> None:
            nonlocal attempts, received
            if settled.is_set():
                return
            await self._publish(command)
            attempts += 1
            self._inbox.report(DeliveryReport(command.id, "published", f"attempt {attempts}"))
            if received is not None:
                self._observer.reaction(self._clock.steady() - received)
                received = None
            unheard = f"no acknowledgement within {actuator.ack_timeout_seconds:g} s"
            await within(actuator.ack_timeout_seconds, settled.wait(), self._clock, unheard)

        try:
            await retry(breaker.call, attempt)
        except NotAcknowledgedError:
            self._inbox.report(DeliveryReport(command.id, "failed", f"no acknowledgement after {attempts} attempts"))
            breaker.trip()
        except NodeBlockedError as error:
            self._inbox.report(DeliveryReport(command.id, "failed", str(error)))
        except (BrokerUnavailableError, _ExpiredError) as error:
            self._inbox.report(DeliveryReport(command.id, "failed" if attempts else "expired", str(error)))
        finally:
            del self._open[command.id]

    async def _publish(self, command: Command) -> None:
        """Publish one attempt, unless its time is over. Raises BrokerUnavailableError."""
        remaining = (command.expires_at - self._clock.now().at) / MICROSECONDS
        if remaining <= 0:
            raise _ExpiredError("its time passed before it could be published")
        await self._outlet.command(command, remaining)
