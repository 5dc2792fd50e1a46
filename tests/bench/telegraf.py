"""Telegraf with a Starlark processor that does what the agent does with a reading, less the storage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.go_build import build
from bench.peers import Peer

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "v1.37.2"
_MODULE = "github.com/influxdata/telegraf"
_PARTS = (
    "inputs.mqtt_consumer outputs.mqtt processors.starlark parsers.json_v2 parsers.value "
    "serializers.json serializers.template"
)

_SETTINGS = """
[agent]
interval = "1s"
flush_interval = "100ms"
metric_batch_size = 1000
metric_buffer_limit = 100000
omit_hostname = true
quiet = true

[[inputs.mqtt_consumer]]
servers = ["tcp://127.0.0.1:{port}"]
topics = ["water/telegraf/#"]
qos = 1
client_id = "telegraf"
name_override = "reading"
data_format = "json_v2"
[[inputs.mqtt_consumer.json_v2]]
timestamp_path = "ts"
timestamp_format = "rfc3339"
[[inputs.mqtt_consumer.json_v2.field]]
path = "value"
type = "float"

[[inputs.mqtt_consumer]]
servers = ["tcp://127.0.0.1:{port}"]
topics = ["bench/telegraf/ask"]
client_id = "telegraf-ask"
name_override = "ask"
data_format = "value"
data_type = "integer"

[[processors.starlark]]
source = '''
{source}
'''

[[outputs.mqtt]]
servers = ["tcp://127.0.0.1:{port}"]
topic = "bench/telegraf/count"
namepass = ["count"]
client_id = "telegraf-count"
data_format = "template"
template = '{{{{ .Field "count" }}}}'

[[outputs.mqtt]]
servers = ["tcp://127.0.0.1:{port}"]
topic = "bench/telegraf/alarm"
namepass = ["alarm"]
client_id = "telegraf-alarm"
qos = 1
data_format = "json"
"""

#: Range, age, rate of change, flat line, spike (settled one reading later) and four limits with hysteresis.
_CHECK = """
load("time.star", "time")

state = {"count": 0}

def apply(metric):
    if metric.name == "ask":
        answer = Metric("count")
        answer.fields["count"] = state["count"]
        return answer
    state["count"] += 1
    topic, value, at = metric.tags["topic"], metric.fields["value"], metric.time
    s = state.get(topic)
    if s == None:
        s = {"value": None, "before": None, "at": 0, "base": value, "since": at, "flag": 2, "alarms": [0, 0, 0, 0]}
        state[topic] = s
    flag = 1
    if value < 0.0 or value > 16.0:
        flag = 4
    elif value < 0.5 or value > 12.0:
        flag = 3
    if time.now().unix_nano - at > 600 * 1000000000:
        flag = 4
    if s["value"] != None:
        rate = abs(value - s["value"]) / max((at - s["at"]) / 1e9, 1e-6)
        if rate > 2e9:
            flag = 4
        elif rate > 1e9 and flag < 3:
            flag = 3
    if abs(value - s["base"]) > 0.001:
        s["base"], s["since"] = value, at
    still = (at - s["since"]) / 1e9
    if still > 3600:
        flag = 4
    elif still > 1800 and flag < 3:
        flag = 3
    settled = s["flag"]
    if s["before"] != None:
        spike = abs(s["value"] - (s["before"] + value) / 2)
        if spike > 6.0:
            settled = 4
        elif spike > 3.0 and settled < 3:
            settled = 3
    out = []
    if settled == 1 and s["value"] != None:
        v, a = s["value"], s["alarms"]
        now = [int(v > 12.0), int(v > 10.0 or (a[1] and v > 9.8)), int(v < 1.0 or (a[2] and v < 1.2)), int(v < 0.5)]
        if now != a:
            alarm = Metric("alarm")
            alarm.tags["sensor"] = topic
            alarm.fields["value"] = v
            out.append(alarm)
        s["alarms"] = now
    s["before"], s["value"], s["at"], s["flag"] = s["value"], value, at, flag
    return out
"""


def start(port: int, folder: Path) -> Peer:
    """Build it where it is missing, with the parts it needs, and start it. Raises MissingError."""
    home = build("telegraf", _MODULE, VERSION, "cmd/telegraf", "-tags", ",".join(["custom", *_PARTS.split()]))
    source = _CHECK.strip()
    (folder / "telegraf.conf").write_text(_SETTINGS.format(port=port, source=source), encoding="utf-8")
    command = [os.fspath(home / "telegraf"), "--config", "telegraf.conf"]
    return Peer(f"Telegraf {VERSION}, the same checks, no storage", "telegraf", port, command, folder)
