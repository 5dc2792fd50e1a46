"""The summary at the end: numbers in, tables out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from edge_agent.demo.wording import duration_text, number, outcomes
from edge_agent.model.quality import Flag, flag_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.commands import CommandState


class Range(NamedTuple):
    """The lowest and the highest level of a tank, in the unit of its sensor."""

    lowest: float
    highest: float


class TankTotals(NamedTuple):
    """How a tank fared. `limits`: what it was to stay between, None where nothing says so."""

    name: str
    unit: str
    agent: Range
    native: Range
    limits: tuple[float | None, float | None] = (None, None)


class PumpTotals(NamedTuple):
    """How often a pump started, the energy it used in kWh, and what that cost by the network's tariff (0: none)."""

    name: str
    starts: int
    energy_kwh: float
    native_starts: int
    native_energy_kwh: float
    cost: float = 0.0
    native_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Everything the summary says. `native` members are those of EPANET's own controls over the same plant time."""

    site: str
    plant_seconds: float
    real_seconds: float
    speed: float
    broker: str
    readings: Mapping[str, int]
    dead_letters: Mapping[str, int]
    raised: Mapping[str, int]
    cleared: Mapping[str, int]
    outcomes: Mapping[CommandState, int]
    open_commands: int = 0
    tanks: tuple[TankTotals, ...] = ()
    pumps: tuple[PumpTotals, ...] = field(default=())


def summary(numbers: Totals) -> Group:
    """Draw the summary: what the plant did, and what the agent did."""
    lasted = f"{duration_text(numbers.plant_seconds)} of plant time in {duration_text(numbers.real_seconds)}"
    about = Text(f"{lasted} ({numbers.speed:g}x, broker {numbers.broker})")
    return Group(Text(), Text(numbers.site, "bold"), about, _plant(numbers), _agent(numbers))


def _plant(numbers: Totals) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("The plant")
    for heading in ("agent", "EPANET's controls", "limit"):
        table.add_column(heading, justify="right")
    for tank in numbers.tanks:
        _tank(table, tank)
    for pump in numbers.pumps:
        table.add_row(f"{pump.name} starts", str(pump.starts), str(pump.native_starts))
    if numbers.pumps:
        energy = sum(pump.energy_kwh for pump in numbers.pumps)
        native = sum(pump.native_energy_kwh for pump in numbers.pumps)
        table.add_row("pump energy, kWh", number(energy), number(native))
        cost, native_cost = (
            sum(costs) for costs in zip(*((p.cost, p.native_cost) for p in numbers.pumps), strict=True)
        )
        if cost or native_cost:
            table.add_row("cost by the tariff", number(cost), number(native_cost))
    return table


def _tank(table: Table, tank: TankTotals) -> None:
    low, high = tank.limits
    kept_low = low is None or tank.agent.lowest >= low
    kept_high = high is None or tank.agent.highest <= high
    rows = (
        ("lowest", tank.agent.lowest, tank.native.lowest, low, kept_low),
        ("highest", tank.agent.highest, tank.native.highest, high, kept_high),
    )
    for word, agent, native, limit, kept in rows:
        told = "" if limit is None else f"{number(limit)} {'kept' if kept else 'NOT KEPT'}"
        style = "" if kept else "bold red"
        table.add_row(f"{tank.name} {word}, {tank.unit}", number(agent), number(native), told, style=style)


def _agent(numbers: Totals) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("The agent")
    table.add_column("")
    flags = {flag_name(flag): numbers.readings.get(flag_name(flag), 0) for flag in Flag}
    shown = {name: count for name, count in flags.items() if count or name == "good"}
    table.add_row("readings", _counts(shown))
    table.add_row("dead letters", _counts(numbers.dead_letters) or "none")
    for title, events in (("alarms raised", numbers.raised), ("alarms cleared", numbers.cleared)):
        table.add_row(title, _counts(events) or "none")
    table.add_row("commands", outcomes(numbers.outcomes, numbers.open_commands) or "none")
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
