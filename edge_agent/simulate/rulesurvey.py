"""Reads the rules of a loaded network, through the toolkit that `hydraulics` hands over.

Source: EPANET 2.3 toolkit, functions getrule, getpremise, getthenaction and getelseaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.simulate.network import Premise, Rule, RuleAction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.simulate.network import Element

#: By the toolkit's numbers.
_VARIABLES = (
    *("demand", "head", "head", "level", "pressure", "flow", "status", "setting", "power", "time", "clocktime"),
    *("filltime", "draintime"),
)
_RELATIONS = ("=", "!=", "<=", ">=", "<", ">", "=", "!=", "<", ">")
_STATUSES = ("", "open", "closed", "active")
_OR = 3
#: What stands where a rule gives no number.
_NO_VALUE = -1e9


def read_rules(
    toolkit: Any,  # noqa: ANN401 - the toolkit ships no types
    project: Any,  # noqa: ANN401
    nodes: Mapping[int, Element],
    links: Mapping[int, Element],
) -> Iterator[Rule]:
    """Yield the rules of a network in the order of its file. The toolkit's own exceptions pass through."""
    for index in range(1, toolkit.getcount(project, toolkit.RULECOUNT) + 1):
        premises, thens, elses, priority = toolkit.getrule(project, index)
        yield Rule(
            toolkit.getruleID(project, index),
            tuple(_premise(toolkit, project, (index, place), nodes, links) for place in range(1, premises + 1)),
            tuple(_action(toolkit.getthenaction(project, index, place), links) for place in range(1, thens + 1)),
            tuple(_action(toolkit.getelseaction(project, index, place), links) for place in range(1, elses + 1)),
            priority,
        )


def _premise(
    toolkit: Any,  # noqa: ANN401 - the toolkit ships no types
    project: Any,  # noqa: ANN401
    place: tuple[int, int],
    nodes: Mapping[int, Element],
    links: Mapping[int, Element],
) -> Premise:
    joint, what, index, variable, relation, status, value = toolkit.getpremise(project, *place)
    kinds = {toolkit.R_NODE: nodes, toolkit.R_LINK: links}
    element = kinds[what][index] if what in kinds else None
    word = _STATUSES[status] if _VARIABLES[variable] == "status" else ""
    return Premise("or" if joint == _OR else "and", element, _VARIABLES[variable], _RELATIONS[relation], value, word)


def _action(found: tuple[int, int, float], links: Mapping[int, Element]) -> RuleAction:
    link, status, setting = found
    word = _STATUSES[status] if 0 < status < len(_STATUSES) else ""
    return RuleAction(links[link], word, setting if setting > _NO_VALUE else None)
