"""Events as they stand in a recording: `{"event": "dispatch", "command_id": …, "state": …, "detail": …}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from edge_agent.model.inbox import (
    BreakerReport,
    DispatchReport,
    EpochReport,
    LinkReport,
    Operation,
    PlantChange,
    PolicyChange,
    RefusalReport,
    RenewalReport,
)
from edge_agent.model.plant import Plant, Policy
from edge_agent.model.revision import Revision, by_sensor
from edge_agent.runtime.freezing import Capture, thaw

if TYPE_CHECKING:
    from edge_agent.model.inbox import Event

#: The form of recordings that is written.
FORM: Final = 5
_FORMER_LISTS = {
    "deliveries": "dispatch",
    "breakers": "breaker",
    "renewals": "renewal",
    "links": "link",
    "epochs": "epoch",
    "refusals": "refusal",
    "operations": "operation",
}
#: What a line of such a form may have that a line of this one has not.
FORMER = frozenset({*_FORMER_LISTS, "plant", "policy"})
_PLAIN: dict[str, type[Event]] = {
    "operation": Operation,
    "dispatch": DispatchReport,
    "breaker": BreakerReport,
    "renewal": RenewalReport,
    "refusal": RefusalReport,
    "link": LinkReport,
    "epoch": EpochReport,
}
_NAMES = {kind: name for name, kind in _PLAIN.items()}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _PLAIN.items()}


def is_large(event: Event) -> bool:
    """Return whether there is a Capture in the JSON values of an event."""
    return isinstance(event, PolicyChange | PlantChange)


def event_to_json(event: Event) -> dict[str, Any]:
    """Return an event as JSON values; what is large in it as a Capture, to be written bit by bit."""
    if isinstance(event, PolicyChange):
        return {"event": "policy", "revision": Capture(event.revision)}
    if isinstance(event, PlantChange):
        return {"event": "plant", "plant": Capture(event.plant)}
    return {"event": _NAMES[type(event)], **event._asdict()}


def event_from_json(content: dict[str, Any]) -> Event:
    """Return the event that was recorded. Raises ValueError, and RecordingError for what was never frozen."""
    members = dict(content)
    name = str(members.pop("event", ""))
    if name == "policy" and "policy" in members:
        return PolicyChange(_whole(_thawed(members["policy"], Policy)))
    if name == "policy":
        return PolicyChange(_thawed(members.get("revision"), Revision))
    if name == "plant":
        return PlantChange(_thawed(members.get("plant"), Plant))
    if name not in _ADAPTERS:
        raise ValueError(f"there is no event {name!r}")
    event: Event = _ADAPTERS[name].validate_python(members, strict=True)
    return event


def of_former_form(line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a turn of form 1 or 2, which had a list for each kind of event. Raises ValueError."""
    events = [
        {
            "event": name,
            **dict(zip(_PLAIN[name]._fields, values if isinstance(values, list) else [values], strict=True)),
        }
        for many, name in _FORMER_LISTS.items()
        for values in line.get(many, ())
    ]
    events += [{"event": name, name: line[name]} for name in ("plant", "policy") if line.get(name) is not None]
    return {name: content for name, content in line.items() if name not in FORMER} | {"events": events}


def _whole(policy: Policy) -> Revision:
    """Return a policy of a former form, which is replayed by a plant file alone: nothing of it comes into force."""
    return Revision(by_sensor(policy.thresholds), policy.plans, provisions=policy.provisions)


def _thawed(frozen: object, kind: type[Any]) -> Any:  # noqa: ANN401 - of the kind that was asked for
    found = thaw(frozen)
    if not isinstance(found, kind):
        raise ValueError(f"it is no {kind.__name__.lower()}")  # noqa: TRY004 - what is wrong is the recording
    return found
