"""Quantities of water and their units, and conversion between units of one quantity.

A unit is `scale` and `offset` to the quantity's first unit: first = value * scale + offset.
Pressure as head takes water at 4 degrees C and standard gravity (1 mH2O = 9806.65 Pa), as EPANET does.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Conversion(NamedTuple):
    """Turns a value of one unit into another: value * scale + offset."""

    scale: float
    offset: float


_GALLON = 3.785411784e-3  # m3, US liquid gallon, exact
_FOOT = 0.3048  # m, exact
_HEAD = 9806.65  # Pa per metre of water
_PSI = 6894.757293168  # Pa

_LENGTH = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": _FOOT, "in": 0.0254}
_FLOW = {
    "m3/h": 1.0,
    "m3/s": 3600.0,
    "m3/d": 1 / 24,
    "L/s": 3.6,
    "L/min": 0.06,
    "L/h": 0.001,
    "ML/d": 1000 / 24,
    "gpm": _GALLON * 60,
    "mgd": _GALLON * 1e6 / 24,
    "cfs": _FOOT**3 * 3600,
}
_SCALES: dict[str, dict[str, float]] = {
    "level": _LENGTH,
    "fill": {"%": 1.0, "1": 100.0},
    "distance": _LENGTH,
    "head": _LENGTH,
    "pressure": {
        "bar": 1.0,
        "mbar": 0.001,
        "Pa": 1e-5,
        "kPa": 0.01,
        "MPa": 10.0,
        "psi": _PSI * 1e-5,
        "m": _HEAD * 1e-5,
        "ft": _HEAD * _FOOT * 1e-5,
    },
    "flow": _FLOW,
    "demand": _FLOW,
    "volume": {"m3": 1.0, "L": 0.001, "ML": 1000.0, "gal": _GALLON, "ft3": _FOOT**3},
    "velocity": {"m/s": 1.0, "ft/s": _FOOT},
    "power": {"kW": 1.0, "W": 0.001, "MW": 1000.0, "hp": 0.745699871582},
    "energy": {"kWh": 1.0, "Wh": 0.001, "MWh": 1000.0, "J": 1 / 3.6e6, "kJ": 1 / 3600, "MJ": 1 / 3.6},
    "specific_energy": {"kWh/m3": 1.0, "Wh/m3": 0.001, "kWh/ML": 0.001, "J/m3": 1 / 3.6e6},
    "ratio": {"1": 1.0, "%": 0.01},
    "current": {"A": 1.0, "mA": 0.001},
    "voltage": {"V": 1.0, "mV": 0.001, "kV": 1000.0},
    "frequency": {"Hz": 1.0, "rpm": 1 / 60},
    "speed": {"1": 1.0, "%": 0.01},
    "position": {"1": 1.0, "%": 0.01},
    "turbidity": {"NTU": 1.0, "FNU": 1.0, "mNTU": 0.001},
    "chlorine": {"mg/L": 1.0, "ug/L": 0.001, "ppm": 1.0},
    "ph": {"pH": 1.0, "1": 1.0},
    "conductivity": {"uS/cm": 1.0, "mS/cm": 1000.0, "S/m": 10000.0, "mS/m": 10.0},
    "oxygen": {"mg/L": 1.0, "ppm": 1.0},
    "orp": {"mV": 1.0, "V": 1000.0},
    "vibration": {"mm/s": 1.0, "m/s": 1000.0, "in/s": 25.4},
    "state": {"1": 1.0},
    "count": {"1": 1.0},
}
_UNITS: dict[str, dict[str, Conversion]] = {
    quantity: {unit: Conversion(scale, 0.0) for unit, scale in scales.items()} for quantity, scales in _SCALES.items()
}
_UNITS["temperature"] = {
    "C": Conversion(1.0, 0.0),
    "K": Conversion(1.0, -273.15),
    "F": Conversion(5 / 9, -160 / 9),
}

#: Other spellings of a unit that nodes send.
_SPELLINGS = {
    "m³/h": "m3/h",
    "m³/s": "m3/s",
    "m³/d": "m3/d",
    "m³": "m3",
    "l/s": "L/s",
    "l/min": "L/min",
    "l/h": "L/h",
    "LPS": "L/s",
    "GPM": "gpm",
    "MGD": "mgd",
    "l": "L",
    "°C": "C",
    "degC": "C",
    "°F": "F",
    "degF": "F",
    "µS/cm": "uS/cm",
    "μS/cm": "uS/cm",
    "mg/l": "mg/L",
    "µg/L": "ug/L",
    "ph": "pH",
    "": "1",
    "mH2O": "m",
    "pct": "%",
}

#: Every quantity a sensor may have, with its units.
QUANTITIES: Mapping[str, tuple[str, ...]] = MappingProxyType({name: tuple(units) for name, units in _UNITS.items()})


@lru_cache(256)  # bounded: nobody fills our memory with invented units
def conversion(quantity: str, unit: str, to: str) -> Conversion | None:
    """Find how to turn `unit` into `to`; None where either is no unit of the quantity."""
    units = _UNITS.get(quantity, {})
    source = units.get(_SPELLINGS.get(unit, unit))
    target = units.get(_SPELLINGS.get(to, to))
    if source is None or target is None:
        return None
    return Conversion(source.scale / target.scale, (source.offset - target.offset) / target.scale)
