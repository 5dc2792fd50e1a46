"""Plants of devices that speak languages of their own, written as a plant file is, and their messages."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.model.inbox import Kind, Message, Receipt, Route
from edge_agent.settings.plantfile import plant_from

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant

UNROUTED = Route(Kind.UNKNOWN)


def foreign_plant(text: str, beside: Path = Path("plant.toml")) -> Plant:
    """The plant of a file with this text, at a site called riverside."""
    return plant_from(tomllib.loads('[site]\nid = "riverside"\n' + text), beside).plant


def heard(topic: str, payload: object, *, packet: int | None = None, retained: bool = False, **more: bool) -> Message:
    """A message as it comes in on a topic that is none of ours; what is not bytes or text is written as JSON."""
    raw = (
        payload
        if isinstance(payload, bytes)
        else (payload if isinstance(payload, str) else json.dumps(payload)).encode()
    )
    return Message(UNROUTED, topic, raw, None if packet is None else Receipt(0, packet), retained, **more)


#: A level behind a device that writes JSON; what is put in for the mark belongs to its `source`.
LEVEL = """
[nodes.well]
device = "D1"
[nodes.well.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
{sensor}
source = {{ topic = "up/{{device}}", value = "/a/level" {source} }}
"""


def level_plant(source: str = "", sensor: str = "") -> Plant:
    """A plant of one level; `source` are further members of its source, `sensor` further lines of the sensor."""
    return foreign_plant(LEVEL.format(source=f", {source}" if source else "", sensor=sensor))
