"""QARTOD test 1, timing: a reading is old when it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from edge_agent.model.plant import Freshness


def judge(spec: Freshness, age_seconds: float) -> Flag:
    """Flag the age of a reading at its receipt."""
    if age_seconds > spec.fail_seconds:
        return Flag.FAIL
    if spec.suspect_seconds is not None and age_seconds > spec.suspect_seconds:
        return Flag.SUSPECT
    return Flag.GOOD
