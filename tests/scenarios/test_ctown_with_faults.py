"""C-Town with a level sensor that is wrong for a day: an alarm names it, and leaves time to come.

The short form takes some of them; `--faulty-days FILE` takes every sensor with every fault, and writes the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.faultydays import FAULTS, TANKS, FaultyDay, faulty_day, table

if TYPE_CHECKING:
    from pathlib import Path

SHORT = [("T1", "silent"), ("T3", "frozen"), ("T4", "full scale"), ("T5", "drifts up")]
#: How soon an alarm names the sensor. A drift is found when its readings leave the range, which may be never: what
#: flows in and out would have to be measured to tell it from water.
PATIENCE_SECONDS = {"silent": 300, "frozen": 3600, "full scale": 300}
#: What is named must not run empty before somebody can have come.
WAY_SECONDS = 2 * 3600
#: Nothing is filled by its level: it may freeze unnoticed, and nothing comes of it.
UNUSED = {"T6"}


@pytest.fixture(scope="module")
def days(request: pytest.FixtureRequest) -> list[FaultyDay]:
    page: Path | None = request.config.getoption("--faulty-days")
    chosen = SHORT if page is None else [(tank, fault) for tank in TANKS for fault in FAULTS]
    found = [faulty_day(*each) for each in chosen]
    if page is not None:
        page.write_text(table(found) + "\n", "utf-8")
    return found


def test_an_alarm_names_the_sensor_in_time(days: list[FaultyDay]) -> None:
    late = [
        day
        for day in days
        if day.fault in PATIENCE_SECONDS
        and not (day.tank in UNUSED and day.fault == "frozen")
        and (not day.alarm or day.after_seconds > PATIENCE_SECONDS[day.fault])
    ]
    assert late == []


def test_no_tank_is_over_its_brim(days: list[FaultyDay]) -> None:
    assert [day for day in days if day.over_brim > 1e-6] == []


def test_what_is_named_leaves_time_to_come(days: list[FaultyDay]) -> None:
    ends = [(day.tank, day.fault, day.empty[0]) for day in days if day.fault in PATIENCE_SECONDS and day.empty]
    assert [end for end in ends if end[2] < WAY_SECONDS] == []
