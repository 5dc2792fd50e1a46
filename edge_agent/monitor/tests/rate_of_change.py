"""QARTOD test 7, rate of change: the value moved faster than the water can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from edge_agent.model.plant import RateOfChange


def judge(spec: RateOfChange, value: float, previous: float, seconds: float) -> Flag:
    """Flag |value - previous| / seconds against the limits per second.

    Not evaluated where no time passed. Weakness: it blames the reading after a bad one as well.
    """
    if seconds <= 0.0:
        return Flag.NOT_EVALUATED
    rate = abs(value - previous) / seconds
    if spec.fail is not None and rate > spec.fail:
        return Flag.FAIL
    if spec.suspect is not None and rate > spec.suspect:
        return Flag.SUSPECT
    return Flag.GOOD
