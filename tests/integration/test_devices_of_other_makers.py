"""Relays of other makers on a real Mosquitto: the agent as a process, and what the devices do by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.devicerig import DeviceRig
from support.processes import AgentProcess

from edge_agent.simulate.relays import Shelly, Tasmota

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.brokers import Mosquitto

LEASE_SECONDS = 12
PLANT = """
[site]
id = "riverside"
[nodes.well]
device = "tasmota_1"
profile = "tasmota"
[nodes.well.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 60
source = "#/ANALOG/A0"
scale = 0.01
thresholds = { low = { limit = 1.5 }, high = { limit = 5.2 } }
[nodes.relay]
device = "DEVICE"
profile = "PROFILE"
[nodes.relay.actuators.pump1]
kind = "pump"
fail_safe = "stop"
min_on_seconds = 0
min_off_seconds = 0
ack_timeout_seconds = 0.5
command_ttl_seconds = 2
lease_seconds = LEASE
[plans.fill]
when = ["well/level:low"]
do = [{ actuator = "relay/pump1", action = "start" }]
[plans.stop]
when = ["well/level:high"]
do = [{ actuator = "relay/pump1", action = "stop" }]
"""
DEVICES = {"shelly_gen2": Shelly, "tasmota": Tasmota}


def plant(profile: str) -> str:
    return PLANT.replace("DEVICE", "dev/1").replace("PROFILE", profile).replace("LEASE", str(LEASE_SECONDS))


@pytest.fixture(params=DEVICES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rig(mosquitto: Mosquitto, profile: str) -> Iterator[DeviceRig]:
    made = DeviceRig(mosquitto.port, DEVICES[profile]("dev/1"))
    yield made
    made.close()


@pytest.fixture
def agent(tmp_path: Path, mosquitto: Mosquitto, profile: str, rig: DeviceRig) -> Iterator[AgentProcess]:
    made = AgentProcess(tmp_path / "agent", mosquitto.port, plant(profile), commit_seconds=0.1)
    made.start()
    yield made
    made.close()


def level(rig: DeviceRig, metres: float) -> None:
    rig.say("tele/tasmota_1/SENSOR", f'{{"Time":"2026-11-22T11:00:00","ANALOG":{{"A0":{metres * 100:.0f}}}}}')


def outcomes(agent: AgentProcess) -> list[tuple[str, str]]:
    return [(command["action"], command["outcome"]) for command in agent.export("commands")]


def test_it_is_started_and_stopped_and_its_state_proves_it(agent: AgentProcess, rig: DeviceRig) -> None:
    pump = rig.device.outputs[0]
    level(rig, 1.0)
    block_until(lambda: pump.on)
    level(rig, 5.5)
    block_until(lambda: not pump.on)
    block_until(lambda: outcomes(agent) == [("start", "done"), ("stop", "done")])
    assert [reading["value"] for reading in agent.export("readings")] == [1.0, 5.5]
    assert agent.export("dead-letters") == []


def test_its_own_timer_stops_it_when_the_agent_is_gone(agent: AgentProcess, rig: DeviceRig) -> None:
    pump = rig.device.outputs[0]
    level(rig, 1.0)
    block_until(lambda: pump.on)
    agent.kill()
    assert pump.on
    block_until(lambda: not pump.on, timeout=LEASE_SECONDS + 3)
    assert pump.switched == 2


def test_its_lease_is_renewed_without_a_switch_while_the_request_stands(agent: AgentProcess, rig: DeviceRig) -> None:
    pump = rig.device.outputs[0]
    level(rig, 1.0)
    block_until(lambda: pump.on)
    block_until(lambda: outcomes(agent) == [("start", "done")] * 2, timeout=LEASE_SECONDS)
    assert (pump.on, pump.switched) == (True, 1)


def test_one_that_lies_has_failed(agent: AgentProcess, rig: DeviceRig) -> None:
    rig.device.outputs[0].stuck = True
    level(rig, 1.0)
    block_until(lambda: ("start", "failed") in outcomes(agent), timeout=15)
    assert len([topic for topic, _ in rig.heard]) > 1  # it was asked again
    assert "relay/pump1" in {f"{alarm['node']}/{alarm['sensor']}" for alarm in agent.export("alarms")}


def test_one_that_is_deaf_has_failed_and_is_asked_again_when_it_hears(agent: AgentProcess, rig: DeviceRig) -> None:
    rig.deaf = True
    level(rig, 1.0)
    block_until(lambda: ("start", "failed") in outcomes(agent), timeout=15)
    rig.deaf = False
    block_until(lambda: rig.device.outputs[0].on, timeout=60)


@pytest.mark.parametrize("profile", ["shelly_gen2"])
def test_a_changed_plant_is_listened_to_at_once_and_the_old_topics_no_more(agent: AgentProcess, rig: DeviceRig) -> None:
    file = agent.folder / "config/plant.toml"
    level(rig, 3.0)
    block_until(lambda: len(agent.export("readings")) == 1)
    file.write_text(plant("shelly_gen2").replace("tasmota_1", "tasmota_2"), "utf-8")
    assert agent.command_line("apply", str(file)).returncode == 0

    def heard_anew() -> bool:
        rig.say("tele/tasmota_2/SENSOR", '{"ANALOG":{"A0":200}}')
        return any(reading["value"] == 2.0 for reading in agent.export("readings"))

    block_until(heard_anew)
    rig.say("tele/tasmota_1/SENSOR", '{"ANALOG":{"A0":400}}')
    rig.say("tele/tasmota_2/SENSOR", '{"ANALOG":{"A0":250}}')
    block_until(lambda: agent.export("readings")[-1]["value"] == 2.5)
    assert not any(reading["value"] == 4.0 for reading in agent.export("readings"))


@pytest.mark.parametrize("profile", ["shelly_gen2"])
def test_a_topic_that_the_session_still_holds_from_before_is_ended(agent: AgentProcess, rig: DeviceRig) -> None:
    assert agent.terminate() == 0
    file = agent.folder / "config/plant.toml"
    file.write_text(plant("shelly_gen2").replace("tasmota_1", "tasmota_2"), "utf-8")
    agent.start()
    level(rig, 3.0)
    block_until(lambda: [letter["reason"] for letter in agent.export("dead-letters")] == ["unknown_topic"])
    for _ in range(5):
        level(rig, 3.0)
        rig.say("tele/tasmota_2/SENSOR", '{"ANALOG":{"A0":250}}')
    block_until(lambda: len(agent.export("readings")) == 5)
    assert len(agent.export("dead-letters")) <= 2


def test_a_new_device_is_found_described_and_read(tmp_path: Path, mosquitto: Mosquitto) -> None:
    rig = DeviceRig(mosquitto.port, Shelly("shellyplus1pm-1"))
    agent = AgentProcess(
        tmp_path / "agent", mosquitto.port, '[site]\nid = "riverside"\n[nodes.gate]\n', commit_seconds=0.1
    )
    status = '{"id":0,"output":false,"apower":3.5,"temperature":{"tC":40.5}}'
    rig.say("shellyplus1pm-1/status/switch:0", status, retain=True)
    try:
        told = agent.command_line("devices", "listen", "--seconds", "1")
        assert told.returncode == 0, told.stderr
        assert "# shellyplus1pm-1/online  true" in told.stdout
        file = agent.folder / "config/plant.toml"
        file.write_text(file.read_text("utf-8") + told.stdout, "utf-8")
        assert agent.command_line("check").returncode == 0
        agent.start()
        rig.say("shellyplus1pm-1/status/switch:0", status)
        block_until(lambda: {reading["value"] for reading in agent.export("readings")} == {3.5, 40.5})
    finally:
        agent.close()
        rig.close()


@pytest.mark.parametrize("topic", ["a/#/b", "a+/b", "", "x" * 2000])
def test_a_filter_that_is_none_is_one_sentence(tmp_path: Path, topic: str) -> None:
    agent = AgentProcess(tmp_path / "agent", 1, "", commit_seconds=None)
    told = agent.command_line("devices", "listen", "--topic", topic)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "is no filter of MQTT" in told.stderr


def test_listening_without_a_broker_is_one_sentence(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path / "agent", 1, "", commit_seconds=None)
    told = agent.command_line("devices", "listen", "--seconds", "1")
    assert told.returncode == 1
    assert told.stderr.startswith("the broker cannot be reached")
    assert "Traceback" not in told.stderr
