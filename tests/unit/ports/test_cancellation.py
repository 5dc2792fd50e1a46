from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from edge_agent.ports.cancellation import heeding_cancellation


async def swallowing() -> str:
    """Wait as a library does that loses a cancellation, which comes together with the result."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return "found"


async def failing() -> None:
    """Wait as a library does that answers a cancellation with an error of its own."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise ValueError("broken") from None


@pytest.mark.parametrize("step", [swallowing, failing])
async def test_a_cancellation_that_a_step_of_a_library_loses_is_heeded(step) -> None:
    """Else an agent that is to end while it looks goes on for ever."""

    async def heeding() -> None:
        with heeding_cancellation():
            await step()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(heeding())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()


async def test_a_step_that_nobody_cancels_ends_as_it_ends() -> None:
    with pytest.raises(ValueError, match="own"), heeding_cancellation():
        raise ValueError("its own")
    with heeding_cancellation():
        found = await asyncio.sleep(0, "found")
    assert found == "found"


async def test_a_cancellation_from_before_the_step_does_not_end_it() -> None:
    """What a task does after it was asked to end, to end in order, must not be cut short."""

    async def leaving() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with heeding_cancellation():
                said.append(await asyncio.sleep(0, "goodbye"))
            raise

    said: list[str] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(leaving())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert said == ["goodbye"]
