from __future__ import annotations

import asyncio

import pytest

from edge_agent.cli.run import _end_without_memory


def raises(error):
    def callback():
        raise error

    return callback


async def turn_with(callback, told):
    loop = asyncio.get_running_loop()
    loop.default_exception_handler = told.append
    loop.set_exception_handler(_end_without_memory)
    loop.call_soon(callback)
    await asyncio.sleep(0)


def test_want_of_memory_in_a_callback_of_the_loop_ends_the_process():
    with pytest.raises(SystemExit) as ended:
        asyncio.run(turn_with(raises(MemoryError()), []))
    assert ended.value.code == 1


def test_another_error_there_is_told():
    told = []
    asyncio.run(turn_with(raises(ZeroDivisionError()), told))
    assert isinstance(told[0]["exception"], ZeroDivisionError)
