"""The record of a simulated day in words: energy and its cost, starts, lowest and highest levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.simulate.network import DayRecord, Network


def day_lines(record: DayRecord, network: Network) -> Iterator[str]:
    """Yield what pumps and tanks did since the start, a line each."""
    minutes = record.seconds // 60
    yield f"{minutes // 60} h {minutes % 60} min of water"
    for pump, energy in record.energy_kwh.items():
        yield f"pump {pump}: {_used(record.starts[pump], energy, record.cost.get(pump, 0.0))}"
    if len(record.energy_kwh) > 1:
        energy, cost = sum(record.energy_kwh.values()), sum(record.cost.values())
        yield f"all pumps: {_used(sum(record.starts.values()), energy, cost)}"
    for tank, lowest in record.lowest.items():
        limits, unit = network.tanks[tank], network.units.length
        between = f"{limits.lowest:.2f} to {limits.highest:.2f}"
        yield f"tank {tank}: {lowest:.2f} to {record.highest[tank]:.2f} {unit} (it holds {between})"


def _used(starts: int, energy_kwh: float, cost: float) -> str:
    times = "1 start" if starts == 1 else f"{starts} starts"
    paid = f", {cost:,.2f} by the tariff of the file" if cost else ""
    return f"{times}, {energy_kwh:,.1f} kWh{paid}"
