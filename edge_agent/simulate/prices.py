"""What energy costs, as the network's file says: prices by pump and by the hour of a pattern.

Source: EPANET 2.3, section [ENERGY] of the file; a pump's own price and pattern come before the global ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Price(NamedTuple):
    """A price per kWh, and what it is multiplied with in each period of its pattern."""

    base: float
    multipliers: tuple[float, ...]


class NetworkPrices:
    """Prices per kWh in the file's currency, by pump; 0 where the file names none."""

    def __init__(self, prices: Mapping[str, _Price], step_seconds: int, start_seconds: int) -> None:
        self._prices, self._step, self._start = prices, step_seconds, start_seconds

    def at(self, seconds: int) -> dict[str, float]:
        """Return the prices at a hydraulic time."""
        period = (seconds + self._start) // self._step
        return {
            pump: price.base * price.multipliers[period % len(price.multipliers)]
            for pump, price in self._prices.items()
        }


def read_prices(toolkit: Any, project: Any, pumps: Mapping[str, int]) -> NetworkPrices:  # noqa: ANN401 - it ships no types
    """Read the prices of a network, given its pumps by name and index. The toolkit's exceptions pass through."""
    return NetworkPrices(
        {pump: _price(toolkit, project, index) for pump, index in pumps.items()},
        int(toolkit.gettimeparam(project, toolkit.PATTERNSTEP)),
        int(toolkit.gettimeparam(project, toolkit.PATTERNSTART)),
    )


def _price(toolkit: Any, project: Any, pump: int) -> _Price:  # noqa: ANN401 - the toolkit ships no types
    own = toolkit.getlinkvalue(project, pump, toolkit.PUMP_ECOST)
    pattern = int(toolkit.getlinkvalue(project, pump, toolkit.PUMP_EPAT))
    pattern = pattern or int(toolkit.getoption(project, toolkit.GLOBALPATTERN))
    base = own or toolkit.getoption(project, toolkit.GLOBALPRICE)
    if not pattern:
        return _Price(base, (1.0,))
    periods = range(1, toolkit.getpatternlen(project, pattern) + 1)
    return _Price(base, tuple(toolkit.getpatternvalue(project, pattern, period) for period in periods))
