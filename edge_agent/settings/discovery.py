"""What came by on a broker, as a plant file would say it: the devices, by their profiles, and their values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.settings.places import leaves
from edge_agent.settings.profiles import packaged
from edge_agent.settings.tomlfile import read_toml, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: So many topics are remembered, with their newest payloads up to this size.
MOST_TOPICS, LONGEST_PAYLOAD = 1_000, 16_384
#: So many literal characters of a profile's topics must fit, so that it is more than chance.
_LEAST_SCORE = 8
#: Values that are shown of a topic, and of those that nothing is known of.
_MOST_VALUES, _MOST_OTHERS = 100, 20
#: What members are called, and what that most probably is.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (r"(tank|water)?_?level", "level", "m"),
    (r"distance", "distance", "m"),
    (r"flow(_?rate)?", "flow", "m3/h"),
    (r"pressure", "pressure", "bar"),
    (r"t|tc|temp|temperature", "temperature", "C"),
    (r"(a|act|a_act|b_act|c_act|total_act)?_?power", "power", "W"),
    (r"voltage", "voltage", "V"),
    (r"current", "current", "A"),
    (r"freq(uency)?", "frequency", "Hz"),
    (r"turbidity", "turbidity", "NTU"),
    (r"ph", "ph", "pH"),
    (r"conductivity", "conductivity", "uS/cm"),
    (r"chlorine", "chlorine", "mg/L"),
    (r"volume", "volume", "m3"),
)


class _Guess(NamedTuple):
    """A profile, and how topics of its devices look."""

    profile: str
    title: str
    patterns: tuple[re.Pattern[str], ...]
    scores: tuple[int, ...]
    topic: str  # of its sensors; {device} stands in it


class HeardDevice(NamedTuple):
    """One device: what it is called, its profile where one fits, and its topics."""

    device: str
    profile: str
    topics: tuple[str, ...]


class Discovery:
    """Remembers what came by. `ours` begins the topics of our own language: who speaks it needs no description."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self.heard: dict[str, bytes] = {}
        self.missed = 0
        self._guesses = [_guess(name, read_toml(path)) for name, path in packaged().items()]

    def __repr__(self) -> str:
        return f"Discovery({len(self.heard)} topics)"

    def hear(self, topic: str, payload: bytes) -> bool:
        """Note a message; return whether its topic is new."""
        is_new = topic not in self.heard
        if is_new and len(self.heard) >= MOST_TOPICS:
            self.missed += 1
            return False
        if is_new or payload:
            self.heard[topic] = payload[:LONGEST_PAYLOAD]
        return is_new

    def devices(self) -> list[HeardDevice]:
        """Return the devices, those with a profile first."""
        left = [topic for topic in sorted(self.heard) if not topic.startswith(self._ours)]
        found: list[HeardDevice] = []
        for (profile, device), topics in self._fitting(left):
            mine = tuple(topic for topic in left if topic in topics or _is_below(topic, device))
            left = [topic for topic in left if topic not in mine]
            found.append(HeardDevice(device, profile, mine))
        return found + [HeardDevice(topic, "", (topic,)) for topic in left]

    def _fitting(self, topics: Iterable[str]) -> list[tuple[tuple[str, str], set[str]]]:
        """Return profile and device with the topics that fit, the best first."""
        fits: dict[tuple[str, str], set[str]] = {}
        scores: dict[tuple[str, str], int] = {}
        for topic in topics:
            for guess in self._guesses:
                for pattern, score in zip(guess.patterns, guess.scores, strict=True):
                    match = pattern.fullmatch(topic)
                    if match:
                        key = guess.profile, match["device"]
                        fits.setdefault(key, set()).add(topic)
                        scores[key] = scores.get(key, 0) + score
        good = [key for key in fits if scores[key] >= _LEAST_SCORE]
        return [(key, fits[key]) for key in sorted(good, key=lambda key: (-scores[key], key))]

    def toml(self) -> str:
        """Return the nodes of a plant file. What nothing is known of stands there as a comment."""
        taken: set[str] = set()
        parts = [part for found in self.devices() if (part := "\n".join(self._node(found, taken)))]
        return "\n\n".join(parts) + "\n" if parts else "# Nothing came by that has a value.\n"

    def _node(self, found: HeardDevice, taken: set[str]) -> Iterator[str]:
        guess = next((each for each in self._guesses if each.profile == found.profile), None)
        sensors, others = self._values(found, guess)
        if guess is None and not sensors and not others:
            return
        name = _unique(_identity(found.device), taken)
        if guess is not None:
            yield f"# {guess.title}"
            yield f"[nodes.{name}]"
            yield f"device = {json.dumps(found.device)}"
            yield f'profile = "{guess.profile}"'
        elif sensors:
            yield f"[nodes.{name}]"
        ids: set[str] = set()
        for source, value, quantity, unit, called in sensors:
            identity = _unique(_identity(called), ids)
            yield from ("", f"[nodes.{name}.sensors.{identity}]", f'quantity = "{quantity}"', f'unit = "{unit}"  # ?')
            yield f"source = {json.dumps(source)}  # {value}"
        if others:
            yield ""
            yield from (f"# also said: {json.dumps(source)} is {value}" for source, value in others[:_MOST_OTHERS])
        if guess is not None:
            yield from _equipment(name)

    def _values(
        self, found: HeardDevice, guess: _Guess | None
    ) -> tuple[list[tuple[str, str, str, str, str]], list[tuple[str, str]]]:
        """Return what can be guessed as sensors, and the other numbers, each with its source."""
        sensors, others = [], []
        for topic in found.topics:
            for pointer, value in leaves(self.heard[topic], _MOST_VALUES):
                called = _called(pointer or topic)
                source = _source(topic, pointer, found.device if guess else "", guess.topic if guess else "")
                meaning = _meaning(called, pointer)
                if meaning is None:
                    others.append((source, value))
                else:
                    sensors.append((source, value, *meaning, called))
        return sensors, others


