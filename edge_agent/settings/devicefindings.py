"""What must go together where a device speaks a language of its own. Reads the tables with profiles worked in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edge_agent.dialects.forms import GIVEN, places
from edge_agent.dialects.pointer import steps
from edge_agent.dialects.registry import CODECS, dialect
from edge_agent.model.civil import zone
from edge_agent.model.figures import finite
from edge_agent.model.plant import ACTIONS
from edge_agent.model.readings import MAX_TOPIC_BYTES
from edge_agent.model.sources import CIVIL
from edge_agent.model.spelling import one_of, show
from edge_agent.model.units import QUANTITIES, conversion
from edge_agent.settings.findings import Finding
from edge_agent.settings.profiles import STATES
from edge_agent.settings.timing import timing
from edge_agent.settings.tomlfile import items, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.settings.findings import KeyPath

_FORMATS = ("rfc3339", "unix", "unix_ms")
_OPEN = re.compile(r"\{(device|channel)\}")
#: Keys of a sensor and of an actuator that mean nothing without the first of them.
_OF_SOURCE = ("source", "scale", "offset")
_OF_COMMAND = ("command", "state", "ack", "lease", "allow_without_lease", "lease_limits_seconds")
_ACTIONS = ("start", "stop", "open", "close", "set")


def device_findings(raw: dict[str, Any]) -> Iterator[Finding]:
    """Find everything about foreign devices that does not fit together."""
    codecs: dict[str, str] = {}
    for name, node in table(raw.get("nodes")).items():
        yield from _node(("nodes", name), table(node), codecs)


def _node(path: KeyPath, node: dict[str, Any], codecs: dict[str, str]) -> Iterator[Finding]:
    sensors, actuators = table(node.get("sensors")), table(node.get("actuators"))
    foreign = (
        bool(node.keys() & {"device", "profile", "status"})
        or any("source" in table(each) for each in sensors.values())
        or any("command" in table(each) for each in actuators.values())
    )
    if isinstance(node.get("status"), dict):
        yield from _words((*path, "status"), node["status"], codecs)
    for key, sensor in sensors.items():
        yield from _sensor((*path, "sensors", key), table(sensor), codecs, foreign=foreign)
    for key, actuator in actuators.items():
        given = {"device"} & node.keys()
        yield from _actuator((*path, "actuators", key), table(actuator), codecs, given if foreign else None)


def _sensor(path: KeyPath, sensor: dict[str, Any], codecs: dict[str, str], *, foreign: bool) -> Iterator[Finding]:
    source = sensor.get("source")
    if "derived" in sensor:
        return
    if source is None:
        if foreign:
            yield Finding((*path, "source"), "is missing: its node speaks a language of its own", "where it says this")
        else:
            yield from _in_vain(path, sensor, _OF_SOURCE)
        return
    if not isinstance(source, dict):
        return
    here = (*path, "source")
    yield from _place(here, source, codecs, ("value", "ts", "seq"))
    yield from _pointer((*here, "quality", "path"), table(source.get("quality")).get("path"))
    yield from _time(here, source)
    unit, quantity = source.get("unit"), sensor.get("quantity")
    if isinstance(unit, str) and unit.startswith("/"):
        yield from _pointer((*here, "unit"), unit)
    elif isinstance(unit, str) and isinstance(quantity, str) and _is_foreign_to(quantity, unit):
        expected = one_of(QUANTITIES[quantity], unit)
        yield Finding((*here, "unit"), f"{show(unit)} is not a unit of {quantity}", expected)


def _is_foreign_to(quantity: str, unit: str) -> bool:
    return quantity in QUANTITIES and conversion(quantity, unit, unit) is None


def _time(path: KeyPath, source: dict[str, Any]) -> Iterator[Finding]:
    form = source.get("ts_format", "rfc3339")
    if not isinstance(form, str) or form in _FORMATS:
        return
    expected = f"{one_of([*_FORMATS, CIVIL + 'ZONE'])}, such as {CIVIL}Europe/Berlin"
    if not form.startswith(CIVIL):
        yield Finding((*path, "ts_format"), f"{show(form)} is not allowed", expected)
        return
    try:
        zone(form.removeprefix(CIVIL))
    except ValueError:
        wrong = f"{show(form.removeprefix(CIVIL))} is no time zone that this machine knows"
        yield Finding((*path, "ts_format"), wrong, expected)


def _actuator(
    path: KeyPath, actuator: dict[str, Any], codecs: dict[str, str], given: set[str] | None
) -> Iterator[Finding]:
    """Check an actuator; `given` is what its node says for forms, None where that speaks our language."""
    command, state = actuator.get("command"), actuator.get("state")
    if given is None:
        yield from _in_vain(path, actuator, _OF_COMMAND)
        return
    for key, says in (("command", "how it is commanded"), ("state", "where it shows what it does")):
        if actuator.get(key) is None:
            yield Finding((*path, key), "is missing: its node speaks a language of its own", says)
    kind = actuator.get("kind")
    if isinstance(state, dict):
        yield from _words((*path, "state"), state, codecs)
        yield from _states((*path, "state"), state, kind)
    if isinstance(actuator.get("ack"), dict):
        ack = actuator["ack"]
        yield from _place((*path, "ack"), ack, codecs, ("id", "detail"))
        for key in ("done", "failed"):
            for place in table(ack.get(key)):
                yield from _pointer((*path, "ack", key, place), place)
    if isinstance(command, dict):
        yield from _topic((*path, "command", "topic"), command.get("topic"))
        yield from _forms((*path, "command"), command, kind)
        yield from _lacking((*path, "command"), command, {"channel"} & actuator.keys() | given)
        yield from _lease(path, actuator, command)


def _lacking(path: KeyPath, command: dict[str, Any], given: set[str]) -> Iterator[Finding]:
    """Find forms that want to be told of the device what nobody says."""
    for action in _ACTIONS:
        form = command.get(action)
        for place in sorted(places(form).intersection(GIVEN).difference(given)) if isinstance(form, str) else ():
            yield Finding((*path, action), f"needs a {place}", f"{place} = … beside it")


def _states(path: KeyPath, state: dict[str, Any], kind: object) -> Iterator[Finding]:
    if not isinstance(kind, str) or kind not in STATES:
        return
    for word in STATES[kind]:
        if not items(state.get(word)):
            yield Finding((*path, word), "is missing", f"what the device says when the {kind} is {word}")
    for word in {each for words in STATES.values() for each in words}.difference(STATES[kind]):
        if word in state:
            yield Finding((*path, word), f"is no state of a {kind}", one_of(STATES[kind]))


def _forms(path: KeyPath, command: dict[str, Any], kind: object) -> Iterator[Finding]:
    codec = command.get("codec", "json")
    for action in _ACTIONS:
        form = command.get(action)
        if isinstance(form, str) and codec in CODECS:
            for flaw in dialect(codec).flaws(form):
                yield Finding((*path, action), flaw, "a payload with places such as {counter} or {lease_seconds}")
    if kind in ACTIONS:
        actions = ACTIONS[kind]  # type: ignore[index]  # it is one of the two
        for action in actions:
            if action != "set" and action not in command:
                yield Finding((*path, action), "is missing", f"the payload for {action}")
        for action in _ACTIONS:
            if action in command and action not in actions:
                yield Finding((*path, action), f"is no action of a {kind}", one_of(actions))


def _lease(path: KeyPath, actuator: dict[str, Any], command: dict[str, Any]) -> Iterator[Finding]:
    """Find what a timer of the device cannot do: be set by no form, or count what it is told."""
    if actuator.get("lease") != "device":
        return
    for action in _ACTIONS:
        form = command.get(action)
        if isinstance(form, str) and action != actuator.get("fail_safe") and "lease_seconds" not in places(form):
            wrong = "does not tell the device its lease"
            yield Finding((*path, "command", action), wrong, 'a place {lease_seconds}, or lease = "none"')
    limits = [finite(each) for each in items(actuator.get("lease_limits_seconds"))]
    given = actuator.get("lease_seconds")
    lease = timing(finite(given), None, None).lease_seconds
    if len(limits) == 2 and None not in limits and not (limits[0] or 0) <= lease <= (limits[1] or 0):
        wrong = f"{lease:g} is not within what the timer of the device can count"
        yield Finding((*path, "lease_seconds"), wrong, f"a number from {limits[0]:g} to {limits[1]:g}")


def _in_vain(path: KeyPath, part: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Finding]:
    first, *others = keys
    for key in others:
        if key in part:
            yield Finding((*path, key), f"says nothing without {first}", f"{first} as well, or neither")


def _words(path: KeyPath, said: dict[str, Any], codecs: dict[str, str]) -> Iterator[Finding]:
    for number, place in enumerate(items(said.get("source"))):
        if isinstance(place, dict):
            yield from _place((*path, "source", number), place, codecs, ("value",))
    yield from _only_if(path, said)


def _place(path: KeyPath, place: dict[str, Any], codecs: dict[str, str], keys: tuple[str, ...]) -> Iterator[Finding]:
    """Check a topic, the pointers beside it, and that all who listen to it read it in one dialect."""
    topic = place.get("topic")
    yield from _topic((*path, "topic"), topic)
    for key in keys:
        yield from _pointer((*path, key), place.get(key))
    yield from _only_if(path, place)
    value = place.get("value", place.get("id"))
    codec = place.get("codec") or ("json" if value else "text")
    if isinstance(topic, str) and isinstance(codec, str) and codecs.setdefault(topic, codec) != codec:
        wrong = f"{show(topic)} is read as {codecs[topic]} elsewhere, and as {codec} here"
        yield Finding((*path, "topic"), wrong, "one codec for a topic")


def _only_if(path: KeyPath, place: dict[str, Any]) -> Iterator[Finding]:
    for pointer in table(place.get("only_if")):
        yield from _pointer((*path, "only_if", pointer), pointer)


def _topic(path: KeyPath, topic: object) -> Iterator[Finding]:
    if not isinstance(topic, str):
        return
    missing = _OPEN.search(topic)
    if missing:
        yield Finding(path, f"{show(topic)} needs a {missing[1]}", f"{missing[1]} = … beside it")
    elif not topic or any(character in topic for character in "+#\0") or topic.startswith("$"):
        yield Finding(path, f"{show(topic)} is no topic of a device", "a topic without + and #")
    elif len(topic.encode("utf-8", "replace")) > MAX_TOPIC_BYTES:
        yield Finding(path, "is too long", f"a topic of at most {MAX_TOPIC_BYTES} bytes")


def _pointer(path: KeyPath, pointer: object) -> Iterator[Finding]:
    if not isinstance(pointer, str):
        return
    missing = _OPEN.search(pointer)
    if missing:
        yield Finding(path, f"{show(pointer)} needs a {missing[1]}", f"{missing[1]} = … beside it")
        return
    try:
        steps(pointer)
    except ValueError as error:
        yield Finding(path, f"{show(pointer)} {error}", "a JSON pointer such as /ANALOG/A0 or /[id=3]/value")
