"""Steps: what plans ask of actuators, groups and sequences, as it is written, and what is wrong with that."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import ACTIONS, Step
from edge_agent.model.spelling import one_of, show
from edge_agent.plan.targets import OFF, ON, RUN, is_compound, is_group, is_sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edge_agent.model.fitness import Place
    from edge_agent.plan.scene import Find, Known

STEP_PHRASE = "an actuator with its action, a group with running, or use"
#: What switches equipment on, and what off, by its kind.
SWITCHES: Mapping[str, tuple[str, str]] = MappingProxyType({"pump": ("start", "stop"), "valve": ("open", "close")})


def step_conflicts(key: str, steps: Sequence[Any], known: Known) -> Iterator[Misfit]:
    """Find what is wrong with steps as they stand in the file: nothing to ask, twice the same, no such action."""
    seen: set[str] = set()
    for position, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        here, keys = (key, position), step.keys() & {"actuator", "group", "use"}
        if len(keys) != 1:
            wrong = f"{' and '.join(sorted(keys))} are given" if keys else "is missing"
            yield Misfit((*here, min(keys - {"actuator"}, default="actuator")), wrong, STEP_PHRASE)
            continue
        target = target_of(step)
        if target is not None and target in seen:
            yield Misfit((*here, *keys), f"{show(target)} comes twice in this plan", "one step an actuator")
        if target is not None:
            seen.add(target)
            yield from step_misfits(here, step, known)


def step_misfits(path: Place, step: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
    """Find what is wrong with one step: what there is not, and what cannot be asked of it."""
    target = target_of(step)
    if target is None:
        return
    if is_group(target):
        yield from _number(path, target, step, known)
    elif is_sequence(target):
        yield from no_compound((*path, "use"), target, known)
        if step.get("action", ON) not in {ON, OFF}:
            yield Misfit((*path, "action"), f"{show(str(step['action']))} is no action of a sequence", '"on" or "off"')
    elif "use" in step:
        yield Misfit((*path, "use"), f"{show(target)} is no group or sequence", '"group NAME" or "sequence NAME"')
    elif target in known.actuators:
        yield from _action(path, step, known.actuators[target])
        if "running" in step:
            yield Misfit((*path, "running"), "is given for an actuator", "running for a group only")
    else:
        yield no_actuator((*path, "actuator"), target, known)


def target_of(step: Mapping[str, Any]) -> str | None:
    """Return what a step as it is written asks something of: `node/actuator`, `group NAME` or `sequence NAME`."""
    group = step.get("group")
    if isinstance(group, str):
        return f"group {group}"
    target = step.get("use", step.get("actuator"))
    return target if isinstance(target, str) else None


def step_of(written: Mapping[str, Any]) -> Step:
    """Return the step that is written so; of a group whose number is not given one is to run."""
    target = target_of(written) or ""
    if is_group(target) and written.get("action") is None:
        return Step(target, RUN, float(written.get("running", 1)))
    action = written.get("action")
    return Step(target, ON if action is None else action, written.get("value"))


def _number(path: Place, group: str, step: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
    """Find what is wrong with the number that is asked of a group."""
    key = "group" if "group" in step else "use" if "use" in step else "actuator"
    yield from no_compound((*path, key), group, known)
    stored = step.get("action") == RUN
    number = step.get("value") if stored else step.get("running", 1 if key == "use" else None)
    if number is None:
        yield Misfit((*path, "running"), "is missing", "how many of the group are to run")
    elif not stored and "action" in step:
        yield Misfit((*path, "action"), "is given for a group", "running: how many of it are to run")
    elif isinstance(number, int | float):
        content = known.provisions.get("groups", {}).get(group.partition(" ")[2])
        most = most_of(content) if isinstance(content, dict) else None
        if number < 0 or number % 1 or (most is not None and number > most):
            wrong = f"{number:g} of {group} cannot run"
            yield Misfit((*path, "running"), wrong, f"a whole number from 0 to {most or 'the number of its members'}")


def most_of(group: Mapping[str, Any]) -> int | None:
    """Return how many of a group as it is written may run at once; None where that is not to be read."""
    members, most = group.get("members"), group.get("at_most")
    count = len(members) if isinstance(members, list) else None
    return min(most, count) if isinstance(most, int) and count is not None else count


def no_compound(path: Place, target: str, known: Known) -> Iterator[Misfit]:
    """Say where there is no such group or sequence."""
    what, _, name = target.partition(" ")
    there = known.provisions.get(f"{what}s", {})
    if name not in there:
        yield Misfit(path, f"there is no {target}", one_of(there, name) if there else f"a {what} that is declared")


def no_actuator(path: Place, actuator: str, known: Known) -> Misfit:
    """Say that there is no such actuator."""
    return Misfit(path, f"{show(actuator)} is no actuator of this plant", one_of(known.actuators, actuator))


def _action(path: Place, step: Mapping[str, Any], kind: Any) -> Iterator[Misfit]:  # noqa: ANN401 - as it is written
    actions = ACTIONS.get(kind, ()) if isinstance(kind, str) else ()  # type: ignore[call-overload] # any text
    action = step.get("action")
    if action is None:
        yield Misfit((*path, "action"), "is missing", "an action of the actuator")
    if not actions or not isinstance(action, str):
        return
    if action not in actions:
        yield Misfit((*path, "action"), f"{show(action)} is no action of a {kind}", one_of(actions, action))
    elif action == "set" and "value" not in step:
        yield Misfit((*path, "value"), "is missing", "a number from 0 to 1 with action set")
    elif action != "set" and "value" in step:
        yield Misfit((*path, "value"), f"is given with action {action}", "a value with action set only")


def switch(find: Find, actuator: str, *, on: bool) -> Step:
    """Return the step that switches an actuator on, or off: start and stop for a pump, open and close for a valve."""
    if is_compound(actuator):
        return Step(actuator, ON if on else OFF)
    found = find(actuator)
    words = SWITCHES["pump" if found is None else found.kind]
    return Step(actuator, words[0 if on else 1])
