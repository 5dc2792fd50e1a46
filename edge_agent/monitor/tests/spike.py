"""QARTOD test 6, spike: a reading stands out from both of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from edge_agent.model.plant import Spike


def judge(spec: Spike, before: float, value: float, after: float) -> Flag:
    """Flag |value - (before + after) / 2| against the limits. Needs the next reading, so it settles one later.

    Weakness: the neighbours of a spike of height h stand out by h / 2 themselves; choose limits accordingly.
    """
    height = abs(value - (before + after) / 2)
    if spec.fail is not None and height > spec.fail:
        return Flag.FAIL
    if spec.suspect is not None and height > spec.suspect:
        return Flag.SUSPECT
    return Flag.GOOD
