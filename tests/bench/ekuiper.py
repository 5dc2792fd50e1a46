"""eKuiper with a rule that does part of what the agent does: range, rate of change, spike and limits; no storage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

from bench.go_build import build, module_folder
from support.deadline import block_until

from edge_agent.mqtt.broker import free_port

if TYPE_CHECKING:
    from pathlib import Path

#: The newest that the public Go proxy has; version 2 is not there.
VERSION = "v1.14.7"
_MODULE = "github.com/lf-edge/ekuiper"
_STREAM = 'CREATE STREAM readings () WITH (DATASOURCE="water/ekuiper/#", TYPE="mqtt", FORMAT="JSON")'
#: The last two values of each sensor, and an alarm where a good one is out of its limits or a bad one comes.
_RULE = """
SELECT meta(topic) AS topic, value, lag(value, 1) OVER (PARTITION BY meta(topic)) AS last,
  lag(value, 2) OVER (PARTITION BY meta(topic)) AS before, abs(value - last) AS step,
  abs(last - (before + value) / 2) AS spike
FROM readings
WHERE value < 0.5 OR value < 1.0 OR value > 10.0 OR value > 12.0 OR step > 5.0 OR spike > 3.0
"""


class Ekuiper:
    """A running server with one rule; it tells its count over its REST interface."""

    name = f"eKuiper {VERSION}, fewer checks (no flat line, age, hysteresis), no storage"
    site = "ekuiper"

    def __init__(self, command: list[str], port: int, folder: Path) -> None:
        self._rest = free_port()
        settings = {
            "KuiperBaseKey": folder,
            "KUIPER__BASIC__RESTPORT": self._rest,
            "KUIPER__BASIC__PORT": free_port(),
            "KUIPER__BASIC__IGNORECASE": "false",
        }
        environ = {**os.environ, **{name: str(value) for name, value in settings.items()}}
        with (folder / "peer.log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            block_until(self._listens, 30)
            self._call("/streams", {"sql": _STREAM})
            alarm = {"mqtt": {"server": f"tcp://127.0.0.1:{port}", "topic": "bench/ekuiper/alarm", "qos": 1}}
            rule = {"id": "checks", "sql": _RULE, "actions": [alarm], "options": {"bufferLength": 1_000_000}}
            self._call("/rules", rule)
            self._before = 0
            block_until(lambda: self._hears(port), 30)
            self._before = self.handled()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def handled(self) -> int:
        status = json.loads(self._call("/rules/checks/status"))
        (count,) = [status[name] for name in status if name.endswith("_filter_0_records_in_total")] or [0]
        return int(count) - self._before

    def done(self, messages: int) -> bool:
        return self.handled() >= messages

    def verify(self, messages: int) -> str:
        assert self.handled() == messages
        return f"{messages:,} messages handled, nothing stored"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        assert self._process.poll() is None, "eKuiper ended early"
        try:
            self._call("/")
        except OSError:
            return False
        return True

    def _hears(self, port: int) -> bool:
        probe = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", "water/ekuiper/probe", "-m", '{"value": 3.0}']
        subprocess.run(probe, check=True)
        return self.handled() > 0

    def _call(self, path: str, content: dict[str, Any] | None = None) -> str:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._rest}{path}", data)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())


def start(port: int, folder: Path) -> Ekuiper:
    """Build it where it is missing, and start it. Raises MissingError."""
    # One of its dependencies links to an internal name of the runtime, which newer compilers refuse.
    flags = ("-tags", "core", "-ldflags=-checklinkname=0")
    home = build("kuiperd", _MODULE, VERSION, "cmd/kuiperd", *flags)
    shutil.copytree(module_folder(_MODULE, VERSION, home) / "etc", folder / "etc", copy_function=shutil.copyfile)
    source = f'default:\n  qos: 1\n  server: "tcp://127.0.0.1:{port}"\n  protocolVersion: "3.1.1"\n'
    (folder / "etc" / "mqtt_source.yaml").write_text(source, encoding="utf-8")
    for name in ("data", "log", "plugins/sources", "plugins/sinks", "plugins/functions", "plugins/portable"):
        (folder / name).mkdir(parents=True)
    return Ekuiper([os.fspath(home / "kuiperd")], port, folder)
