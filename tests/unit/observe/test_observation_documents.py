from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.readings import REASONS
from edge_agent.mqtt.topics import Topics
from edge_agent.observe.metrics import Metrics
from edge_agent.runtime.agent import STALLED_SECONDS

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "deploy/grafana/dashboards/edge-agent.json"
RULES = ROOT / "deploy/prometheus/edge-agent.rules.yml"


@pytest.fixture
def exposed(make_snapshot, make_alarm, show_plant):
    """Every metric of the code: its name to its type and labels, read from a scrape in which each has a sample."""
    metrics = Metrics()
    plant = show_plant(make_snapshot(alarms=(make_alarm(),)))
    metrics.watch(plant=plant, backlog=int, broker_connected=bool)
    text = metrics.text().decode()
    found = {}
    for name, kind in re.findall(r"^# TYPE (edge_agent_\w+) (\w+)$", text, re.MULTILINE):
        labels = re.search(rf"^{name}(?:_bucket)?(?:{{(.*)}})? \S+$", text, re.MULTILINE)[1] or ""
        found[name] = (kind, set(re.findall(r'(\w+)="', labels)) - {"le"})
    return found


def series(exposed):
    """Every name that can stand in a query."""
    parts = {name: ("_bucket", "_sum", "_count") for name, (kind, _) in exposed.items() if kind == "histogram"}
    return {name + part for name in exposed for part in parts.get(name, ("",))}


def named(text):
    return set(re.findall(r"\bedge_agent_\w+", text))


def test_the_document_tells_every_metric_with_its_type_and_labels(exposed):
    rows = re.findall(
        r"^\| `(edge_agent_\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE
    )
    told = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert told == exposed


def test_the_document_has_a_query_for_every_metric(exposed):
    queries = (ROOT / "docs/metrics.md").read_text().partition("## Queries")[2]
    assert named(queries) <= series(exposed)
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in named(queries)} == set(exposed)


@pytest.mark.parametrize("path", [DASHBOARD, RULES], ids=lambda path: path.name)
def test_dashboards_and_rules_ask_for_metrics_that_exist(exposed, path):
    asked = named(path.read_text())
    assert asked
    assert asked <= series(exposed)


def test_the_dashboard_shows_every_metric(exposed):
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in named(DASHBOARD.read_text())}
    assert shown == set(exposed)


def test_the_dashboard_is_laid_out_without_overlaps():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("*.yml")), ids=lambda path: path.name)
def test_yaml_files_load(path):
    yaml = pytest.importorskip("yaml", reason="comes with the extra sim")
    assert isinstance(yaml.safe_load(path.read_text()), dict)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with the package prometheus")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", RULES.name),
        ("test", "rules", "edge-agent.rules-test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_takes_configuration_and_rules(arguments):
    ended = subprocess.run(["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_provisioned_dashboard_finds_its_data_source():
    provisioned = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    variables = {one["name"]: one for one in json.loads(DASHBOARD.read_text())["templating"]["list"]}
    assert f"uid: {variables['datasource']['current']['value']}\n" in provisioned


def test_the_unit_file_keeps_the_promises_of_a_stop():
    unit = RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(ROOT / "deploy/systemd/edge-agent.service")
    service = unit["Service"]
    assert service["ExecStart"].endswith(
        "edge-agent run --config /etc/edge-agent/agent.toml --plant /etc/edge-agent/plant.toml"
    )
    assert service["KillSignal"] == "SIGTERM"
    assert int(service["TimeoutStopSec"]) > 10  # the agent closes in under 10 s
    assert service["Restart"] == "always"


def test_the_unit_file_watches_the_loop():
    unit = RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(ROOT / "deploy/systemd/edge-agent.service")
    service = unit["Service"]
    assert service["Type"] == "notify"  # so that systemd waits for READY=1 and sets NOTIFY_SOCKET
    assert int(service["WatchdogSec"]) == STALLED_SECONDS
    assert "AF_UNIX" in service["RestrictAddressFamilies"]


def test_the_document_tells_every_topic():
    topics = Topics("prefix", "site", "agent")
    written = [
        topics.telemetry("{node}", "{sensor}"),
        topics.telemetry("{node}"),
        topics.status("{node}"),
        topics.command("{node}", "{actuator}"),
        topics.ack("{node}", "{actuator}"),
        topics.state("{node}", "{actuator}"),
        topics.agent_status(),
        topics.alarm(AlarmKey("{node}", "{sensor}", "{threshold}")),
        topics.dead_letter(),
        topics.alarm(AlarmKey("{node}", "", "offline")),
    ]
    grammar = [
        re.sub("^prefix/site/", "{prefix}/{site}/", t).replace("_agent/agent/", "_agent/{agent}/") for t in written
    ]
    document = (ROOT / "docs/topics.md").read_text()
    assert [topic for topic in grammar if f"`{topic}`" not in document] == []


def test_the_document_tells_every_reason_of_a_dead_letter():
    section = (ROOT / "docs/topics.md").read_text().partition("## Dead letters")[2]
    told = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    shape = re.compile(
        r"malformed|invalid_json|(payload|topic|too|value|timestamp|retained|seq|unit|unknown|status|ack|state|quality)_[a-z_]+"
    )
    constants = {
        node.value
        for room in ("monitor", "dialects")
        for path in (ROOT / "edge_agent/model/inbox.py", *(ROOT / "edge_agent" / room).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and shape.fullmatch(node.value)
    }
    assert told == constants == set(REASONS)


def test_examples_in_the_document_are_json():
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs/topics.md").read_text(), re.DOTALL)
    assert len(blocks) >= 8
    for block in blocks:
        json.loads(block)
