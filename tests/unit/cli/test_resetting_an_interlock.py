"""`edge-agent reset INTERLOCK` leaves its word for the agent, and names what there is not."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.cli.main import main
from edge_agent.knowledge.store.sqlite import SqliteStore

PLANT = """
[site]
id = "riverside"
[nodes.station.sensors.suction]
quantity = "pressure"
unit = "bar"
[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
[interlocks.dry]
trip = "station/suction < 0.3"
stop = ["station/pump1"]
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The store of a site that has been applied."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plant.toml").write_text(PLANT)
    assert main(["apply", "plant.toml"]) == 0
    return tmp_path / "var/edge-agent.db"


def asked(store):
    async def look():
        async with SqliteStore(store) as opened:
            return await opened.operations()

    return asyncio.run(look())


def test_what_a_person_asks_is_left_for_the_agent(store):
    assert main(["reset", "dry", "--reason", "strainer cleaned"]) == 0
    [operation] = asked(store)
    assert (operation.operation, operation.target, operation.reason) == ("reset", "dry", "strainer cleaned")


@pytest.mark.parametrize(
    ("command", "target", "code", "wrong"),
    [
        ("reset", "wet", 1, "there is no interlock wet on the site that this store knows"),
        ("release", "dry", 2, "dry is not an actuator; expected NODE/ACTUATOR"),
        ("reset", "station/", 2, "station/ is not an actuator; expected NODE/ACTUATOR, or an interlock"),
        ("reset", "DRY", 2, "DRY: ids are lower case: did you mean dry?"),
    ],
)
def test_a_target_that_there_is_not_is_named(store, capfd, command, target, code, wrong):
    capfd.readouterr()
    assert main([command, target, "--reason", "test"]) == code
    assert capfd.readouterr().err.strip().lower() == wrong.lower()
    assert asked(store) == []
