"""A node on a bench: equipment that notes what is done to it, commands by keyword, networks to run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.errors import SimulationError
from edge_agent.model.inbox import Kind
from edge_agent.model.plant import Actuator, Node, Sensor
from edge_agent.model.time import Moment, rfc3339
from edge_agent.simulate.faults import Faults
from edge_agent.simulate.node import EquipmentState, VirtualNode

if TYPE_CHECKING:
    from edge_agent.simulate.nodewire import Outgoing

START = 1_790_000_000_000_000  # an instant


def at(seconds: float) -> Moment:
    """The moment some seconds after the start of a test."""
    return Moment(START + round(seconds * 1_000_000), 5_000.0 + seconds)


def contents(messages: list[Outgoing], kind: Kind) -> list[dict[str, Any]]:
    """The payloads of one kind, read back."""
    return [json.loads(message.payload) for message in messages if message.route.kind is kind]


def statuses(messages: list[Outgoing]) -> list[str]:
    """The acknowledgements' statuses, in order."""
    return [ack["status"] for ack in contents(messages, Kind.ACK)]


@dataclass
class Bench:
    """Equipment that does what it is told, unless it is broken, and remembers it."""

    done: list[tuple[str, str, float | None]] = field(default_factory=list)
    states: dict[str, EquipmentState] = field(default_factory=dict)
    broken: bool = False

    def act(self, actuator: str, action: str, value: float | None) -> None:
        if self.broken:
            raise SimulationError("the motor is jammed")
        self.done.append((actuator, action, value))
        speed = (value or 0.0) if action == "set" else float(action == "start")
        self.states[actuator] = EquipmentState("running" if speed else "stopped", speed)

    def state(self, actuator: str) -> EquipmentState | None:
        return self.states.get(actuator, EquipmentState("stopped", 0.0))


@dataclass
class Rig:
    """A node of a site, its equipment, and its faults."""

    node: VirtualNode
    bench: Bench
    faults: Faults
    _ids: count[int] = field(default_factory=count)

    def command(self, action: str = "start", **changed: Any) -> bytes:
        number = next(self._ids)
        members = {
            "id": f"id-{number}",
            "site": "here",
            "node": "station",
            "actuator": "pump1",
            "action": action,
            "value": None,
            "issued_at": rfc3339(START),
            "expires_at": rfc3339(START + 3600 * 1_000_000),
            "lease_seconds": 900,
            "epoch": 7,
            "counter": number,
            "plan": "fill",
            "reason": "a test",
        }
        return json.dumps(members | changed).encode()

    def order(self, seconds: float, action: str = "start", **changed: Any) -> list[Outgoing]:
        """Send a command to the actuator it names."""
        return self.node.receive(changed.get("actuator", "pump1"), self.command(action, **changed), at(seconds))


def make_rig(*faults: str) -> Rig:
    node = Node(
        "station",
        {"flow": Sensor("station", "flow", "flow", "m3/h", 10.0)},
        {name: Actuator("station", name, "pump", "stop") for name in ("pump1", "pump2")},
    )
    bench, told = Bench(), Faults.parse(faults)
    rig = Rig(VirtualNode("here", node, bench, told), bench, told)
    rig.node.start(at(0))
    return rig


def library(network: str) -> Path:
    """One of the example networks that come with wntr."""
    spec = find_spec("wntr")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "library" / "networks" / f"{network}.inp"
