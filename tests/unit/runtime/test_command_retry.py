from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until

from edge_agent.errors import BrokerUnavailableError, NodeBlockedError, NotAcknowledgedError
from edge_agent.runtime.resilience import COMMAND_ATTEMPTS, SHORTEST_TIMEOUT_SECONDS, command_retry, within

ACK_SECONDS = 1.0


class Attempts:
    """An attempt that fails in a given way, and notes when it was made."""

    def __init__(self, clock, *errors):
        self.clock, self.errors = clock, list(errors)
        self.made = []

    async def __call__(self):
        self.made.append(self.clock.now().seconds)
        error = self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]
        if error is not None:
            raise error


async def run(clock, attempts, ttl_seconds=30.0):
    """Retry to the end, time passing whenever somebody waits for it."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:

        async def retried():
            try:
                return await command_retry(ttl_seconds, ACK_SECONDS, clock)(attempts)
            except Exception as error:
                return error

        task = group.create_task(retried())
        while not task.done():
            await asyncio.sleep(0)
            if clock.sleepers:
                clock.advance(0.01)
    return task.result()


async def test_what_succeeds_is_not_repeated(clock):
    attempts = Attempts(clock, None)
    assert await run(clock, attempts) is None
    assert len(attempts.made) == 1


async def test_unacknowledged_it_is_tried_three_times_and_the_error_is_the_last_one(clock):
    last = NotAcknowledgedError("third")
    attempts = Attempts(clock, NotAcknowledgedError("first"), NotAcknowledgedError("second"), last)
    assert await run(clock, attempts) is last
    assert len(attempts.made) == COMMAND_ATTEMPTS


async def test_an_answer_ends_it(clock):
    attempts = Attempts(clock, NotAcknowledgedError("first"), None)
    assert await run(clock, attempts) is None
    assert len(attempts.made) == 2


async def test_a_broker_that_is_away_is_waited_for_while_the_command_lasts(clock):
    begun = clock.now().seconds
    attempts = Attempts(clock, BrokerUnavailableError("away"))
    assert isinstance(await run(clock, attempts, 30.0), BrokerUnavailableError)
    assert len(attempts.made) > COMMAND_ATTEMPTS
    assert 30.0 - ACK_SECONDS <= attempts.made[-1] - begun < 30.0


async def test_attempts_that_did_not_reach_the_broker_do_not_count(clock):
    away, unheard = BrokerUnavailableError("away"), NotAcknowledgedError("no answer")
    attempts = Attempts(clock, away, unheard, away, away, away, unheard, away, unheard)
    assert await run(clock, attempts) is unheard
    assert len(attempts.made) == 8


async def test_nothing_is_tried_at_or_after_the_expiry_by_the_plants_clock(clock):
    begun = clock.now().seconds

    class Slow(Attempts):
        async def __call__(self):
            self.made.append(clock.now().seconds)
            clock.advance(ACK_SECONDS)
            raise NotAcknowledgedError("no answer")

    attempts = Slow(clock, None)
    assert isinstance(await run(clock, attempts, 1.5 * ACK_SECONDS), NotAcknowledgedError)
    assert attempts.made
    assert attempts.made[-1] - begun < 1.5 * ACK_SECONDS


async def test_a_fast_clock_does_not_take_attempts_away(hasty_clock):
    attempts = Attempts(hasty_clock, NotAcknowledgedError("no answer"))
    await run(hasty_clock, attempts, 30.0)
    assert len(attempts.made) == COMMAND_ATTEMPTS


@pytest.mark.parametrize("error", [NodeBlockedError("open"), ValueError("ours")])
async def test_an_open_breaker_and_our_own_mistakes_are_not_retried(clock, error):
    attempts = Attempts(clock, error)
    assert await run(clock, attempts) is error
    assert len(attempts.made) == 1


async def test_cancellation_of_an_attempt_is_not_swallowed(clock):
    made = []

    async def hang():
        made.append(1)
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(command_retry(30.0, ACK_SECONDS, clock)(hang))
        await wait_until(lambda: made)
        task.cancel()
    assert task.cancelled()
    assert made == [1]


async def test_cancellation_between_attempts_is_not_swallowed(clock):
    attempts = Attempts(clock, NotAcknowledgedError("no answer"))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(command_retry(30.0, ACK_SECONDS, clock)(attempts))
        await wait_until(lambda: clock.sleepers)
        task.cancel()
    assert task.cancelled()
    assert (len(attempts.made), clock.sleepers) == (1, 0)


async def test_waiting_ends_with_the_answer(clock):
    async def answer():
        return "accepted"

    assert await within(1.0, answer(), clock, "nothing") == "accepted"


async def test_waiting_ends_without_one_and_says_so(hasty_clock):
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(NotAcknowledgedError, match="nothing came"):
        await within(1.0, asyncio.Event().wait(), hasty_clock, "nothing came")
    assert loop.time() - begun >= SHORTEST_TIMEOUT_SECONDS - 0.01


async def test_cancelled_waiting_is_cancelled_and_not_an_answer_that_failed(clock):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(within(60.0, asyncio.Event().wait(), clock, "nothing came"))
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
