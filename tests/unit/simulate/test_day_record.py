"""The record of a simulated day, as it is printed."""

from __future__ import annotations

from pathlib import Path

from edge_agent.simulate.dayrecord import day_lines
from edge_agent.simulate.hydraulics import Hydraulics

RULES = Path(__file__).parents[2] / "data" / "rules.inp"


def test_a_day_says_energy_cost_starts_and_levels() -> None:
    with Hydraulics(RULES, remove_controls=False) as water:
        water.advance(24 * 3600)
        record, network = water.day(), water.network
    first, one, two, both, tank = day_lines(record, network)
    assert first == "24 h 0 min of water"
    assert one.startswith(f"pump P1: {record.starts['P1']} starts, {record.energy_kwh['P1']:.1f} kWh, ")
    assert two.startswith("pump P2: ")
    assert both.endswith(f"{sum(record.cost.values()):,.2f} by the tariff of the file")
    assert tank == f"tank T1: {record.lowest['T1']:.2f} to {record.highest['T1']:.2f} m (it holds 0.50 to 6.00)"


def test_what_costs_nothing_has_no_cost(net1: Path) -> None:
    with Hydraulics(net1) as water:
        water.advance(60)
        assert "tariff" not in " ".join(day_lines(water.day(), water.network))
