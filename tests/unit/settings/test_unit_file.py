from __future__ import annotations

from pathlib import Path

from edge_agent.settings.unit import CREDENTIALS, read_unit

ROOT = Path(__file__).parents[3]


def unit_in(folder, text, **drop_ins):
    (folder / "edge-agent.service").write_text(text)
    (folder / "edge-agent.service.d").mkdir()
    for name, extra in drop_ins.items():
        (folder / "edge-agent.service.d" / f"{name}.conf").write_text(extra)
    return read_unit([folder / "none", folder])


def test_the_unit_of_this_project_is_read():
    unit = read_unit([ROOT / "deploy/systemd"])
    assert unit.config == Path("/etc/edge-agent/agent.toml")
    assert unit.environ["EDGE_AGENT_STORE__PATH"] == "/var/lib/edge-agent/edge-agent.db"
    file = unit.environ["EDGE_AGENT_MQTT__PASSWORD_FILE"]
    assert file == "/etc/edge-agent/mqtt_password"
    assert unit.environ["EDGE_AGENT_MQTT__USERNAME"] == "edge-agent"
    assert unit.unseen == []


def test_there_may_be_none(tmp_path):
    assert read_unit([tmp_path]) is None


def test_the_first_folder_counts_and_drop_ins_of_all(tmp_path):
    for name in ("etc", "lib"):
        (tmp_path / name / "edge-agent.service.d").mkdir(parents=True)
    (tmp_path / "lib/edge-agent.service").write_text("[Service]\nEnvironment=EDGE_AGENT_AGENT__ID=lib\n")
    extra = "[Service]\nEnvironment=EDGE_AGENT_MQTT__PORT=1884\n"
    (tmp_path / "etc/edge-agent.service.d/port.conf").write_text(extra)
    folders = [tmp_path / "etc", tmp_path / "lib"]
    assert read_unit(folders).environ == {"EDGE_AGENT_AGENT__ID": "lib", "EDGE_AGENT_MQTT__PORT": "1884"}
    (tmp_path / "etc/edge-agent.service").write_text("[Service]\n")
    assert read_unit(folders).environ == {"EDGE_AGENT_MQTT__PORT": "1884"}


def test_the_ways_to_write_it(tmp_path):
    (tmp_path / "variables").write_text("# EDGE_AGENT_LOG__LEVEL=ERROR\nEDGE_AGENT_HTTP__PORT='9109'\nOTHER=1\n")
    text = (
        "[Unit]\nEnvironment=EDGE_AGENT_AGENT__ID=unit\n"
        "[Service]\n; Environment=EDGE_AGENT_AGENT__ID=comment\nEnvironment=EDGE_AGENT_AGENT__ID=gone\nEnvironment=\n"
        "ExecStart=\nExecStart=/x run \\\n  --config /c.toml --plant /p.toml\n"
        'Environment="EDGE_AGENT_AGENT__ID=a b" EDGE_AGENT_LOG__FORMAT=json \\\n'
        "  'EDGE_AGENT_CONTROL__MODE=manual' X=1\n"
        f"EnvironmentFile=-{tmp_path}/none\nEnvironmentFile={tmp_path}/variables\n"
        "Environment=EDGE_AGENT_STORE__PATH=%%d%d/x\n"
    )
    unit = unit_in(tmp_path, text)
    assert unit.environ == {
        "EDGE_AGENT_AGENT__ID": "a b",
        "EDGE_AGENT_LOG__FORMAT": "json",
        "EDGE_AGENT_CONTROL__MODE": "manual",
        "EDGE_AGENT_HTTP__PORT": "9109",
        "EDGE_AGENT_STORE__PATH": f"%d{CREDENTIALS}/x",
    }
    assert unit.config == Path("/c.toml")


def test_a_credential_is_looked_at_where_it_comes_from(tmp_path):
    text = (
        "[Service]\nLoadCredential=a:/etc/a\nLoadCredentialEncrypted=b:/etc/b\nLoadCredential=c:socket\n"
        "Environment=EDGE_AGENT_MQTT__PASSWORD_FILE=%d/a EDGE_AGENT_POSTGRES__DSN_FILE=%d/b\n"
        "Environment=EDGE_AGENT_REDIS__URL_FILE=%d/c\n"
    )
    assert unit_in(tmp_path, text).environ == {
        "EDGE_AGENT_MQTT__PASSWORD_FILE": "/etc/a",
        "EDGE_AGENT_POSTGRES__DSN_FILE": f"{CREDENTIALS}/b",
        "EDGE_AGENT_REDIS__URL_FILE": f"{CREDENTIALS}/c",
    }


def test_variables_that_cannot_be_seen_are_told(tmp_path):
    unit = unit_in(tmp_path, "[Service]\nEnvironmentFile=/none/of/it\n")
    assert unit.unseen == ["/none/of/it, which sets variables of the service, may not be read by this user"]


def test_quotes_that_nobody_closed_stop_nothing(tmp_path):
    assert unit_in(tmp_path, "[Service]\nEnvironment='EDGE_AGENT_AGENT__ID=a\n").environ == {}
