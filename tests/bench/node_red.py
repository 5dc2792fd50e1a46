"""Node-RED with a flow that does what the agent does with a reading, less the storage."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from bench.peers import Peer, cache, install

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "4.1.8"
_SITE = "nodered"

#: Range, rate of change, flat line, spike (settled one reading later) and four limits with hysteresis.
_CHECK = """
const state = context.get('state') || (() => {
    const fresh = {count: 0, sensors: new Map()};
    context.set('state', fresh);
    return fresh;
})();
if (msg.topic === 'bench/nodered/ask') {
    return [null, {topic: 'bench/nodered/count', payload: String(state.count)}];
}
state.count += 1;
const reading = msg.payload, value = reading.value, at = Date.parse(reading.ts);
if (typeof value !== 'number' || !isFinite(value) || isNaN(at)) { return null; }
let s = state.sensors.get(msg.topic);
if (s === undefined) {
    s = {value: undefined, at: 0, low: value, high: value, since: at, flag: 2, before: undefined, alarms: [0, 0, 0, 0]};
    state.sensors.set(msg.topic, s);
}
let flag = 1;
if (value < 0 || value > 16) { flag = 4; } else if (value < 0.5 || value > 12) { flag = 3; }
if (Date.now() - at > 600000) { flag = 4; }
if (s.value !== undefined) {
    const seconds = Math.max((at - s.at) / 1000, 1e-6), rate = Math.abs(value - s.value) / seconds;
    if (rate > 2e9) { flag = 4; } else if (rate > 1e9 && flag < 3) { flag = 3; }
}
s.low = Math.min(s.low, value);
s.high = Math.max(s.high, value);
if (s.high - s.low > 0.001) { s.low = s.high = value; s.since = at; }
const still = (at - s.since) / 1000;
if (still > 3600) { flag = 4; } else if (still > 1800 && flag < 3) { flag = 3; }
let settled = s.flag;
if (s.before !== undefined) {
    const spike = Math.abs(s.value - (s.before + value) / 2);
    if (spike > 6) { settled = 4; } else if (spike > 3 && settled < 3) { settled = 3; }
}
const out = [];
if (settled === 1 && s.value !== undefined) {
    const v = s.value, a = s.alarms;
    const now = [
        v > 12 || (a[0] && v > 12) ? 1 : 0,
        v > 10 || (a[1] && v > 9.8) ? 1 : 0,
        v < 1 || (a[2] && v < 1.2) ? 1 : 0,
        v < 0.5 || (a[3] && v < 0.5) ? 1 : 0,
    ];
    for (let i = 0; i < 4; i++) {
        if (now[i] !== a[i]) {
            out.push({topic: 'bench/nodered/alarm/' + i, payload: {sensor: msg.topic, value: v, active: now[i]}});
        }
    }
    s.alarms = now;
}
s.before = s.value;
s.value = value;
s.at = at;
s.flag = flag;
return [out.length ? out : null, null];
"""


def _flow(port: int) -> list[dict[str, Any]]:
    broker = {
        "id": "broker",
        "type": "mqtt-broker",
        "broker": "127.0.0.1",
        "port": str(port),
        "clientid": "node-red",
        "autoConnect": True,
        "protocolVersion": "5",
        "keepalive": "60",
        "cleansession": True,
    }
    source = {"type": "mqtt in", "z": "tab", "qos": "1", "datatype": "utf8", "broker": "broker", "inputs": 0}
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        broker,
        {"id": "telemetry", "topic": f"water/{_SITE}/#", "wires": [["parse"]], **source},
        {"id": "ask", "topic": f"bench/{_SITE}/ask", "wires": [["check"]], **source},
        {"id": "parse", "type": "json", "z": "tab", "property": "payload", "action": "obj", "wires": [["check"]]},
        {"id": "check", "type": "function", "z": "tab", "func": _CHECK, "outputs": 2, "wires": [["alarm"], ["count"]]},
        *(
            {"id": name, "type": "mqtt out", "z": "tab", "topic": "", "qos": "1", "broker": "broker", "wires": []}
            for name in ("alarm", "count")
        ),
    ]


def start(port: int, folder: Path) -> Peer:
    """Install it where it is missing, and start it with the flow. Raises MissingError."""
    home = cache() / f"node-red-{VERSION}"
    program = home / "node_modules" / "node-red" / "red.js"
    if not program.exists():
        install(["npm", "init", "-y"], home)
        install(["npm", "install", "--no-audit", "--no-fund", f"node-red@{VERSION}"], home)
    (folder / "flow.json").write_text(json.dumps(_flow(port)), encoding="utf-8")
    (folder / "settings.js").write_text(
        "module.exports = {httpAdminRoot: false, httpNodeRoot: false, flowFile: 'flow.json', uiHost: '127.0.0.1',"
        " uiPort: 0, logging: {console: {level: 'info'}}, diagnostics: {enabled: false}, telemetry: {enabled: false}};",
        encoding="utf-8",
    )
    command = ["node", os.fspath(program), "--userDir", os.fspath(folder), "--settings", "settings.js"]
    return Peer(f"Node-RED {VERSION}, the same checks, no storage", _SITE, port, command, folder)
