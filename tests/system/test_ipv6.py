"""The agent where only IPv6 is spoken: the broker, metrics and the command line by a literal address."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from support.brokers import Mosquitto
from support.deadline import block_until
from support.processes import AgentProcess

if TYPE_CHECKING:
    from pathlib import Path


class SixOnly(Mosquitto):
    """A Mosquitto that listens on ::1 and nowhere else."""

    host = "::1"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        own = folder / "mosquitto.conf"
        own.write_text(own.read_text().replace(f"listener {self.port} 127.0.0.1", f"listener {self.port} ::1"))

    def _listens(self) -> bool:
        with socket.socket(socket.AF_INET6) as probe:
            return probe.connect_ex((self.host, self.port)) == 0


@pytest.fixture
def broker(tmp_path):
    made = SixOnly(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
@pytest.mark.parametrize("literal", ["::1", "[::1]"])
def test_an_agent_by_ipv6_literals(tmp_path, broker, literal):
    agent = AgentProcess(tmp_path / "agent", broker.port)
    settings = agent.folder / "config" / "agent.toml"
    text = settings.read_text().replace("[mqtt]\n", f"[mqtt]\nhost = '{literal}'\n")
    settings.write_text(text.replace("[http]\n", f"[http]\nhost = '{literal}'\n"))
    agent.start(connected=False)
    try:
        block_until(lambda: agent.command_line("status").returncode == 0, timeout=20)
        assert json.loads(agent.command_line("status", "--json").stdout)["agent"] == "gateway-1"
        block_until(lambda: "The broker is connected" in agent.log or agent.exited, timeout=20)
        assert f"http=[::1]:{agent.http}" in agent.log
        assert f"broker=[::1]:{broker.port}" in agent.log
        assert agent.terminate() == 0
    finally:
        agent.close()
