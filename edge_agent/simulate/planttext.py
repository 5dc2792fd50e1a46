"""Writes the nodes, tanks and mapping of a first plant file as TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.units import conversion
from edge_agent.simulate.draft import INTERVAL_SECONDS
from edge_agent.simulate.levelswitch import number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.simulate.draft import Draft, DraftDevice, DraftPoint

_PROTECTIONS = ("min_on_seconds = 300", "min_off_seconds = 120", "max_starts_per_hour = 6")


def device_text(device: DraftDevice) -> str:
    """Write a node with its sensors and its actuator."""
    lines = [f"# {device.comment}"]
    for point in device.points:
        lines += _point_lines(device.id, point)
    if device.moves is not None:
        lines += _actuator_lines(device)
    return "\n".join(lines)


def _point_lines(node: str, point: DraftPoint) -> Iterable[str]:
    key = f"nodes.{node}.sensors.{point.id}"
    yield f"[{key}]"
    yield f'quantity = "{point.quantity}"'
    yield f'unit = "{point.unit}"'
    yield f"interval_seconds = {INTERVAL_SECONDS}"
    for table, rows in (("quality", point.tests), ("thresholds", point.thresholds)):
        if rows:
            yield from ("", f"[{key}.{table}]", *rows)
    yield ""


def _actuator_lines(device: DraftDevice) -> list[str]:
    return [
        f"[nodes.{device.id}.actuators.{device.kind}]",
        f'kind = "{device.kind}"',
        f'fail_safe = "{device.safe}"',
        *(_PROTECTIONS if device.kind == "pump" else ()),
        "lease_seconds = 900",
        "ack_timeout_seconds = 10",
        "command_ttl_seconds = 60",
        "",
    ]


def tanks_text(draft: Draft) -> Iterable[str]:
    """Write the tanks with their surface and brim: the highest level of the network's file."""
    metre = conversion("level", draft.network.units.length, "m")
    for device in draft.devices:
        limits = draft.network.tanks.get(device.points[0].element.name) if device.points else None
        if limits is None or device.points[0].element.kind != "tank" or limits.area <= 0 or metre is None:
            continue
        area, brim = number(limits.area * metre.scale**2), number(limits.highest)
        yield f'[tanks.{device.id}]\nlevel = "{device.id}/level"\narea_m2 = {area}\nbrim = {brim}\n'


def simulation_text(network: str, devices: list[DraftDevice]) -> str:
    """Write which element of the network is which sensor and actuator."""
    lines = ["# Which element of the network is which sensor and actuator; only `edge-agent simulate` reads it."]
    lines += ["[simulation]", f"network = {quoted(network)}", "", "[simulation.sensors]"]
    for device in devices:
        for point in device.points:
            where = f"element = {quoted(str(point.element))}, property = {quoted(point.measured)}"
            lines.append(f'"{device.id}/{point.id}" = {{ {where} }}')
    lines += ["", "[simulation.actuators]"]
    for device in devices:
        if device.moves is not None:
            lines.append(f'"{device.id}/{device.kind}" = {{ element = {quoted(str(device.moves))} }}')
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Write text as a TOML string; names of elements may hold quotes and backslashes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
