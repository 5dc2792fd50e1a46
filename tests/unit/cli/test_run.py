from __future__ import annotations

import asyncio

import pytest

from edge_agent.cli.run import _end_without_memory
from edge_agent.observe.http import ObservationServer


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


async def serve_without_memory():
    def exhausted():
        raise MemoryError

    asyncio.get_running_loop().set_exception_handler(_end_without_memory)
    parts = {"metrics": exhausted, "ready": dict, "live": lambda: None, "status": exhausted}
    async with ObservationServer("127.0.0.1", 0, **parts) as server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            await reader.read()
        finally:
            writer.transport.abort()
            await asyncio.sleep(0)


def test_want_of_memory_in_an_answer_ends_the_process():
    with pytest.raises(SystemExit) as ended:
        asyncio.run(serve_without_memory())
    assert ended.value.code == 1
