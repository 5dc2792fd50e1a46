"""The broker's settings for a station: nobody without a password, and each only what is theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.brokers import Mosquitto
from support.deadline import block_until

from edge_agent.mqtt.topics import Topics
from edge_agent.settings.unit import read_unit

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "mosquitto" / "site.conf"
TOPICS = Topics("water", "riverside", "gateway-1")


class SiteBroker(Mosquitto):
    """Mosquitto as at a station, with its listener on loopback and its files in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        passwords = folder / "passwd"
        passwords.touch(mode=0o600)
        for user in ("edge-agent", "tank1", "station", "viewer"):
            subprocess.run(["mosquitto_passwd", "-b", passwords, user, f"{user}-secret"], check=True)
        settings = SETTINGS.read_text(encoding="utf-8").replace("/etc/mosquitto/edge-agent.passwd", str(passwords))
        settings = settings.replace("/etc/mosquitto/edge-agent.acl", str(ROOT / "mosquitto" / "site.acl"))
        added = [line for line in settings.splitlines() if line.startswith(("allow_", "password_", "acl_"))]
        super().__init__(folder)
        own = folder / "mosquitto.conf"
        kept = [line for line in own.read_text().splitlines() if not line.startswith("allow_anonymous")]
        own.write_text("\n".join([*kept, *added]) + "\n", encoding="utf-8")


@pytest.fixture
def broker(tmp_path):
    made = SiteBroker(tmp_path)
    made.start()
    yield made
    made.stop()


def login(user):
    return ["-u", user, "-P", f"{user}-secret"]


@pytest.fixture
def arrives(broker, tmp_path):
    """Tell whether what one user publishes reaches another: a message that both may exchange follows it."""
    numbers = iter(range(1000))

    def try_(sender, receiver, topic):
        log = tmp_path / f"heard-{next(numbers)}.log"
        with log.open("wb") as out:
            hearing = subprocess.Popen(
                ["mosquitto_sub", "-p", str(broker.port), *login(receiver), "-q", "1", "-v", "-t", "water/#"],
                stdout=out,
                stderr=out,
            )
        try:
            # What is retained comes when the subscription stands, to those who may read it.
            proof = {"edge-agent": TOPICS.status("tank1"), "viewer": TOPICS.status("tank1")}.get(receiver)
            subject = proof or TOPICS.command(receiver, "proof")
            author = "tank1" if proof else "edge-agent"
            publish(author, subject, "proof", "-r")
            block_until(lambda: f"{subject} proof" in log.read_text())
            publish(sender, topic, "tried")
            publish(author, subject, "over")
            block_until(lambda: f"{subject} over" in log.read_text())
        finally:
            hearing.kill()
            hearing.wait()
        return f"{topic} tried" in log.read_text()

    def publish(user, topic, word, *more):
        subprocess.run(
            ["mosquitto_pub", "-p", str(broker.port), *login(user), "-q", "1", "-t", topic, "-m", word, *more],
            check=True,
            capture_output=True,
        )

    return try_


@pytest.mark.parametrize(
    ("sender", "receiver", "topic"),
    [
        ("tank1", "edge-agent", TOPICS.telemetry("tank1", "level")),
        ("tank1", "edge-agent", TOPICS.telemetry("tank1")),
        ("station", "edge-agent", TOPICS.ack("station", "pump1")),
        ("station", "edge-agent", TOPICS.state("station", "pump1")),
        ("edge-agent", "station", TOPICS.command("station", "pump1")),
        ("edge-agent", "edge-agent", TOPICS.agent_status()),
        ("edge-agent", "viewer", TOPICS.agent_status()),
        ("edge-agent", "viewer", TOPICS.dead_letter()),
        ("edge-agent", "viewer", "water/riverside/_agent/gateway-1/alarm/tank1/level/low"),
    ],
)
def test_each_may_say_and_hear_what_it_must(arrives, sender, receiver, topic):
    assert arrives(sender, receiver, topic)


@pytest.mark.parametrize(
    ("sender", "receiver", "topic"),
    [
        ("tank1", "edge-agent", TOPICS.telemetry("station", "pressure")),
        ("tank1", "edge-agent", TOPICS.status("station")),
        ("tank1", "station", TOPICS.command("station", "pump1")),
        ("tank1", "edge-agent", TOPICS.agent_status()),
        ("viewer", "station", TOPICS.command("station", "pump1")),
        ("edge-agent", "tank1", TOPICS.command("station", "pump1")),
        ("edge-agent", "viewer", TOPICS.telemetry("tank1", "level")),
    ],
)
def test_and_nothing_else(arrives, sender, receiver, topic):
    assert not arrives(sender, receiver, topic)


def test_nobody_comes_in_without_a_password(broker):
    done = subprocess.run(
        ["mosquitto_pub", "-p", str(broker.port), "-t", "water/x", "-m", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "not authori" in done.stderr.lower()


def test_the_agent_of_the_unit_has_the_name_that_the_list_knows():
    unit = read_unit([ROOT / "deploy" / "systemd"])
    assert f"user {unit.environ['EDGE_AGENT_MQTT__USERNAME']}\n" in (ROOT / "mosquitto" / "site.acl").read_text()


def test_what_the_broker_keeps_and_how_fast_it_is_is_the_same_as_in_the_tests():
    def values(file):
        lines = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
        return {words[0]: words[1:] for words in lines if words and not words[0].startswith("#")}

    local, site = values(ROOT / "mosquitto" / "local.conf"), values(SETTINGS)
    shared = ("autosave_interval", "autosave_on_changes", "max_inflight_messages", "max_queued_messages")
    assert {key: site[key] for key in shared} == {key: local[key] for key in shared}
    assert site["listener"] == ["1883"]
    assert site["allow_anonymous"] == ["false"]
