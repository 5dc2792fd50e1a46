"""Every packaged profile against messages and commands as the maker of its devices documents them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from support.foreigners import foreign_plant, heard
from support.plants import START, Bench

from edge_agent.dialects.commanding import written
from edge_agent.model.commands import Command
from edge_agent.model.time import MICROSECONDS
from edge_agent.settings.profiles import packaged

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests/data/profiles"
EXAMPLES = {
    name: tomllib.loads(path.read_text("utf-8")) for name in packaged() if (path := FOLDER / f"{name}.toml").exists()
}
MESSAGES = [(name, place) for name, example in EXAMPLES.items() for place in range(len(example["messages"]))]
COMMANDS = [(name, place) for name, example in EXAMPLES.items() for place in range(len(example.get("commands", ())))]


def test_every_profile_has_examples_and_every_example_its_profile():
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(packaged())
    assert all(len(example["messages"]) >= 4 for example in EXAMPLES.values())


@pytest.mark.parametrize("name", packaged())
def test_a_profile_names_its_device_and_the_pages_of_its_maker(name):
    profile = tomllib.loads(packaged()[name].read_text("utf-8"))
    assert profile["title"]
    assert "https://" in profile["maker"]
    assert profile["guess"]


@pytest.mark.parametrize(("name", "place"), MESSAGES)
def test_a_message_says_what_its_maker_says(name, place):
    example = EXAMPLES[name]["messages"][place]
    bench = Bench(foreign_plant(EXAMPLES[name]["plant"]))
    turn = bench.turn(heard(example["topic"], example["payload"], retained=example.get("retained", False)), after=1)
    assert {reading.sensor.name: reading.value for reading in turn.readings} == pytest.approx(
        example.get("readings", {})
    )
    reach, snapshot = bench.knowledge.executor.reach, bench.knowledge.snapshot(bench.now)
    assert {node: reach.online.get(node) for node in example.get("statuses", {})} == example.get("statuses", {})
    shown = {f"{view.node}/{view.actuator}": view.state for view in snapshot.actuators if view.state is not None}
    assert shown == example.get("states", {})
    assert turn.dead_letters == []


@pytest.mark.parametrize(("name", "place"), COMMANDS)
def test_a_command_is_written_as_its_maker_wants_it(name, place):
    example = EXAMPLES[name]["commands"][place]
    site = foreign_plant(EXAMPLES[name]["plant"])
    node, _, actuator = example["actuator"].partition("/")
    command = Command(
        id="0199c3a2-7b1e-7c5a-9d52-0f3b2a1c4d5e", site="riverside", node=node, actuator=actuator, value=None,
        action=example["action"], lease_seconds=example["lease_seconds"], issued_at=START.at,
        expires_at=START.at + 30 * MICROSECONDS, epoch=7, counter=1042, plan=None, reason="low",
    )  # fmt: skip
    wiring = site.actuator(example["actuator"]).wiring
    assert written(command, wiring, "gateway-1") == (example["topic"], example["payload"].encode())


@pytest.mark.parametrize("name", packaged())
def test_the_page_of_devices_has_a_section_for_it(name):
    page = (ROOT / "docs/devices.md").read_text("utf-8")
    title = re.search(r'^title = "(.*)"$', packaged()[name].read_text("utf-8"), re.MULTILINE)[1]
    assert f"### {title}" in page
    assert f'profile = "{name}"' in page
