"""The process whose log nobody reads: a journal that hangs, a pager that stands still."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from support.deadline import block_until, rarely
from support.processes import PLANT, AgentProcess

#: Many sensors, whose alarms make many lines that are no sum.
MANY = 600
SENSORS = "".join(
    f"""
[nodes.many.sensors.s{number}]
quantity = "level"
unit = "m"
[nodes.many.sensors.s{number}.thresholds]
high = {{ limit = 5.0, priority = "low" }}
"""
    for number in range(MANY)
)
BAD = "water/riverside/load/telemetry/s0"
LEVEL = "water/riverside/tank1/telemetry/level"
#: What the interface allows an end to take.
END_SECONDS = 10.0


class Unread:
    """Standard error as a pipe that is full from the start, and read only where a test wants it."""

    def __init__(self):
        self.read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        try:
            while True:
                os.write(self._write_end, b"." * 4095 + b"\n")
        except BlockingIOError:
            os.set_blocking(self._write_end, True)
        os.set_blocking(self.read_end, False)
        self._text = b""

    def spawn(self, arguments, cwd, env, log):
        log.touch()
        command = [sys.executable, "-m", "edge_agent", *arguments]
        return subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=self._write_end)

    def read(self):
        try:
            while data := os.read(self.read_end, 65536):
                self._text += data
        except BlockingIOError:
            pass
        return self._text.decode()

    def close(self):
        os.close(self.read_end)
        os.close(self._write_end)


@pytest.fixture
def unread():
    pipe = Unread()
    yield pipe
    pipe.close()


@pytest.fixture
def agent(tmp_path, mosquitto, unread):
    process = AgentProcess(tmp_path / "agent", mosquitto.port, plant=PLANT + SENSORS, spawn=unread.spawn)
    try:
        yield process
    finally:
        process.close()


def flood(station, count=400):
    """Send what cannot be read."""
    for number in range(count):
        station.publish(BAD, f"no JSON {number}", qos=1)
    station.publish(BAD, "the last", qos=1).wait_for_publish(10)


def ring(station, times=8):
    """Raise and clear the alarms of many sensors: that is hundreds of lines each time."""
    now = datetime.now(UTC)  # noqa: TID251 - readings of now, so that they are not late
    for number in range(2 * times):
        value = 4.0 if number % 2 else 6.0
        reading = {
            "ts": (now + timedelta(milliseconds=number)).isoformat(),
            "readings": {f"s{sensor}": value for sensor in range(MANY)},
        }
        station.publish("water/riverside/many/telemetry", json.dumps(reading), qos=1).wait_for_publish(10)


def test_with_a_log_that_nobody_reads_everything_goes_on_and_lost_lines_are_told(agent, station, unread):
    agent.start()
    flood(station)
    station.publish(LEVEL, "5.5", qos=1)
    block_until(lambda: station.commands, timeout=5)
    assert station.commands[0]["action"] == "stop"
    assert json.loads(agent.get("/health/ready"))["ready"]
    assert json.loads(agent.get("/health/live"))["live"]
    block_until(rarely(lambda: agent.metric('edge_agent_dead_letters_total{reason="invalid_json"}') == 401))
    ring(station)
    block_until(rarely(lambda: agent.metric("edge_agent_log_lines_lost_total")))
    block_until(lambda: "Log lines were lost" in unread.read())
    assert "Alarm raised" in unread.read()
    assert agent.terminate() == 0


def test_a_log_that_nobody_reads_does_not_hold_up_the_end(agent, station):
    agent.start()
    flood(station)
    began = time.perf_counter()
    assert agent.terminate() == 0
    assert time.perf_counter() - began < END_SECONDS


def test_an_error_at_the_start_is_not_held_up_either(agent):
    (agent.folder / "var").write_text("no folder")
    agent.start(connected=False)
    block_until(lambda: agent.exited, timeout=END_SECONDS)
    assert agent.process.wait() == 1
