from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from loguru import logger

from edge_agent.container.retuned import MOST_NAMED, Retuned
from edge_agent.model.plant import Plant, Policy, Threshold

if TYPE_CHECKING:
    from collections.abc import Iterator


class Source:
    """Thresholds that a person changes."""

    def __init__(self) -> None:
        self.thresholds: tuple[Threshold, ...] = ()

    async def version(self) -> object:
        return self.thresholds

    async def plant(self) -> Plant:
        return Plant("riverside", {}, Policy(self.thresholds))


@pytest.fixture
def warnings() -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    sink = logger.add(lambda message: found.append(message.record["extra"]), level="WARNING", format="{message}")
    yield found
    logger.remove(sink)


def level(sensor: str = "level", **limits: float) -> tuple[Threshold, ...]:
    return tuple(Threshold("tank1", sensor, name, limit, 0.2) for name, limit in sorted(limits.items()))  # type: ignore[arg-type] # a name of a threshold


async def test_limits_out_of_order_are_in_force_and_told_of_once_by_sensor_and_limits(warnings):
    source = Source()
    retuned = Retuned(source)
    source.thresholds = level(high=5.0, low=6.0)
    assert (await retuned.plant()).policy.thresholds == source.thresholds
    assert await retuned.plant() == await source.plant()
    assert warnings == [{"sensor": "tank1/level", "limits": "low 6 is not below high 5"}]
    assert retuned.notes() == {
        "thresholds": "limits out of order, in force as they are: tank1/level: low 6 is not below high 5"
    }


async def test_limits_in_order_are_no_news(warnings):
    source = Source()
    retuned = Retuned(source)
    source.thresholds = level(high_high=6.0, high=5.0, low=2.0, low_low=1.0)
    await retuned.plant()
    assert (warnings, retuned.notes()) == ([], {})


async def test_the_note_goes_when_the_limits_are_mended_and_another_mistake_is_told_of(warnings):
    source = Source()
    retuned = Retuned(source)
    for thresholds in (level(high=5.0, low=6.0), level(high=5.0, low=2.0), level(high=5.0, low=4.9)):
        source.thresholds = thresholds
        await retuned.plant()
        assert bool(retuned.notes()) == (thresholds != level(high=5.0, low=2.0))
    assert [each["limits"] for each in warnings] == [
        "low 6 is not below high 5",
        "low clears at 5.1 and high at 4.8: their deadbands overlap",
    ]


async def test_many_mistakes_at_once_do_not_flood_the_log(warnings):
    source = Source()
    retuned = Retuned(source)
    source.thresholds = tuple(each for n in range(50) for each in level(f"s{n:02d}", high=1.0, low=2.0))
    await retuned.plant()
    assert len(warnings) == MOST_NAMED + 1
    assert warnings[-1] == {"sensors": 50 - MOST_NAMED}
    assert retuned.notes()["thresholds"].endswith("; 40 more sensors")
