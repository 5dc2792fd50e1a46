"""Profiles: what is the same for all devices of a kind, worked into the tables of a plant file before they are read."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.model.plant import ACTIONS
from edge_agent.model.spelling import one_of, show
from edge_agent.settings.findings import Finding, dotted
from edge_agent.settings.tomlfile import read_toml, table

if TYPE_CHECKING:
    from edge_agent.settings.findings import KeyPath

#: What a profile says, and what it says of itself.
_PARTS = ("status", "sensors", "actuators")
_ABOUT = ("title", "maker", "notes", "guess")
_FILLED = re.compile(r"\{(device|channel|node|site)\}")
#: What a device can say that an actuator does, by its kind.
STATES: dict[str, tuple[str, ...]] = {"pump": ("running", "stopped"), "valve": ("open", "closed")}
#: What the text of a short form says.
_IN_TEXT = ("topic", "value", "codec")
_PLACES = ("value", "ts", "seq", "id", "detail", "path")


def packaged() -> dict[str, Path]:
    """Return the profiles that come with the program, by name."""
    folder = Path(str(files("edge_agent.dialects"))) / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


class Profile(NamedTuple):
    """A profile and the file it is in."""

    path: Path
    content: dict[str, Any]


@dataclass(slots=True)
class Expanded:
    """A plant file's tables with profiles worked in; what is wrong with profiles; and where what came from.

    `profiles` holds the profile of each node, `written` the tables as they were.
    """

    raw: dict[str, Any]
    written: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)

    def problem(self, finding: Finding, file: str) -> Problem:
        """Place a finding: in the profile where that says it and the plant file does not."""
        path = finding.path
        if len(path) > 3 and path[0] == "nodes" and path[1] in self.profiles and not _stands(self.written, path):
            profile = self.profiles[str(path[1])]
            part = _in_profile(path)
            if len(part) > 1 and _stands(profile.content, part):
                return finding._replace(path=part).problem(str(profile.path))
        return finding.problem(file)


def _in_profile(path: KeyPath) -> KeyPath:
    """Return where a profile says what stands at a place of a plant file."""
    if path[2] == "sensors":
        return ("sensors", *path[5:])
    return path[2:] if path[2] == "status" else ("actuators", *path[4:])


def _stands(raw: Any, path: KeyPath) -> bool:  # noqa: ANN401 - any part of a TOML file
    """Whether a key stands in a file; what is made of a short form stands in its text."""
    for part in path:
        if isinstance(raw, str):
            return isinstance(part, int) or part in _IN_TEXT
        if isinstance(raw, dict):
            if part not in raw:
                return False
        elif not isinstance(raw, list) or not isinstance(part, int) or part >= len(raw):
            return False
        raw = raw[part]
    return True


def expanded(raw: dict[str, Any], beside: Path) -> Expanded:
    """Work short forms, profiles and what is said of each device into the tables of a plant file."""
    nodes = table(raw.get("nodes"))
    if not any(_is_foreign(table(node)) for node in nodes.values()):
        return Expanded(raw, raw)
    found = Expanded({**raw, "nodes": dict(nodes)}, raw)
    site = table(raw.get("site")).get("id", "")
    for name, node in nodes.items():
        if isinstance(node, dict) and _is_foreign(node):
            found.raw["nodes"][name] = _node(name, node, site, beside, found)
    return found


def _is_foreign(node: dict[str, Any]) -> bool:
    """Whether anything in a node's table is of another language."""
    if node.keys() & {"device", "profile", "status"}:
        return True
    keys = {"source", "scale", "offset", "channel", "command", "state", "ack", "lease"}
    parts = (*table(node.get("sensors")).values(), *table(node.get("actuators")).values())
    return any(table(part).keys() & keys for part in parts)


def _node(name: str, node: dict[str, Any], site: object, beside: Path, found: Expanded) -> dict[str, Any]:
    profile = _profile(name, node, beside, found)
    given = {"device": node.get("device"), "node": name, "site": site}
    made = dict(node)
    if "status" in node or "status" in profile:
        made["status"] = _filled(_places(_merged(profile.get("status"), node.get("status"))), given)
    if isinstance(node.get("sensors"), dict):
        made["sensors"] = {
            key: _sensor(each, profile, given) if isinstance(each, dict) else each
            for key, each in node["sensors"].items()
        }
    if isinstance(node.get("actuators"), dict):
        made["actuators"] = {
            key: _actuator(each, profile, given) if isinstance(each, dict) else each
            for key, each in node["actuators"].items()
        }
    return made


