"""Every policy for calls that may fail, by name. They nest as retry(breaker(timeout(call)))."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type
from tenacity.stop import stop_base
from tenacity.wait import wait_random_exponential

from edge_agent.errors import BrokerUnavailableError, NodeBlockedError, NotAcknowledgedError
from edge_agent.model.inbox import BreakerReport

# Purgatory takes redis along where it is installed, for breakers that are shared, which ours are not. None stands for
# a module that cannot be had, which it allows for: 22 MB and 0.13 s less.
_HAS_REDIS = "redis" in sys.modules
sys.modules.setdefault("redis", None)  # type: ignore[arg-type]  # typeshed does not know of None
from purgatory.domain.model import Context, HalfOpenedState, OpenedState  # noqa: E402 - the reason is above

if not _HAS_REDIS:
    del sys.modules["redis"]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

    from edge_agent.runtime.clock import Clock

T = TypeVar("T")

#: A command reaches the broker so often, with the same id, while it has not expired.
COMMAND_ATTEMPTS = 3
#: So many attempts in a row without acknowledgement open the breaker of a node.
BREAKER_THRESHOLD = 3
#: So long an open breaker lets nothing through.
BREAKER_SECONDS = 30.0
#: No timeout for a node's answer is shorter than this, in real seconds.
SHORTEST_TIMEOUT_SECONDS = 0.5
#: So long alarm states and dead letters wait where the broker did not take them, in real seconds.
REPUBLISH_SECONDS = 5.0
#: So long the loop waits before it writes again to a store that could not be written.
STORE_PAUSE_SECONDS = 1.0
#: The pauses between two tries to drain the spool grow to this, in real seconds.
DRAIN_PAUSE_SECONDS = 10.0
#: So often a batch is offered to a sink that refuses it, before it is set aside.
DRAIN_ATTEMPTS = 3
_FOREVER = float("inf")


def command_retry(ttl_seconds: float, ack_timeout_seconds: float, clock: Clock) -> AsyncRetrying:
    """Repeat one command that was not acknowledged, or could not be published, while its `ttl_seconds` last.

    What is retried is named: cancellation, an open breaker and mistakes of ours are not. The time counts from here.
    """
    return AsyncRetrying(
        retry=retry_if_exception_type((NotAcknowledgedError, BrokerUnavailableError)),
        wait=wait_random_exponential(multiplier=ack_timeout_seconds / 10, max=ack_timeout_seconds),
        stop=_Spent(ttl_seconds, clock),
        sleep=clock.sleep,
        reraise=True,
    )


def drain_pause(failures: int, chance: Callable[[], float]) -> float:
    """Tell how many real seconds to wait after so many failures in a row: full jitter, doubling up to the limit.

    `chance` gives numbers from 0 to 1. The pause is never so short that a failing sink is asked without a rest.
    """
    longest = min(DRAIN_PAUSE_SECONDS, 0.25 * 2.0 ** min(failures, 10))
    return 0.05 + chance() * longest


class _Spent(stop_base):
    """Stops where attempts enough went unacknowledged, or where the next would come too late by the plant's clock.

    An attempt that the broker did not take costs nothing but time.
    """

    def __init__(self, ttl_seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._end_seconds = clock.now().seconds + ttl_seconds
        self._unheard = 0

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Judge after each failed attempt."""
        outcome = retry_state.outcome
        self._unheard += outcome is not None and isinstance(outcome.exception(), NotAcknowledgedError)
        too_late = self._clock.now().seconds + retry_state.upcoming_sleep >= self._end_seconds
        return too_late or self._unheard >= COMMAND_ATTEMPTS


class NodeBreaker:
    """A purgatory breaker for one node, with what purgatory leaves open.

    One probe at a time while half open; an attempt is judged in the state it began in or not at all; whatever is
    neither an answer nor its absence (cancellation, a broker that is away) counts neither way; intervals from the
    monotonic clock; rejections are a fresh error, so that no traceback grows.
    """

    def __init__(self, node: str, clock: Clock, changed: Callable[[BreakerReport], None]) -> None:
        self.node = node
        self._clock = clock
        self._changed = changed
        # Its own time to live reads the wall clock: it is set to forever, and `thaw` half-opens it instead.
        self._context = Context(node, BREAKER_THRESHOLD, _FOREVER)
        self._opened_seconds = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether nothing is let through at present."""
        return self._context.state == OpenedState.name

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run an attempt through the breaker. Raises NodeBlockedError where it may not run."""
        if self.is_open or self._probing:
            raise NodeBlockedError(f"{self.node} did not acknowledge lately; it is not asked for now")
        began = self._context.state
        probe = self._probing = began == HalfOpenedState.name
        try:
            result = await attempt()
        except NotAcknowledgedError as error:
            unheard = error  # the name `error` is gone before the judgement could use it
            if self._context.state == began:
                self._judge(lambda: self._context.handle_exception(unheard))
            raise
        finally:
            if probe:  # another's probe may be on its way by now
                self._probing = False
        if self._context.state == began:
            self._judge(self._context.handle_end_request)
        return result

    def trip(self) -> None:
        """Open at once: a whole command, not only an attempt, went unacknowledged."""
        if not self.is_open:
            self._judge(lambda: self._context.set_state(OpenedState(self.node)))

    def thaw(self) -> None:
        """Half-open after the pause; the next command is a probe."""
        if self.is_open and self._clock.now().seconds - self._opened_seconds >= BREAKER_SECONDS:
            self._judge(lambda: self._context.set_state(HalfOpenedState()))

    def _judge(self, change: Callable[[], None]) -> None:
        before = self._context.state
        change()
        self._context.messages.clear()  # for a message bus we do not have
        after = self._context.state
        if after == before:
            return
        if after == OpenedState.name:
            self._opened_seconds = self._clock.now().seconds
            self._changed(BreakerReport(self.node, "open"))
        else:
            self._changed(BreakerReport(self.node, "half_open" if after == HalfOpenedState.name else "closed"))


async def within(seconds: float, what: Awaitable[T], clock: Clock, otherwise: str) -> T:
    """Wait for something, at most so many plant seconds. Raises NotAcknowledgedError, saying `otherwise`.

    However fast the plant's clock runs, the transport is given half a real second.
    """
    try:
        async with asyncio.timeout(max(clock.real_seconds(seconds), SHORTEST_TIMEOUT_SECONDS)):
            return await what
    except TimeoutError:
        raise NotAcknowledgedError(otherwise) from None
