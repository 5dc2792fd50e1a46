"""A station in many states at once, for an agent whose machine is about to lose power: what stands in each is named.

`hold` runs under its least time with its stop due, `rest` rests with its start due, `often` has used up its starts,
`cool` waits for the cooldown of its plan, `lost` and `late` have a command on its way (a start, a stop) that their node
never got, `kept` runs on its lease. Each has a level of the same name: below 1 it is asked to begin, above 5 to end.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import paho.mqtt.client as paho

if TYPE_CHECKING:
    from typing import Any

LEAST = 4.0
LEASE = 30.0
TTL = 3.0
ON_DELAY = 3.0
NAMES = ("hold", "rest", "often", "cool", "lost", "late", "kept")
_BEGINS = {"pump": "start", "valve": "open"}
_ENDS = {"pump": "stop", "valve": "close"}
_OWN = {
    "hold": f"min_on_seconds = {LEAST}",
    "rest": f"min_off_seconds = {LEAST}",
    "often": "max_starts_per_hour = 1",
    "kept": f"lease_seconds = {LEASE}",
}
_TELLS_EVERY = 0.25


def kind(name: str) -> str:
    """One pump: starts of several would be staggered."""
    return "pump" if name == "hold" else "valve"


def begins(name: str) -> str:
    return _BEGINS[kind(name)]


def ends(name: str) -> str:
    return _ENDS[kind(name)]


def _sensor(name: str, **thresholds: str) -> str:
    limits = "\n".join(f"{each} = {{ {content} }}" for each, content in thresholds.items())
    head = f'[nodes.tank.sensors.{name}]\nquantity = "level"\nunit = "m"\ninterval_seconds = 2\n'
    return f"{head}[nodes.tank.sensors.{name}.thresholds]\n{limits}\n"


def _controlled(name: str) -> str:
    own = {"min_on_seconds": "0", "min_off_seconds": "0", "max_starts_per_hour": "0", "lease_seconds": "60"}
    own |= dict([_OWN[name].split(" = ")]) if name in _OWN else {}
    settings = "\n".join(f"{key} = {value}" for key, value in own.items())
    cooldown = "cooldown_seconds = 3600" if name == "cool" else ""
    return (
        _sensor(name, low="limit = 1.0, deadband = 0.1", high="limit = 5.0, deadband = 0.1")
        + f"""
[nodes.station.actuators.{name}]
kind = "{kind(name)}"
fail_safe = "{ends(name)}"
ack_timeout_seconds = 1
command_ttl_seconds = {TTL}
power_return_seconds = [0, 0]
{settings}
[plans.begin_{name}]
when = ["tank/{name}:low"]
do = [{{ actuator = "station/{name}", action = "{begins(name)}" }}]
evidence_seconds = 20
{cooldown}
[plans.end_{name}]
when = ["tank/{name}:high"]
do = [{{ actuator = "station/{name}", action = "{ends(name)}" }}]
evidence_seconds = 20
"""
    )


#: Besides: an alarm that stands, one whose on-delay runs, and a node that says much.
PLANT = (
    '[site]\nid = "riverside"\n'
    + "".join(_controlled(name) for name in NAMES)
    + _sensor("stands", low="limit = 1.0, deadband = 0.1")
    + _sensor("slow", low=f"limit = 1.0, deadband = 0.1, on_delay_seconds = {ON_DELAY}")
    + '[nodes.load.sensors.s0]\nquantity = "pressure"\nunit = "bar"\n'
)


class Teller:
    """Tells all levels of `tank` four times a second, with the true time or none; `say` publishes besides."""

    def __init__(self, port: int, *, clockless: bool) -> None:
        self.levels = dict.fromkeys([*NAMES, "stands", "slow"], 3.0)
        self._clockless = clockless
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, "teller")
        self._client.max_inflight_messages_set(200)
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="teller", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join(timeout=10)
        self._client.disconnect()
        self._client.loop_stop()

    def flood(self, topic: str, count: int, first: int) -> None:
        """Publish so many numbered messages, and wait until the broker has them."""
        for number in range(first, first + count):
            content = {"value": number % 100 / 100, "seq": number} | self._time()
            last = self._client.publish(f"water/riverside/{topic}", json.dumps(content), qos=1)
        last.wait_for_publish(60)

    def _time(self) -> dict[str, Any]:
        return {} if self._clockless else {"ts": datetime.fromtimestamp(time.time(), UTC).isoformat()}  # noqa: TID251 - the node's own clock

    def _tell(self) -> None:
        while not self._end.wait(_TELLS_EVERY):
            content = {"readings": dict(self.levels)} | self._time()
            self._client.publish("water/riverside/tank/telemetry", json.dumps(content), qos=1)
