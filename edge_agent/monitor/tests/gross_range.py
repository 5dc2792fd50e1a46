"""QARTOD test 4, gross range: a value the sensor cannot give, or that nobody expects of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from edge_agent.model.plant import GrossRange


def judge(spec: GrossRange, value: float) -> Flag:
    """Flag a value in the sensor's unit: fail outside `fail`, suspect outside `suspect`; the limits are inside."""
    low, high = spec.fail
    if not low <= value <= high:
        return Flag.FAIL
    if spec.suspect is not None:
        low, high = spec.suspect
        if not low <= value <= high:
            return Flag.SUSPECT
    return Flag.GOOD
