"""What applying a plant file changes, in words for the person who applies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.model.plant import Step
from edge_agent.model.quality import Quality
from edge_agent.model.sources import Source
from edge_agent.ports.policy import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Actuator, Node, Plan, Plant, Provision, Sensor, Threshold

    Noun = Node | Sensor | Actuator | Threshold | Plan | Provision


class Entry(NamedTuple):
    """One thing of a plant. `what`: `node`, `sensor`, `actuator`, `threshold`, `plan`, `provision`."""

    what: str
    name: str


def catalogue(plant: Plant) -> dict[Entry, Noun]:
    """List everything in a plant by kind and name."""
    found: dict[Entry, Noun] = {Entry("node", node.id): node for node in plant.nodes.values()}
    found |= {Entry("sensor", sensor.name): sensor for sensor in plant.sensors}
    found |= {Entry("actuator", actuator.name): actuator for actuator in plant.actuators}
    found |= {Entry("threshold", threshold.alarm): threshold for threshold in plant.policy.thresholds}
    found |= {Entry("plan", plan.id): plan for plan in plant.policy.plans}
    found |= {Entry("provision", provision.name): provision for provision in plant.policy.provisions}
    return found


def differences(stored: Mapping[Entry, Noun | None], wanted: Mapping[Entry, Noun]) -> list[Change]:
    """List what turns one catalogue into the other: removals first, then what is added or changed, in file order.

    None stands for something stored that cannot be read: it is replaced.
    """
    changes = [Change("remove", entry.what, entry.name, "") for entry in stored if entry not in wanted]
    for entry, noun in wanted.items():
        if entry not in stored:
            changes.append(Change("add", entry.what, entry.name, ""))
        elif stored[entry] == noun:  # looked at first: member by member takes twenty times as long
            continue
        elif detail := ", ".join(_changed(stored[entry], noun)):
            changes.append(Change("change", entry.what, entry.name, detail))
    return changes


#: What the plant file calls a member, where that is another word.
_KEYS = {"annunciated": "alarm"}


def _changed(old: Noun | None, new: Noun) -> Iterator[str]:
    if old is None:
        yield "could not be read as it was stored"
        return
    before, after = dict(_members(old)), dict(_members(new))
    for name in before | after:
        if before.get(name) != after.get(name):
            yield f"{_KEYS.get(name, name)} {_text(before.get(name))} -> {_text(after.get(name))}"


def _members(noun: Any, prefix: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401 - any noun, nested ones too
    for field in fields(noun):
        value = getattr(noun, field.name)
        if isinstance(value, Quality):
            for name, test in value.items():
                yield from _members(test, f"{field.name}.{name}.")
        elif isinstance(value, Mapping):
            continue  # a node's sensors and actuators are entries of their own
        elif is_dataclass(value):
            yield from _members(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Source):
        return f"{value.topic}#{value.value}" if value.value else value.topic
    if isinstance(value, tuple):
        return "[" + ", ".join(_text(entry) for entry in value) + "]"
    if isinstance(value, Step):
        return f"{value.actuator} {value.action}" + ("" if value.value is None else f" {_text(value.value)}")
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
