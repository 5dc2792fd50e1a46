"""Which plans of the running agent apply and why, and why an actuator does what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.cli.asking import ask_agent
from edge_agent.cli.output import say
from edge_agent.cli.surroundings import shell_settings
from edge_agent.errors import UsageError
from edge_agent.model.figures import figure
from edge_agent.model.harmless import json_text
from edge_agent.model.spelling import one_of
from edge_agent.observe.answers import WHY

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

#: How far a request has come, in words; it is done where nothing is said.
_PROGRESS = {
    "held": "not commanded yet",
    "sent": "a command is on its way",
    "accepted": "its node works on it",
    "contradicted": "the equipment does otherwise",
    "missed": "the last command was not carried out",
    "suspended": "suspended",
    "locked_out": "locked out",
}


def plan(arguments: argparse.Namespace) -> int:
    """Print the plans, or why an actuator does what it does."""
    http = shell_settings(arguments).http
    if arguments.what == "list":
        found = ask_agent(http, "/plans")
        lines = plan_words(found)
    else:
        found = ask_agent(http, WHY + _actuator(arguments.actuator))
        if not found:
            known = [f"{one['node']}/{one['actuator']}" for one in ask_agent(http, "/status")["actuators"]]
            raise UsageError(f"{arguments.actuator} is no actuator here; expected {one_of(known, arguments.actuator)}")
        lines = why_words(found)
    say(json_text(found, indent=2) + "\n" if arguments.json else "\n".join(lines) + "\n")
    return 0


def _actuator(name: str | None) -> str:
    if name is None:
        raise UsageError("plan why needs an actuator: expected NODE/ACTUATOR")
    node, slash, actuator = name.partition("/")
    if not (node and slash and actuator) or not name.isascii() or any(letter in name for letter in " ?#%"):
        raise UsageError(f"{name} is not an actuator; expected NODE/ACTUATOR")
    if name != name.lower():
        raise UsageError(f"{name}: ids are lower case: did you mean {name.lower()}?")
    return name


def plan_words(found: dict[str, Any]) -> Iterator[str]:
    """Yield in lines which plans apply and why."""
    yield _head(found)
    if not found["plans"]:
        yield "there are no plans"
    for one in found["plans"]:
        yield from _plan(one)


def _head(found: dict[str, Any]) -> str:
    clock = "" if found["clock"]["sure"] else ", the clock may be wrong"
    return f"{found['agent']} at {found['site']}, mode {found['mode']}, {found['at']}{clock}"


def _plan(one: dict[str, Any]) -> Iterator[str]:
    applies = f"applies: {', '.join(one['asks'])}" if one["applies"] else "does not apply"
    yield f"{one['plan']} ({one['kind']}, priority {one['priority']}) {applies}"
    yield from (f"  {sentence}" for sentence in one["why"])
    yield from (f"  {_evidence(seen)}" for seen in one["evidence"])


def _evidence(seen: dict[str, Any]) -> str:
    word = "evidence" if seen["enough"] else "no evidence"
    if seen["within_seconds"] is None:
        return f"{word}: {seen['name']} is {seen['flag']}"
    if seen["value"] is None:
        return f"{word}: {seen['name']} has not been heard"
    value = f"{seen['name']} {figure(seen['value'])} {seen['unit']}".rstrip()
    good = "not good in this run" if seen["good_seconds"] is None else f"good {seen['good_seconds']:.0f} s ago"
    age = f"{seen['flag']}, {seen['age_seconds']:.0f} s old"
    return f"{word}: {value}, {age}; {good} (at most {seen['within_seconds']:g} s)"


def why_words(found: dict[str, Any]) -> Iterator[str]:
    """Yield in lines what stands for an actuator, why, what hinders it, and who asks for what."""
    yield _head(found)
    reported = "has not reported" if found["state"] is None else f"is {found['state']}"
    value = "" if found["value"] is None else f" ({found['value']:g})"
    yield f"{found['actuator']} {reported}{value}"
    if found["action"] is None:
        yield f"  {found['reason']}"
    else:
        yield from _request(found)
    yield from _rivals(found["requests"], found["plan"])
    yield "Plans that may ask something of it" if found["plans"] else "no plan asks anything of it"
    for one in found["plans"]:
        yield from (f"  {line}" for line in _plan(one))


def _request(found: dict[str, Any]) -> Iterator[str]:
    asked = found["action"] if found["action_value"] is None else f"{found['action']} {found['action_value']:g}"
    since = "" if found["since"] is None else f" since {found['since']}"
    safe = ", its fail-safe action" if found["action"] == found["fail_safe"] else ""
    yield f"  {asked} is requested{safe}, by {found['plan'] or found.get('interlock') or 'a person'}{since}"
    yield f"  because {found['reason']}"
    progress = _PROGRESS.get(found["progress"])
    if progress is not None:
        yield f"  {progress}"
    for one in found["hindrances"]:
        yield f"  held back by {one['what']}: {one['detail']}"
    if found["until"] is not None:
        yield f"  until {found['until']} at the earliest, if nothing else happens"


def _rivals(requests: Iterable[dict[str, Any]], stands: str | None) -> Iterator[str]:
    requests = list(requests)
    yield "Who asks for what now" if requests else _nobody(stands)
    for one in requests:
        asked = one["action"] if one["value"] is None else f"{one['action']} {one['value']:g}"
        word = "wins" if one["wins"] else "loses"
        yield f"  {one['plan']} (priority {one['priority']}) {word}: {asked}, because {one['reason']}"


def _nobody(stands: str | None) -> str:
    return "no plan asks anything of it now" + ("" if stands is None else f": what {stands} asked for last stands")
