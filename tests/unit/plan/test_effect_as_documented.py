"""How long something may run without an effect is what the plant file's documentation says."""

from __future__ import annotations

from pathlib import Path

from edge_agent.plan.effect import EFFECT_SECONDS

DOCUMENT = (Path(__file__).parents[3] / "docs/plant-file.md").read_text("utf-8")


def test_the_alarm_comes_after_the_time_that_is_documented():
    [row] = [line for line in DOCUMENT.splitlines() if line.startswith("| `node/actuator:no_effect` |")]
    assert f"has run for a plan for {EFFECT_SECONDS / 60:g} min" in row
