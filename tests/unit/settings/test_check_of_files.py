from __future__ import annotations

from edge_agent.errors import Problem
from edge_agent.settings.check import check, told_at_start
from edge_agent.settings.plantfile import load_plant_file

STOP = """
[plans.stop_tank1]
when = ["tank1/level:high"]
do = [{ actuator = "station/pump1", action = "stop" }]
"""


def test_two_sound_files_have_no_problem(tmp_path, riverside_path):
    config = tmp_path / "agent.toml"
    config.write_text('[agent]\nid = "north"\n')

    plant = tmp_path / "plant.toml"
    plant.write_text(riverside_path.read_text("utf-8") + STOP)
    assert check(config, plant, {"HOME": "/"}) == []


def test_a_plan_that_starts_what_nothing_ends_is_refused_by_check_alone(tmp_path, riverside_path):
    config = tmp_path / "agent.toml"
    config.write_text('[agent]\nid = "north"\n')
    (problem,) = check(config, riverside_path, {"HOME": "/"})
    assert problem.key == "plans.fill_tank1.do"
    assert problem.wrong.startswith("nothing ends what it asks of station/pump1")
    assert problem.line is not None
    assert any("nothing ends" in told for told in told_at_start(load_plant_file(riverside_path)))


def test_both_files_and_the_environment_are_told_of_at_once(tmp_path):
    config, plant = tmp_path / "agent.toml", tmp_path / "plant.toml"
    config.write_text("[mqtt]\nport = 0\n")
    plant.write_text('[site]\nid = "A"\n[nodes.n]\n')

    problems = check(config, plant, {"EDGE_AGENT_LOG__LEVEL": "LOUD"})

    assert [(problem.file, problem.key) for problem in problems] == [
        (str(config), "mqtt.port"),
        ("environment", "EDGE_AGENT_LOG__LEVEL"),
        (str(plant), "site.id"),
    ]
    assert str(problems[0]) == (
        f"{config}: line 2: mqtt.port: 0 is out of range; expected a whole number from 1 to 65535"
    )


def test_a_file_that_cannot_be_parsed_does_not_hide_the_other(tmp_path):
    config, plant = tmp_path / "agent.toml", tmp_path / "plant.toml"
    config.write_text("[mqtt\n")
    plant.mkdir()

    problems = check(config, plant, {})

    assert [problem.file for problem in problems] == [str(config), str(plant)]
    assert problems[1].wrong == "cannot be read: is a directory"


def test_a_named_plant_file_that_is_not_there_is_a_problem(tmp_path):
    missing = tmp_path / "plant.toml"

    assert check(None, missing, {"EDGE_AGENT_AGENT__ID": "a"})[-1:] == [
        Problem(str(missing), "file", "cannot be read: no such file or directory", "a readable TOML file")
    ]
