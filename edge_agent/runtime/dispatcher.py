"""Dispatch of commands: each is published, waited for, repeated with the same id, and reported to the core."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from loguru import logger

from edge_agent.errors import (
    BrokerUnavailableError,
    EdgeAgentError,
    NodeBlockedError,
    NoFormError,
    NotAcknowledgedError,
    PublishTooLargeError,
)
from edge_agent.model.inbox import DispatchReport
from edge_agent.model.time import MICROSECONDS
from edge_agent.runtime.resilience import (
    BREAKER_SECONDS,
    COMMAND_ATTEMPTS,
    SAFE_ATTEMPTS,
    NodeBreaker,
    Pause,
    command_retry,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import BreakerReport
    from edge_agent.model.plant import Actuator, Plant
    from edge_agent.ports.broker import Outlet
    from edge_agent.runtime.context import LoopContext


class _ExpiredError(EdgeAgentError):
    """The command's time passed: it must not be published any more."""


class _OutdatedError(_ExpiredError):
    """The wall clock was set beyond the command's expiry: its node would refuse it, though it is fresh."""


class _UnsendableError(EdgeAgentError):
    """The broker does not take the command, and never will."""


class _UnwantedError(EdgeAgentError):
    """The command was superseded or closed on the way. That says nothing about its node."""


@dataclass(slots=True, kw_only=True)
class _Errand:
    """A command on its way: how often it left, and whether more is to be done. `received` is for the measurement.

    Its end stands on the monotonic scale: the wall clock may jump. `broker_away`: the last attempt did not reach the
    broker, over the connection of that number.
    """

    command: Command
    actuator: Actuator
    received: float | None
    end_seconds: float
    pause: Pause
    safe: bool
    attempts: int = 0
    connection: int = 0
    broker_away: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    heard: bool = False


class Dispatcher:
    """Dispatches stored commands, one short task each, in the runtime's task group.

    What becomes of an attempt is reported to the inbox; the core alone decides what follows from it. A command that
    the core has seen settled (acknowledged, superseded) is not repeated. One with the `fail_safe` action of its
    actuator is sent past the breaker of its node, and repeated while it lasts.
    """

    def __init__(self, context: LoopContext, outlet: Outlet, actuators: Iterable[Actuator]) -> None:
        self._inbox, self._clock = context.inbox, context.clock
        self._observer, self._group = context.observer, context.group
        self._outlet = outlet
        self._actuators = {actuator.name: actuator for actuator in actuators}
        self._open: dict[str, _Errand] = {}
        self._breakers: dict[str, NodeBreaker] = {}
        self._connections = 0

    def __repr__(self) -> str:
        breakers = ", ".join(map(repr, self._breakers.values()))
        return f"Dispatcher({len(self._open)} commands on their way; {breakers or 'no breakers'})"

    def equip(self, plant: Plant) -> None:
        """Dispatch to the actuators of a changed plant; those that are gone are known still, for what was decided."""
        self._actuators.update({actuator.name: actuator for actuator in plant.actuators})

    def is_safe(self, command: Command) -> bool:
        """Whether a command asks for the `fail_safe` action of its actuator: no belief may hold it back."""
        return command.action == self._actuators[command.target].fail_safe

    def start(self, command: Command, received: float | None, decided_seconds: float | None = None) -> None:
        """Begin to dispatch a command; `received` is the steady time of the deciding message, for the measurement.

        `decided_seconds` is the monotonic count of its decision; where it is not known, the wall clock tells the age.
        """
        errand = self._open[command.id] = _Errand(
            command=command,
            actuator=self._actuators[command.target],
            received=received,
            end_seconds=self._end_seconds(command, decided_seconds),
            pause=Pause(self._clock),
            safe=self.is_safe(command),
        )
        self._group.create_task(self._dispatch(errand), name=f"dispatch {command.target} {command.counter}")

    def settle(self, command_id: str, *, heard: bool = True) -> None:
        """Note that a command needs no further attempt; `heard` says whether its node has spoken on it."""
        errand = self._open.get(command_id)
        if errand is not None:
            errand.heard = errand.heard or heard
            errand.settled.set()
            errand.pause.end()

    def connected(self) -> None:
        """Try at once, over a new connection, what the broker could not be given."""
        self._connections += 1
        for errand in self._open.values():
            if errand.broker_away:
                errand.pause.end()

    def _end_seconds(self, command: Command, decided_seconds: float | None) -> float:
        now, ttl = self._clock.now(), (command.expires_at - command.issued_at) / MICROSECONDS
        if decided_seconds is None:
            decided_seconds = now.seconds - (now.at - command.issued_at) / MICROSECONDS
        return min(max(decided_seconds, now.seconds - ttl), now.seconds) + ttl

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

    async def _dispatch(self, errand: _Errand) -> None:
        breaker = self._breaker(errand.command.node)
        retry = command_retry(
            self._remaining_seconds(errand),  # what the store took of the command's time is gone
            errand.actuator.ack_timeout_seconds,
            self._clock,
            attempts=SAFE_ATTEMPTS if errand.safe else COMMAND_ATTEMPTS,
            sleep=partial(self._wait, errand),
        )
        try:
            await retry(breaker.call, lambda: self._attempt(errand), anyway=errand.safe)
        except _UnwantedError:
            pass
        except NotAcknowledgedError:
            self._give_up(errand, "failed", f"no acknowledgement after {errand.attempts} attempts")
            if not errand.settled.is_set():
                breaker.trip()
        except (NodeBlockedError, _OutdatedError, _UnsendableError) as error:
            self._give_up(errand, "expired" if isinstance(error, _OutdatedError) else "failed", str(error))
        except (BrokerUnavailableError, _ExpiredError) as error:
            self._give_up(errand, "failed" if errand.attempts else "expired", str(error))
        finally:
            del self._open[errand.command.id]

    def _give_up(self, errand: _Errand, state: Literal["failed", "expired"], detail: str) -> None:
        """Report the end, unless the core has had word of the command: that counts."""
        if not errand.settled.is_set():
            self._inbox.report(DispatchReport(errand.command.id, state, detail))

    async def _wait(self, errand: _Errand, seconds: float) -> None:
        """Wait before the next attempt, unless the broker has come back since the last one missed it."""
        if not errand.broker_away or errand.connection == self._connections:
            await errand.pause(seconds)

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
        remaining = self._remaining_seconds(errand)
        if remaining <= 0:
            raise _ExpiredError("its time passed before it could be published")
        if self._clock.now().at >= errand.command.expires_at:
            raise _OutdatedError("the clock was set beyond its expiry")
        errand.connection, errand.broker_away = self._connections, True
        try:
            await self._outlet.command(errand.command, remaining)
        except (NoFormError, PublishTooLargeError) as error:
            raise _UnsendableError(str(error)) from error
        errand.broker_away = False
        errand.attempts += 1
        self._inbox.report(DispatchReport(errand.command.id, "published", f"attempt {errand.attempts}"))
        if errand.received is not None:
            self._observer.reaction(self._clock.steady() - errand.received)
            errand.received = None

    def _remaining_seconds(self, errand: _Errand) -> float:
        return errand.end_seconds - self._clock.now().seconds
