"""The process whose HTTP port another program has."""

from __future__ import annotations

import socket

from support.deadline import block_until, rarely


def test_a_taken_port_keeps_no_control_from_starting_and_is_served_once_it_is_free(agent, station):
    with socket.create_server(("127.0.0.1", agent.http)):
        agent.start(connected=False)
        block_until(lambda: "The broker is connected" in agent.log, timeout=20)
        assert "Metrics and health cannot be served" in agent.log
        station.publish("water/riverside/tank1/telemetry/level", "5.5", qos=1)
        block_until(lambda: station.commands)
        assert station.commands[0]["action"] == "stop"
    block_until(rarely(lambda: agent.ready), timeout=20)
    assert "Metrics and health are served" in agent.log
    assert agent.terminate() == 0
