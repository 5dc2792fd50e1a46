from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.processes import AgentProcess

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
