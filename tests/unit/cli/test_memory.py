"""A process that has run out of memory ends, with a word and a code; it never lives on in part."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from edge_agent.mqtt.transport import Transport
from edge_agent.observe.http import Endpoints

_HEAD = """
import asyncio
from edge_agent.cli.memory import ending_without_memory, watch_callbacks

def fail():
    raise MemoryError

async def task():
    fail()

async def other():
    await asyncio.sleep(0)
    raise ValueError("beside it")

async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(task())
        tasks.create_task(other())

async def main():
    watch_callbacks(asyncio.get_running_loop())
    with ending_without_memory():
        {}
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "what",
    [
        "fail()",
        "await group()",
        "asyncio.get_running_loop().call_soon(fail)",
        "asyncio.get_running_loop().call_later(0.01, fail)",
    ],
)
def test_the_process_ends_with_a_word_and_a_code(what):
    done = subprocess.run(
        [sys.executable, "-c", _HEAD.format(what)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "The agent has run out of memory and ends" in done.stderr
    assert "edge-agent: out of memory, the process ends" in done.stderr
    assert "Traceback" not in done.stderr


_SERVER = """
import asyncio
from edge_agent.cli.memory import watch_callbacks
from edge_agent.observe.http import ObservationServer

def metrics():
    {failure}

async def main():
    watch_callbacks(asyncio.get_running_loop())
    async with ObservationServer(
        "127.0.0.1", 0, metrics=metrics, ready=dict, live=lambda: None, status=lambda: iter([])
    ) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        await reader.read(1)
    raise SystemExit(7)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("failure", "code"), [("raise MemoryError", 1), ("return iter([b'# none'])", 7)], ids=["without memory", "as ever"]
)
def test_want_of_memory_while_an_answer_is_made_ends_the_process(failure, code):
    done = subprocess.run(
        [sys.executable, "-c", _SERVER.format(failure=failure)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("edge-agent: out of memory, the process ends" in done.stderr) is (code == 1)


def test_other_mistakes_of_callbacks_are_noted_as_ever():
    what = "asyncio.get_running_loop().call_soon(lambda: 1 / 0); await asyncio.sleep(0.01); raise SystemExit(7)"
    done = subprocess.run(
        [sys.executable, "-c", _HEAD.format(what)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 7
    assert "ZeroDivisionError" in done.stderr


def without_memory(*_):
    raise MemoryError


class Starved:
    """A client of paho that finds no memory whatever it does."""

    def __init__(self, *_):
        self.loop_read = self.loop_write = self.loop_misc = without_memory


async def test_want_of_memory_while_reading_is_no_end_of_the_connection():
    failures = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = Starved()
        client.socket = lambda: ours
        transport = Transport(client, None, lambda _: None, failures.append)
        theirs.send(b"x")
        transport._reading = True
        for step in (transport._read, transport._write, transport._tick):
            with pytest.raises(MemoryError):
                step()
    assert failures == []


async def test_want_of_memory_while_answering_is_no_answer():
    assert asyncio.get_running_loop()
    endpoints = Endpoints(without_memory, dict, lambda: None, dict)
    with pytest.raises(MemoryError):
        endpoints.respond(b"GET /metrics HTTP/1.1")
