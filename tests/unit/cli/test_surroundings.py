"""Commands beside the service: its store, its settings and its secrets, as far as this user may see them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from edge_agent.cli import plantwork, surroundings
from edge_agent.errors import StoreError, UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service whose files lie in a folder of the test: config, plant, password, store and unit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(surroundings, "FOLDERS", [tmp_path])
    for name in [name for name in os.environ if name.startswith("EDGE_AGENT_")]:
        monkeypatch.delenv(name)
    unit = (ROOT / "deploy/systemd/edge-agent.service").read_text()
    for place in ("/etc/edge-agent", "/var/lib/edge-agent"):
        (tmp_path / place[1:]).mkdir(parents=True)
        unit = unit.replace(place, f"{tmp_path}{place}")
    (tmp_path / "edge-agent.service").write_text(unit)
    (tmp_path / "etc/edge-agent/agent.toml").write_text("[agent]\nid = 'service'\n")
    (tmp_path / "etc/edge-agent/plant.toml").write_bytes((ROOT / "config/plant.toml").read_bytes())
    (tmp_path / "etc/edge-agent/mqtt_password").write_text("s3cret\n")
    return tmp_path


def asked(service, **more):
    return argparse.Namespace(config=service / "etc/edge-agent/agent.toml", **more)


def check(service, capsys):
    plant = service / "etc/edge-agent/plant.toml"
    code = plantwork.check(asked(service, plant=plant, strict=False, explain=False))
    return code, capsys.readouterr().out


def test_the_store_of_the_service_is_found(service):
    store = service / "var/lib/edge-agent/edge-agent.db"
    store.touch()
    assert surroundings.store_of(asked(service)) == store


def test_another_settings_file_does_not_get_what_the_unit_sets(service):
    (service / "agent.toml").touch()
    with pytest.raises(StoreError, match=r"There is no store at var/edge-agent.db"):
        surroundings.store_of(argparse.Namespace(config=service / "agent.toml"))


def test_the_shell_overrules_the_unit(service, monkeypatch):
    monkeypatch.setenv("EDGE_AGENT_STORE__PATH", str(service / "other.db"))
    assert surroundings.shell_settings(asked(service)).store.path == service / "other.db"


def test_the_way_to_the_service_is_told_where_another_file_is_used(service, monkeypatch):
    monkeypatch.setattr(surroundings, "SERVICE_SETTINGS", service / "etc/edge-agent/agent.toml")
    (service / "config").mkdir()
    (service / "config/agent.toml").touch()
    with pytest.raises(StoreError, match=r"\(by config/agent.toml; for that of the service say --config /.*\)\.$"):
        surroundings.store_of(argparse.Namespace(config=None))


def test_check_reads_what_the_unit_sets(service, capsys):
    code, said = check(service, capsys)
    assert code == 0
    assert f"note: the environment that {service}/edge-agent.service sets counts as well" in said
    (service / "etc/edge-agent/mqtt_password").write_text("")
    code, said = check(service, capsys)
    assert code == 2
    assert f'EDGE_AGENT_MQTT__PASSWORD_FILE: "{service}/etc/edge-agent/mqtt_password" is empty' in said


def test_a_password_in_the_unit_without_a_user_name_is_an_error_of_check(service, capsys):
    unit = service / "edge-agent.service"
    unit.write_text("".join(line for line in unit.read_text().splitlines(keepends=True) if "USERNAME" not in line))
    code, said = check(service, capsys)
    assert code == 2
    assert "EDGE_AGENT_MQTT__PASSWORD_FILE: is given without mqtt.username; expected a username with it" in said


def test_check_says_what_it_cannot_see(service, capsys, monkeypatch):
    monkeypatch.setattr(surroundings, "_is_forbidden", lambda path: path.name == "mqtt_password")
    code, said = check(service, capsys)
    assert code == 0
    hidden = service / "etc/edge-agent/mqtt_password"
    assert f"note: {hidden} is not looked at: this user may not read it (sudo edge-agent check)\n" in said


def test_a_credential_that_only_the_service_has_is_told(service, capsys, monkeypatch):
    monkeypatch.setenv("EDGE_AGENT_MQTT__PASSWORD_FILE", "/run/credentials/edge-agent.service/other")
    code, said = check(service, capsys)
    assert code == 0
    assert "note: /run/credentials/edge-agent.service/other is not looked at: the service alone has it" in said


def test_status_and_its_like_need_no_secret(service):
    (service / "etc/edge-agent/mqtt_password").unlink()
    assert surroundings.shell_settings(asked(service)).agent.id == "service"


def test_apply_needs_the_dsn_and_no_other_secret(service, monkeypatch):
    monkeypatch.setattr(surroundings, "_is_forbidden", lambda path: path.name in {"mqtt_password", "dsn"})
    assert surroundings.database_settings(asked(service)).postgres.dsn is None
    (service / "dsn").write_text("host=db")
    monkeypatch.setenv("EDGE_AGENT_POSTGRES__DSN_FILE", str(service / "dsn"))
    with pytest.raises(UsageError, match=r"/dsn may not be read by this user: try sudo -u \w+ edge-agent"):
        surroundings.database_settings(asked(service))
    monkeypatch.setattr(surroundings, "_is_forbidden", lambda path: path.name == "mqtt_password")
    assert surroundings.database_settings(asked(service)).postgres.dsn.get_secret_value() == "host=db"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_root_begins_no_store_in_the_folder_of_the_service(service):
    folder = service / "var/lib/edge-agent"
    surroundings.refuse_to_begin(folder / "edge-agent.db")
    os.chown(folder, 65534, 65534)
    with pytest.raises(UsageError, match=r"would belong to root: try sudo -u nobody edge-agent"):
        surroundings.refuse_to_begin(folder / "edge-agent.db")
    (folder / "edge-agent.db").touch()
    surroundings.refuse_to_begin(folder / "edge-agent.db")


def test_the_person_behind_sudo_is_recorded(monkeypatch):
    from edge_agent.cli import operate  # noqa: PLC0415 - of this test only

    monkeypatch.setenv("SUDO_USER", "maria")
    assert operate._who() == "maria"
