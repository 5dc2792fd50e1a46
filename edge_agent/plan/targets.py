"""What plans use like an actuator: `group NAME`, of which a number runs, and `sequence NAME`, which is on or off."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edge_agent.model.plant import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP, SEQUENCE = "group", "sequence"
#: What is asked of a group: that so many run; that at least, or at most so many do.
RUN, AT_LEAST, AT_MOST = "run", "at_least", "at_most"
#: What is asked of a sequence.
ON, OFF = "on", "off"


def is_group(target: str) -> bool:
    """Whether a group is meant, and no actuator."""
    return target.startswith("group ")


def is_sequence(target: str) -> bool:
    """Whether a sequence is meant, and no actuator."""
    return target.startswith("sequence ")


def is_compound(target: str) -> bool:
    """Whether a group or a sequence is meant, and no actuator."""
    return is_group(target) or is_sequence(target)


def rests(step: Step) -> bool:
    """Whether what is asked of a group or a sequence only makes equipment rest."""
    return step.action in {AT_MOST, OFF} or (step.action == RUN and not step.value)


def numbers(step: Step) -> tuple[float, float]:
    """Return how many members of a group are to run at least, and at most."""
    value = step.value or 0.0
    return (0.0 if step.action == AT_MOST else value), (float("inf") if step.action == AT_LEAST else value)


def together(steps: Iterable[Step], uses: Iterable[str]) -> tuple[Step, ...]:
    """Return steps with one for each group in the place of those that switch a member of it on, or off.

    `uses` are all that may be switched: where nothing is asked of some that use a group, a number stays as it is.
    """
    steps, those = tuple(steps), Counter(uses)
    on = Counter(step.actuator for step in steps if is_group(step.actuator) and step.action == ON)
    off = Counter(step.actuator for step in steps if is_group(step.actuator) and step.action == OFF)
    folded = [step for step in steps if not is_group(step.actuator)]
    for group in dict.fromkeys((*on, *off)):
        folded += _asked(group, on[group], those[group] - off[group])
    return tuple(folded)


def all_of(uses: Iterable[str]) -> Iterator[Step]:
    """Yield all that may be asked of the groups that some stages use."""
    for group, count in Counter(filter(is_group, uses)).items():
        for number in range(count + 1):
            yield Step(group, RUN, float(number))
            yield Step(group, AT_LEAST, float(number))
            yield Step(group, AT_MOST, float(number))


def _asked(group: str, least: int, most: int) -> list[Step]:
    if least == most:
        return [Step(group, RUN, float(least))]
    return [Step(group, AT_LEAST, float(least))] * (least > 0) + [Step(group, AT_MOST, float(most))]
