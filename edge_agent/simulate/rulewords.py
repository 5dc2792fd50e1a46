"""From the rules of a network to plans in the same words: IF, AND, OR, THEN, ELSE, PRIORITY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.simulate.levelswitch import asked, number
from edge_agent.simulate.network import Element

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_agent.simulate.draft import Draft
    from edge_agent.simulate.network import Premise, Rule, RuleAction

#: Plans of rules without a priority; each higher priority of the file is so much more.
_FIRST_PRIORITY, _APART = 50, 2
_STATES = {("pump", "open"): "running", ("pump", "closed"): "stopped"}
_CONTRARY = {"open": "closed", "closed": "open"}


class UnsayableError(Exception):
    """Something of a rule that no condition or step can say; its text says what."""


def rule_plans(draft: Draft) -> tuple[list[str], list[str]]:
    """Return the plans of the file's rules, and in a sentence each what cannot be said of them."""
    texts, unsaid = [], []
    ranks = sorted({rule.priority for rule in draft.network.rules})
    for place, rule in enumerate(draft.network.rules, 1):
        priority = min(100, _FIRST_PRIORITY + _APART * ranks.index(rule.priority) + (ranks[0] > 0) * _APART)
        try:
            texts += _rule(draft, f"rule{place}", rule, priority)
        except UnsayableError as error:
            unsaid.append(f"rule {rule.name} is left out: {error}")
    return texts, unsaid


def _rule(draft: Draft, name: str, rule: Rule, priority: int) -> list[str]:
    groups = [" or ".join(_premise(draft, premise) for premise in group) for group in _groups(rule.premises)]
    parts = [f"({group})" if " or " in group and len(groups) > 1 else group for group in groups]
    plans = [_plan(draft, name, f"rule {rule.name}", (" and ".join(parts), rule.then), priority)]
    if rule.otherwise:
        contrary = f"not ({' and '.join(parts)})"
        plans.append(_plan(draft, f"{name}-else", f"rule {rule.name}, ELSE", (contrary, rule.otherwise), priority))
    return plans


def _groups(premises: Sequence[Premise]) -> Iterator[list[Premise]]:
    """Yield what is joined with `or`, in groups that are joined with `and`: so the file's rules are read."""
    group: list[Premise] = []
    for premise in premises:
        if premise.joint == "and" and group:
            yield group
            group = []
        group.append(premise)
    yield group


def _plan(draft: Draft, name: str, comment: str, content: tuple[str, Sequence[RuleAction]], priority: int) -> str:
    condition, actions = content
    steps = ", ".join(_step(draft, action) for action in actions)
    return f'# {comment}\n[plans.{name}]\nwhen = ["{condition}"]\ndo = [{steps}]\npriority = {priority}\n'


def _step(draft: Draft, action: RuleAction) -> str:
    setting = {"open": 1.0, "closed": 0.0}.get(action.status, action.setting)
    actuator = draft.actuator(action.link)
    step = None if setting is None else asked(actuator.rpartition("/")[2], setting)
    if step is None:
        told = action.status or action.setting
        raise UnsayableError(f"{action.link.kind} {action.link.name} cannot be set to {told}")
    return f'{{ actuator = "{actuator}", {step} }}'


def _premise(draft: Draft, premise: Premise) -> str:
    if premise.element is None:
        return _system(premise)
    if premise.variable == "status":
        return _status(draft, premise)
    measured, value = premise.variable, premise.value
    if measured == "pressure" and premise.element.kind == "tank":
        raise UnsayableError("the pressure of a tank is its level")
    if measured not in {"level", "head", "pressure", "flow", "demand", "power"}:
        raise UnsayableError(f"no condition knows the {measured} of {premise.element.kind} {premise.element.name}")
    if measured == "head" and premise.element.kind == "tank":
        measured, value = "level", value - draft.network.elevations[premise.element.name]
    return f"{draft.sensor(premise.element, measured)} {_relation(premise)} {number(value)}"


def _relation(premise: Premise) -> str:
    if premise.relation in {"=", "!="}:
        raise UnsayableError(f"no condition asks whether a {premise.variable} is {premise.relation} a number")
    return premise.relation


def _status(draft: Draft, premise: Premise) -> str:
    link = premise.element or Element("", "")
    status = premise.status if premise.relation == "=" else _CONTRARY.get(premise.status, "")
    if status not in _CONTRARY:
        raise UnsayableError(f"no condition asks whether {link.kind} {link.name} is {premise.status}")
    return f"{draft.actuator(link)} is {_STATES.get((link.kind, status), status)}"


def _system(premise: Premise) -> str:
    if premise.variable != "clocktime":
        told = {"demand": "the demand of all junctions", "time": "the time since the start"}
        raise UnsayableError(f"no condition knows {told.get(premise.variable, premise.variable)}")
    clock = f"{int(premise.value) // 3600 % 24:02d}:{int(premise.value) % 3600 // 60:02d}"
    if premise.relation in {"<", "<="}:
        return f"time is 00:00-{clock}" if clock != "00:00" else "time is 00:00-00:01"
    if premise.relation in {">", ">="}:
        return f"time is {clock}-24:00"
    raise UnsayableError(f"no condition asks whether the time is {premise.relation} an instant")
