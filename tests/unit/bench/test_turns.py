"""The core under measurement does what an agent does: it judges, raises alarms and adopts limits."""

from __future__ import annotations

from bench.plantfile import Size
from bench.turns import Core


def active(core):
    return {str(alarm.key) for alarm in core.knowledge.analyzer.register.alarms if alarm.active}


def test_what_is_measured_are_turns_over_readings_that_raise_alarms():
    core = Core(Size(2, 3))
    for _ in range(3):
        assert core.turn(11.0, 6) > 0
    assert active(core) == {f"load{node}/s{sensor}:high" for node in range(2) for sensor in range(3)}


def test_a_changed_limit_is_in_force_after_its_turn():
    core = Core(Size(2, 1))
    for _ in range(3):
        core.turn(9.0, 2)
    assert active(core) == set()
    core.change(8.0, "high")
    for _ in range(3):
        core.turn(9.0, 2)
    assert active(core) == {"load0/s0:high"}
