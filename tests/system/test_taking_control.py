from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from support.deadline import block_until
from support.processes import AgentProcess
from support.witness import Witnesses

from edge_agent.settings.plantfile import load_plant

if TYPE_CHECKING:
    from pathlib import Path

    from support.brokers import Mosquitto


def epoch(agent: AgentProcess) -> int:
    found: int = json.loads(agent.get("/status"))["epoch"]
    return found


def test_an_agent_on_a_new_card_and_one_beside_it_begin_a_higher_epoch(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Their stores know nothing of the site; nodes would take commands of a lower epoch for those of the past."""
    second = '[agent]\nid = "gateway-2"\n'
    agents = [
        AgentProcess(tmp_path / "first", mosquitto.port),
        AgentProcess(tmp_path / "new card", mosquitto.port),
        AgentProcess(tmp_path / "beside", mosquitto.port, settings=second),
    ]
    try:
        agents[0].start()
        agents[0].terminate()
        agents[0].start()
        assert epoch(agents[0]) == 2
        agents[0].kill()
        agents[1].start()
        assert epoch(agents[1]) == 3
        agents[2].start()
        assert epoch(agents[2]) == 4
    finally:
        for agent in agents:
            agent.close()


def test_two_agents_that_command_one_site_do_not_take_it_from_each_other(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The nodes obey the one that came last. The other is refused, says so, and takes over when that one is gone."""
    first = AgentProcess(tmp_path / "first", mosquitto.port)
    second = AgentProcess(tmp_path / "second", mosquitto.port, settings='[agent]\nid = "gateway-2"\n')
    nodes = None
    try:
        first.start()
        second.start()
        nodes = Witnesses(mosquitto.port, load_plant(first.folder / "config" / "plant.toml"))
        tell(mosquitto, 1.0)  # until a node hears of the second's epoch it cannot know that the first's is over
        block_until(lambda: any(seen.id in given(second, 2) for seen in nodes.executions), timeout=20)
        known = len(nodes.executions)
        for value in (5.5, 1.0, 5.5):
            before = len(nodes.executions)
            tell(mosquitto, value)
            block_until(lambda: len(nodes.executions) > before, timeout=20)  # noqa: B023 - used at once
        block_until(lambda: "epoch" in json.loads(first.get("/health/ready"))["notes"], timeout=20)
        assert (epoch(first), epoch(second)) == (1, 2)
        assert {seen.id for seen in nodes.executions[known:]} <= given(second, 2)
        second.terminate()
        tell(mosquitto, 1.0)
        block_until(lambda: epoch(first) == 3, timeout=20)
        block_until(lambda: nodes.executions[-1].id in given(first, 3), timeout=20)
        assert "epoch" not in json.loads(first.get("/health/ready"))["notes"]
        assert nodes.executed_twice == 0
    finally:
        if nodes is not None:
            nodes.close()
        first.close()
        second.close()


def tell(broker: Mosquitto, level: float) -> None:
    command = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", "water/riverside/tank1/telemetry/level"]
    subprocess.run([*command, "-m", str(level)], check=True)


def given(agent: AgentProcess, epoch: int) -> set[str]:
    """The commands of an agent under an epoch."""
    return {each["id"] for each in agent.export("commands") if each["epoch"] == epoch}
