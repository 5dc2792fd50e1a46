"""Keeps the account of a running network: switches, starts, energy and its cost, lowest and highest levels."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_agent.simulate.network import DayRecord, Switch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.simulate.network import Network

_KEPT_SWITCHES = 10_000


class Account:
    """What has happened so far. Give it every solved instant, and then the time until the next."""

    def __init__(self, network: Network) -> None:
        pumps = network.of_kind("pump")
        self.energy_kwh = dict.fromkeys(pumps, 0.0)
        self._cost = dict.fromkeys(pumps, 0.0)
        self._starts = dict.fromkeys(pumps, 0)
        self._switches: deque[Switch] = deque(maxlen=_KEPT_SWITCHES)
        self._running: Mapping[str, bool] = {}
        self._power_kw: Mapping[str, float] = {}
        self._lowest: dict[str, float] = {}
        self._highest: dict[str, float] = {}

    def note(
        self, seconds: int, running: Mapping[str, bool], power_kw: Mapping[str, float], levels: Mapping[str, float]
    ) -> None:
        """Record a solved instant: which pumps run, what they draw, how full the tanks are."""
        for pump, runs in running.items():
            if pump in self._running and runs is not self._running[pump]:
                self._switches.append(Switch(seconds, pump, runs))
                self._starts[pump] += runs
        self._running, self._power_kw = running, power_kw
        for tank, level in levels.items():
            self._lowest[tank] = min(level, self._lowest.get(tank, level))
            self._highest[tank] = max(level, self._highest.get(tank, level))

    def add_energy(self, seconds: int, prices: Mapping[str, float]) -> None:
        """Add the energy of a time in which the pumps ran as at the last solved instant, at prices per kWh."""
        for pump, power_kw in self._power_kw.items():
            energy_kwh = power_kw * seconds / 3600
            self.energy_kwh[pump] += energy_kwh
            self._cost[pump] += energy_kwh * prices.get(pump, 0.0)

    def record(self, seconds: int) -> DayRecord:
        """Write down what happened until now."""
        return DayRecord(
            seconds,
            tuple(self._switches),
            dict(self._starts),
            dict(self.energy_kwh),
            dict(self._lowest),
            dict(self._highest),
            dict(self._cost),
        )
