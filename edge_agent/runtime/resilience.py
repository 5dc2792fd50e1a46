"""Every policy for calls that may fail, by name. They nest as retry(breaker(timeout(call)))."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from edge_agent.errors import BrokerUnavailableError, NodeBlockedError, NotAcknowledgedError
from edge_agent.model.inbox import BreakerReport

# Purgatory takes redis along where it is installed, for breakers that are shared, which ours are not. None stands for
# a module that cannot be had, which it allows for: 22 MB and 0.13 s less.
_HAS_REDIS = "redis" in sys.modules
sys.modules.setdefault("redis", None)  # type: ignore[arg-type]  # typeshed does not know of None
from purgatory.domain.model import ClosedState, Context, HalfOpenedState, OpenedState  # noqa: E402 - the reason is above

if not _HAS_REDIS:
    del sys.modules["redis"]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

    from edge_agent.ports.clock import Clock

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
#: So long at the least between two looks at the alarms that stand at the broker, in real seconds.
LOOK_AROUND_SECONDS = 60.0
#: So long the loop waits before it writes again to a store that could not be written.
STORE_PAUSE_SECONDS = 1.0
#: So long the loop waits for a write before it turns on beside it, in real seconds.
WRITE_PATIENCE_SECONDS = 0.25
#: A write that takes longer counts as a failing store, though it may still succeed.
STUCK_WRITE_SECONDS = 2.0
#: A fail-safe command that the store has not taken for so long goes out unstored.
UNSTORED_SECONDS = 2.0
#: The pauses between two tries to drain the spool grow to this, in real seconds.
DRAIN_PAUSE_SECONDS = 10.0
#: So often a batch is offered to a sink that refuses it, before it is set aside.
DRAIN_ATTEMPTS = 3
#: A command that the broker could not take is tried for the last time so long before its end, in plant seconds.
LAST_ATTEMPT_SECONDS = 0.1
_FOREVER = float("inf")
#: So often a fail-safe command is tried: while it lasts.
SAFE_ATTEMPTS = _FOREVER


def command_retry(
    ttl_seconds: float,
    ack_timeout_seconds: float,
    clock: Clock,
    *,
    attempts: float = COMMAND_ATTEMPTS,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncRetrying:
    """Repeat one command that was not acknowledged, or could not be published, while its `ttl_seconds` last.

    What is retried is named: cancellation, an open breaker and mistakes of ours are not. The time counts from here.
    `sleep` waits between two attempts, in plant seconds, and may end sooner.
    """
    patience = _Patience(
        clock,
        end_seconds=clock.now().seconds + ttl_seconds,
        ack_timeout_seconds=ack_timeout_seconds,
        attempts=attempts,
    )
    return AsyncRetrying(
        retry=retry_if_exception_type((NotAcknowledgedError, BrokerUnavailableError)),
        wait=patience.pause_seconds,
        stop=patience.ended,
        sleep=sleep or clock.sleep,
        reraise=True,
    )


def drain_pause(failures: int, chance: Callable[[], float]) -> float:
    """Return how many real seconds to wait after so many failures in a row: full jitter, doubling up to the limit.

    `chance` gives numbers from 0 to 1. The pause is never so short that a failing sink is asked without a rest.
    """
    longest = min(DRAIN_PAUSE_SECONDS, 0.25 * 2.0 ** min(failures, 10))
    return 0.05 + chance() * longest


class _Patience:
    """How long to wait between two attempts at a command, and when to give it up.

    An attempt that the broker did not take costs nothing but time. Such a command, and one with `attempts` without
    end, has its last attempt shortly before its end, however long the pause would have been.
    """

    def __init__(self, clock: Clock, *, end_seconds: float, ack_timeout_seconds: float, attempts: float) -> None:
        self._end_seconds, self._clock, self._attempts = end_seconds, clock, attempts
        self._random = wait_random_exponential(multiplier=ack_timeout_seconds / 10, max=ack_timeout_seconds)
        self._unheard = 0

    def pause_seconds(self, retry_state: RetryCallState) -> float:
        """Return the wait before the next attempt, never longer than the timeout of an acknowledgement."""
        seconds = self._random(retry_state)
        if _was_unheard(retry_state) and self._attempts != _FOREVER:
            return seconds
        return max(0.0, min(seconds, self._end_seconds - LAST_ATTEMPT_SECONDS - self._clock.now().seconds))

    def ended(self, retry_state: RetryCallState) -> bool:
        """Judge after each failed attempt."""
        self._unheard += _was_unheard(retry_state)
        remaining = self._end_seconds - self._clock.now().seconds
        too_late = remaining <= max(retry_state.upcoming_sleep, LAST_ATTEMPT_SECONDS)
        return too_late or self._unheard >= self._attempts


def _was_unheard(retry_state: RetryCallState) -> bool:
    outcome = retry_state.outcome
    return outcome is not None and isinstance(outcome.exception(), NotAcknowledgedError)


class Pause:
    """A wait in plant seconds that another may end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit: asyncio.Timeout | None = None

    def __repr__(self) -> str:
        return f"Pause({'over' if self._limit is None else 'waiting'})"

    async def __call__(self, seconds: float) -> None:
        """Wait so long, or until `end` is called."""
        try:
            async with asyncio.timeout(None) as self._limit:
                await self._clock.sleep(seconds)
        except TimeoutError:
            pass
        finally:
            self._limit = None

    def end(self) -> None:
        """End the wait that is going on, if there is one."""
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())


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

    def __repr__(self) -> str:
        return f"NodeBreaker({self.node} {self._context.state}{', probing' if self._probing else ''})"

    @property
    def is_open(self) -> bool:
        """Whether nothing is let through at present."""
        return self._context.state == OpenedState.name

    async def call(self, attempt: Callable[[], Awaitable[T]], *, anyway: bool = False) -> T:
        """Run an attempt through the breaker. Raises NodeBlockedError where it may not run.

        One that runs `anyway` passes whatever is believed of the node, and closes the breaker where it is answered.
        """
        if not anyway and (self.is_open or self._probing):
            raise NodeBlockedError(f"{self.node} did not acknowledge lately; it is not asked for now")
        began = self._context.state
        probe = began == HalfOpenedState.name and not self._probing
        self._probing = self._probing or probe
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
        if anyway and self._context.state != ClosedState.name:
            self._judge(lambda: self._context.set_state(ClosedState()))
        elif self._context.state == began:
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
