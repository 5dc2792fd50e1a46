"""The process on a disk that fills up, and with a store that breaks."""

from __future__ import annotations

import json
import subprocess
import urllib.error

import pytest
from paho.mqtt import subscribe
from support.deadline import block_until
from support.processes import AgentProcess

MESSAGES = 3_000


@pytest.fixture
def disk(tmp_path):
    """A disk of 32 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def agent(tmp_path, mosquitto, disk):
    process = AgentProcess(tmp_path / "agent", mosquitto.port, settings=f'[store]\npath = "{disk}/edge-agent.db"\n')
    try:
        yield process
    finally:
        process.close()


def stuff(disk):
    with (disk / "others").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def why_not_ready(agent):
    try:
        agent.get("/health/ready")
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["parts"]["store"]
    return "ok"


def test_a_full_disk_is_told_and_survived_without_a_restart_and_without_loss(agent, disk, publisher):
    agent.start()
    publisher.publish(100)
    stuff(disk)
    sent = 100
    while not agent.metric("edge_agent_store_failing"):
        publisher.publish(MESSAGES, first=sent)
        sent += MESSAGES
        assert sent < 500_000
    assert "full" in why_not_ready(agent)
    (disk / "others").unlink()
    block_until(lambda: not agent.metric("edge_agent_store_failing"), timeout=20)
    assert why_not_ready(agent) == "ok"
    acknowledged = publisher.settle()
    block_until(lambda: len(agent.export("readings", "--node", "load")) >= len(acknowledged), timeout=60)
    assert agent.terminate() == 0
    numbers = [reading["seq"] for reading in agent.export("readings", "--node", "load")]
    assert sorted(numbers) == sorted(acknowledged)
    assert agent.log.count("The store cannot be written") >= 1


def test_a_damaged_store_is_set_aside_and_the_agent_runs_with_a_higher_epoch(agent, disk, mosquitto):
    agent.start()
    epoch = json.loads(agent.get("/status"))["epoch"]
    agent.kill()
    store = disk / "edge-agent.db"
    (disk / "edge-agent.db-wal").unlink()  # it would heal the file
    store.write_bytes(b"\xa5" * 20_000)
    agent.start()
    assert json.loads(agent.get("/status"))["epoch"] == epoch + 1
    assert agent.metric("edge_agent_store_renewals_total") == 1
    ready = json.loads(agent.get("/health/ready"))
    assert ready["ready"]
    aside = min(disk.glob("edge-agent.db.corrupt-*"))  # its log has a longer name
    assert str(aside) in ready["notes"]["store"]
    told = subscribe.simple(
        "water/riverside/_agent/gateway-1/alarm/_agent/_node/store_renewed", port=mosquitto.port, msg_count=1
    )
    alarm = json.loads(told.payload)
    assert (alarm["alarm"], alarm["state"], alarm["acknowledged"]) == ("_agent:store_renewed", "active", False)
    assert str(aside) in alarm["reason"]
    assert [event["event"] for event in agent.export("alarms")] == ["raised"]
    assert agent.terminate() == 0
    assert len(list(disk.glob("edge-agent.db.corrupt-*"))) >= 1
