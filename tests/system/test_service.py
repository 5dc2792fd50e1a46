"""The process as systemd runs it: what it tells the manager, from ready to stopping."""

from __future__ import annotations

import pytest
from support.deadline import block_until
from support.notifysocket import NotifySocket
from support.processes import AgentProcess, spawn_with


@pytest.fixture(params=["a path", "an abstract address"])
def systemd(request, tmp_path):
    heard = NotifySocket(tmp_path / "notify" if request.param == "a path" else None)
    yield heard
    heard.close()


@pytest.fixture
def agent(tmp_path, mosquitto, systemd):
    spawn = spawn_with(NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC="1000000")
    process = AgentProcess(tmp_path / "agent", mosquitto.port, spawn=spawn)
    try:
        yield process
    finally:
        process.close()


def test_it_is_ready_then_turns_and_tells_its_end(agent, systemd):
    agent.start()
    assert systemd.words[0] == "READY=1"
    block_until(lambda: systemd.words.count("WATCHDOG=1") >= 3)
    assert agent.terminate() == 0
    assert systemd.words[-1] == "STOPPING=1"
    assert systemd.words.count("READY=1") == systemd.words.count("STOPPING=1") == 1


def test_without_its_broker_it_is_ready_all_the_same(agent, systemd, mosquitto):
    mosquitto.kill()
    agent.start(connected=False)
    block_until(lambda: systemd.words.count("WATCHDOG=1") >= 2, timeout=20)
    assert systemd.words[0] == "READY=1"
    assert not agent.ready