def _sensor(sensor: dict[str, Any], profile: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    usual = table(profile.get("sensors"))
    made = dict(sensor)
    given = given | {"channel": sensor.get("channel", usual.get("channel"))}
    if "source" in sensor:
        short = _place(sensor["source"])
        made["source"] = _filled(_merged({k: v for k, v in usual.items() if k != "channel"}, short), given)
    return made


def _actuator(actuator: dict[str, Any], profile: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    usual = _of_kind(table(profile.get("actuators")), actuator.get("kind"))
    made = {key: deepcopy(value) for key, value in usual.items() if key not in actuator} | actuator
    for key in ("command", "state", "ack"):
        merged = _merged(usual.get(key), actuator.get(key))
        if merged is not None:
            made[key] = merged
    if made.get("ack") == "state":
        del made["ack"]
    given = given | {"channel": made.get("channel")}
    for key in ("command", "ack"):
        if isinstance(made.get(key), dict):
            made[key] = _filled(made[key], given)
    if isinstance(made.get("state"), dict):
        made["state"] = _filled(_places(made["state"]), given)
    return made


def _of_kind(usual: dict[str, Any], kind: object) -> dict[str, Any]:
    """Return what a profile says of actuators, without the forms and words of other kinds."""
    if kind not in ACTIONS:
        return usual
    made = dict(usual)
    for key, of_kinds in (("command", ACTIONS), ("state", STATES)):
        others = {word for each, words in of_kinds.items() if each != kind for word in words}
        unfit = others.difference(of_kinds[kind])  # type: ignore[index]  # it is one of them
        if isinstance(made.get(key), dict):
            made[key] = {word: said for word, said in made[key].items() if word not in unfit}
    return made


def _merged(usual: object, own: object) -> Any:  # noqa: ANN401 - tables, or what stands in their place
    """Return what a file says, on the ground of what its profile says."""
    if own is None:
        return deepcopy(usual)
    if not isinstance(own, dict) or not isinstance(usual, dict):
        return own
    if own.keys() & {"source", "topic"}:  # one of the two says where
        usual = {key: value for key, value in usual.items() if key not in {"source", "topic", "value"} - own.keys()}
    return deepcopy(usual) | own


def _place(written: object) -> object:
    """Return the table of a short form, `topic#/pointer`; before a bare `#/pointer` the profile's topic is meant."""
    if not isinstance(written, str):
        return written
    topic, mark, pointer = written.partition("#")
    made: dict[str, Any] = {"topic": topic} if topic else {}
    return made | ({"value": pointer, "codec": "json"} if mark else {"codec": "text"})


def _places(said: object) -> Any:  # noqa: ANN401 - a table, or what stands in its place
    """Write where words are said in its long form: `source`, a list of tables."""
    if not isinstance(said, dict):
        return said
    made = {key: value for key, value in said.items() if key not in {"topic", "value", "codec"}}
    if "source" in said:
        many = said["source"] if isinstance(said["source"], list) else [said["source"]]
        made["source"] = [_place(each) for each in many]
        made |= {key: said[key] for key in ("topic", "value", "codec") if key in said}  # too much: it is told
    elif "topic" in said:
        made["source"] = [{key: said[key] for key in ("topic", "value", "codec") if key in said}]
    return made


def _filled(said: Any, given: dict[str, Any]) -> Any:  # noqa: ANN401 - any part of a TOML file
    """Fill in what the file says of the device: in topics as it is, in pointers escaped."""
    if isinstance(said, list):
        return [_filled(each, given) for each in said]
    if not isinstance(said, dict):
        return said
    made: dict[str, Any] = {}
    for key, value in said.items():
        if key in {"only_if", "done", "failed"} and isinstance(value, dict):
            made[key] = {_fill(str(place), given, escaped=True): each for place, each in value.items()}
        elif isinstance(value, str) and (key == "topic" or key in _PLACES):
            made[key] = _fill(value, given, escaped=key != "topic")
        else:
            made[key] = _filled(value, given) if key in {"source", "quality"} else value
    return made


def _fill(text: str, given: dict[str, Any], *, escaped: bool) -> str:
    def value(found: re.Match[str]) -> str:
        known = given.get(found[1])
        if known is None:
            return found[0]
        return str(known).replace("~", "~0").replace("/", "~1") if escaped else str(known)

    return _FILLED.sub(value, text)


def _profile(name: str, node: dict[str, Any], beside: Path, found: Expanded) -> dict[str, Any]:
    """Return the profile of a node; an empty one where there is none, or none that can be read."""
    wanted = node.get("profile")
    if not isinstance(wanted, str) or not wanted:
        return {}
    key = ("nodes", name, "profile")
    path = packaged().get(wanted) or beside.parent / wanted
    if wanted not in packaged() and not wanted.endswith(".toml"):
        expected = f"{one_of(packaged(), wanted)}, or a path that ends in .toml"
        found.findings.append(Finding(key, f"there is no profile {show(wanted)}", expected))
        return {}
    try:
        profile = read_toml(path)
    except ConfigurationError as error:
        found.findings += [Finding(key, f"{path}: {each.key} {each.wrong}", each.expected) for each in error.problems]
        return {}
    found.profiles[name] = Profile(path, profile)
    found.findings += [
        Finding(key, f"{path}: {dotted((part,))} is not a known key", one_of((*_ABOUT, *_PARTS), part))
        for part in profile
        if part not in (*_ABOUT, *_PARTS)
    ]
    return profile
