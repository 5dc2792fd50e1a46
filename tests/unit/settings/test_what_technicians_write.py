"""Files as editors on other systems leave them, hosts as they stand in other programs, names in capitals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConfigurationError
from edge_agent.settings.agent import load_settings, settings_from
from edge_agent.settings.hosts import place
from edge_agent.settings.plantfile import load_plant, plant_from

ROOT = Path(__file__).parents[3]
MARK = b"\xef\xbb\xbf"


def settings(**sections):
    return settings_from(sections, "agent.toml", {})


def test_a_byte_order_mark_is_taken_in_both_files(tmp_path):
    config, plant = tmp_path / "agent.toml", tmp_path / "plant.toml"
    config.write_bytes(MARK + b'[agent]\r\nid = "north"\r\n')
    plant.write_bytes(MARK + (ROOT / "config/plant.toml").read_bytes())

    assert load_settings(config, {}).agent.id == "north"
    assert load_plant(plant).site == "riverside"


def test_a_file_in_utf_16_is_named_as_such(tmp_path, problems_of):
    config = tmp_path / "agent.toml"
    config.write_text('[agent]\nid = "north"\n', encoding="utf-16")

    assert problems_of(load_settings, config, {})["file"].wrong == "is UTF-16"


@pytest.mark.parametrize(
    ("section", "name", "content", "secret"),
    [
        ("mqtt", "password", MARK + b"s3cret\r\n", "s3cret"),
        ("postgres", "dsn", MARK + b"host=db dbname=water\r\n\r\n", "host=db dbname=water"),
        ("redis", "url", MARK + b"redis://cache:6379/0 \n\n", "redis://cache:6379/0"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_secret_nor_is_the_end_of_its_line(tmp_path, section, name, content, secret):
    (tmp_path / "secret").write_bytes(content)
    given_ = {f"{name}_file": str(tmp_path / "secret")} | ({"username": "agent"} if section == "mqtt" else {})

    assert getattr(getattr(settings(**{section: given_}), section), name).get_secret_value() == secret


def test_a_secret_that_is_not_utf_8_is_not_quoted(tmp_path, problems_of):
    (tmp_path / "secret").write_bytes(b"s3cret\xff")
    raw = {"mqtt": {"username": "agent", "password_file": str(tmp_path / "secret")}}

    (problem,) = problems_of(settings_from, raw, "agent.toml", {}).values()
    assert problem.wrong.endswith("cannot be read: it is not UTF-8")


HOSTS = [
    ("broker", "broker"), ("broker.example.", "broker.example."), ("192.0.2.7", "192.0.2.7"), ("wasser-münchen", None),
    ("2001:db8::7", None), ("[2001:db8::7]", "2001:db8::7"), ("::1", None), ("fe80::1%eth0", None), ("a_b", None),
]  # fmt: skip


@pytest.mark.parametrize("section", ["mqtt", "http"])
@pytest.mark.parametrize(("written", "taken"), HOSTS)
def test_names_and_addresses_are_taken(section, written, taken):
    assert getattr(settings(**{section: {"host": written}}), section).host == (taken or written)


@pytest.mark.parametrize("section", ["mqtt", "http"])
@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("tcp://broker", 'write host = "broker"'),
        ("mqtt://broker.example:1884/", 'write host = "broker.example" and port = 1884'),
        ("mqtts://broker:8883", 'write host = "broker" and port = 8883 and the table [mqtt.tls]'),
        ("broker:1883", 'write host = "broker" and port = 1883'),
        ("[::1]:1883", 'write host = "::1" and port = 1883'),
        ("mqtt://[2001:db8::7]", 'write host = "2001:db8::7"'),
        (" broker", 'write host = "broker"'),
        ("broker ", 'write host = "broker"'),
        ("my broker", "a host name or address and nothing else"),
        ("broker,other", "a host name or address and nothing else"),
    ],
)
def test_what_is_no_host_is_refused_and_told_what_to_write(problems_of, section, written, advice):
    problem = problems_of(settings_from, {section: {"host": written}}, "agent.toml", {})[f"{section}.host"]

    assert problem.wrong.endswith("is not a host name")
    assert problem.expected.endswith(advice) or problem.expected.startswith(advice)


def test_a_host_in_the_environment_is_looked_at_as_well(problems_of):
    problem = problems_of(settings_from, {}, "agent.toml", {"EDGE_AGENT_MQTT__HOST": "tcp://broker"})
    assert list(problem) == ["EDGE_AGENT_MQTT__HOST"]


def test_a_password_in_a_host_is_not_shown():
    with pytest.raises(ConfigurationError) as caught:
        settings(mqtt={"host": "mqtt://agent:s3cret@broker"})
    assert "s3cret" not in str(caught.value)
    assert 'write host = "broker"' in str(caught.value)


@given(st.text(max_size=20))
def test_whatever_host_is_written_it_is_taken_or_explained_in_a_line(text):
    try:
        taken = settings(mqtt={"host": text}).mqtt.host
        explained = ""
    except ConfigurationError as error:
        taken, explained = "", str(error)
    assert "\n" not in explained
    assert taken in {text, text[1:-1], ""}
    assert not any(character in taken for character in " /@")


@pytest.mark.parametrize("dsn", ["postgresql://agent:s3@cret@db/water", "postgres://a@b:s3cret@db"])
def test_a_dsn_whose_password_would_be_taken_for_a_host_is_refused_and_not_shown(problems_of, dsn):
    problem = problems_of(settings_from, {"postgres": {"dsn": dsn}}, "agent.toml", {})["postgres.dsn"]
    assert "could be read in two ways" in str(problem)
    assert "%40" in str(problem)
    assert "cret" not in str(problem)


@pytest.mark.parametrize("dsn", ["postgresql://agent:s3%40cret@db/water?user=a@b", "host=db password=a@b@c"])
def test_a_dsn_with_an_at_where_it_may_be_is_taken(dsn):
    assert settings(postgres={"dsn": dsn}).postgres.dsn.get_secret_value() == dsn


def test_an_address_with_colons_stands_in_brackets_beside_its_port():
    assert (place("::1", 9108), place("broker", 1883)) == ("[::1]:9108", "broker:1883")


def test_capitals_in_an_id_get_a_hint(problems_of):
    raw = {"site": {"id": "River"}, "nodes": {"Tank1": {"sensors": {"Level": {"quantity": "level", "unit": "m"}}}}}
    found = problems_of(plant_from, raw, Path("plant.toml"))

    hints = {key: problem.expected.rpartition("; ")[2] for key, problem in found.items()}
    assert hints == {
        "site.id": "ids are lower case: did you mean river?",
        "nodes.Tank1": "ids are lower case: did you mean tank1?",
        "nodes.Tank1.sensors.Level": "ids are lower case: did you mean level?",
    }


def test_an_id_that_is_wrong_besides_gets_none(problems_of):
    found = problems_of(settings_from, {"agent": {"id": "Gate way"}}, "agent.toml", {})
    assert "lower case" not in found["agent.id"].expected


def without_privileges(script, *arguments):
    """Run Python as root's shadow: without the right to overlook permissions."""
    dropped = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*dropped, sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_folder_that_one_may_not_enter_is_told_and_not_passed_over(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/agent.toml").touch()
    (tmp_path / "etc").chmod(0)
    script = (
        "import sys; from pathlib import Path; from edge_agent.settings import tomlfile\n"
        "tomlfile.read_toml(tomlfile.find('agent.toml', [Path(sys.argv[1])]))"
    )
    done = without_privileges(script, str(tmp_path / "etc"))
    (tmp_path / "etc").chmod(0o700)
    assert done.stderr.splitlines()[-1].endswith(
        f"{tmp_path}/etc/agent.toml: file: cannot be read: permission denied; expected a readable TOML file, or a user "
        "who may read it (sudo -u edge-agent edge-agent ..., or sudo)"
    )