def _guess(name: str, profile: Mapping[str, Any]) -> _Guess:
    topics = [str(topic) for topic in profile.get("guess", ())]
    patterns = tuple(re.compile(re.escape(topic).replace(r"\{device\}", "(?P<device>.+)")) for topic in topics)
    scores = tuple(len(topic.replace("{device}", "")) for topic in topics)
    return _Guess(name, str(profile.get("title", name)), patterns, scores, _topic(table(profile.get("sensors"))))


def _topic(sensors: Mapping[str, Any]) -> str:
    return str(sensors.get("topic", "")).replace("{channel}", str(sensors.get("channel", "")))


def _is_below(topic: str, device: str) -> bool:
    """Whether a topic names a device, as a whole level or several."""
    return f"/{device}/" in f"/{topic}/"


def _source(topic: str, pointer: str, device: str, usual: str) -> str:
    if device and usual.replace("{device}", device) == topic:
        return f"#{pointer}"
    named = f"/{topic}/".replace(f"/{device}/", "/{device}/", 1)[1:-1] if device else topic
    return f"{named}#{pointer}" if pointer else named


def _called(pointer: str) -> str:
    """Return the last word of a place that is a name."""
    words = [word for word in pointer.split("/") if word and not word.isdecimal()]
    return words[-1] if words else "value"


def _meaning(called: str, pointer: str) -> tuple[str, str] | None:
    lower = called.lower()
    if lower == "total" and "energy" in pointer.lower():
        return "energy", "Wh" if "aenergy" in pointer else "kWh"
    return next(((quantity, unit) for form, quantity, unit in _MEANINGS if re.fullmatch(form, lower)), None)


def _identity(text: str) -> str:
    """Return an id that is as near to a text as ids allow."""
    made = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-")
    return made[:63].strip("_-") or "device"


def _unique(identity: str, taken: set[str]) -> str:
    found, number = identity, 2
    while found in taken:
        found, number = f"{identity[:60]}_{number}", number + 1
    taken.add(found)
    return found


def _equipment(node: str) -> Iterator[str]:
    yield ""
    yield "# What it switches, as far as the agent is to command it:"
    yield f"# [nodes.{node}.actuators.relay]"
    yield '# kind = "pump"'
    yield '# fail_safe = "stop"'
