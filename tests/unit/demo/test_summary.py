from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from edge_agent.demo.facts import day_text, midnight
from edge_agent.demo.summary import PumpTotals, Range, TankTotals, Totals, summary
from edge_agent.demo.wording import duration_text, number
from edge_agent.model.commands import CommandState
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from conftest import Makers

TANK = TankTotals("tank1/level", "m", Range(2.49, 3.62), Range(2.5, 3.6), (1.8, 4.4))
PUMPS = (PumpTotals("station/pump1", 2, 3.0, 1, 2.5, 0.5, 0.4), PumpTotals("station/pump2", 0, 0.25, 0, 0.0))
NUMBERS = Totals(
    "Riverside",
    3601,
    60.2,
    60.0,
    "amqtt",
    readings={"good": 1234, "suspect": 2},
    dead_letters={},
    raised={"low": 2, "high": 1},
    cleared={"low": 1},
    outcomes={CommandState.DONE: 4, CommandState.FAILED: 1},
    open_commands=1,
    tanks=(TANK,),
    pumps=PUMPS,
)


def _row(lines: list[str], beginning: str) -> list[str]:
    line = next(line for line in lines if line.strip().startswith(beginning))
    return line.strip().removeprefix(beginning).split()


@pytest.mark.parametrize("width", [80, 120])
def test_the_plant_stands_beside_epanets_own_controls(make: Makers, width: int) -> None:
    lines = make.text(summary(NUMBERS), width)
    assert max(cell_len(line) for line in lines) <= width
    assert "1 h of plant time in 1 min (60x, broker amqtt)" in lines[2]
    assert _row(lines, "tank1/level lowest, m") == ["2.49", "2.50", "1.80", "kept"]
    assert _row(lines, "tank1/level highest, m") == ["3.62", "3.60", "4.40", "kept"]
    assert _row(lines, "station/pump1 starts") == ["2", "1"]
    assert _row(lines, "pump energy, kWh") == ["3.25", "2.50"]
    assert _row(lines, "cost by the tariff") == ["0.50", "0.40"]


def test_the_agent_is_counted(make: Makers) -> None:
    lines = make.text(summary(NUMBERS))
    assert _row(lines, "readings") == ["good", "1,234,", "suspect", "2"]
    assert _row(lines, "dead letters") == ["none"]
    assert _row(lines, "alarms raised") == ["low", "2,", "high", "1"]
    assert _row(lines, "alarms cleared") == ["low", "1"]
    assert _row(lines, "commands") == ["done", "4,", "failed", "1,", "open", "1"]


def test_a_limit_that_was_not_kept_is_said_aloud(make: Makers) -> None:
    low = TANK._replace(agent=Range(1.79, 4.41))
    lines = make.text(summary(replace(NUMBERS, tanks=(low,))))
    assert _row(lines, "tank1/level lowest, m")[2:] == ["1.80", "NOT", "KEPT"]
    assert _row(lines, "tank1/level highest, m")[2:] == ["4.40", "NOT", "KEPT"]


def test_a_plant_without_tariff_limits_or_pumps_has_a_summary_too(make: Makers) -> None:
    text = "\n".join(make.text(summary(replace(NUMBERS, tanks=(TANK._replace(limits=(None, None)),), pumps=()))))
    assert "cost" not in text
    assert "energy" not in text
    assert "kept" not in text.lower()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.4, "8 s"), (60, "1 min"), (725, "12 min 5 s"), (3600, "1 h"), (3960, "1 h 6 min"), (97_200, "1 d 3 h")],
)
def test_a_length_of_time_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_plant_time_counts_its_days_from_the_midnight_it_began_at(make: Makers) -> None:
    assert midnight(make.at(3661)) == make.start
    assert day_text(make.at(3661), make.start) == "day 1, 01:01:01"
    assert day_text(make.start + 2 * 86_400 * MICROSECONDS - 1, make.start) == "day 2, 23:59:59"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (-0.001, "0.00"), (-2.5, "-2.50"), (123.45, "123.5"), (12345.6, "12,346")]
)
def test_numbers_have_three_to_four_figures(value: float, text: str) -> None:
    assert number(value) == text
