"""In which unit a figure comes out, by the units of the sensors in it; and what cannot be reckoned with each other."""

from __future__ import annotations

import re
from functools import cache
from math import isclose
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.expressions.grammar import ExpressionError, parse_figure
from edge_agent.expressions.quantities import Calculated, Function, Shows
from edge_agent.model.spelling import one_of, show
from edge_agent.model.units import QUANTITIES, conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.expressions.quantities import Quantity

_HOUR_SECONDS = 3600.0
#: Units whose zero is no zero: they are not converted in a calculation.
_WITH_OFFSET = frozenset({"C", "K", "F"})
#: What units are made of: of each quantity one unit, by metre, kilogram and second. First come, first served: `m` of
#: pressure is a length, as a column of water is.
_BASE: Mapping[str, tuple[str, float, Mapping[str, int]]] = {
    "count": ("1", 1.0, {}),
    "speed": ("1", 1.0, {}),
    "level": ("m", 1.0, {"m": 1}),
    "volume": ("m3", 1.0, {"m": 3}),
    "flow": ("m3/s", 1.0, {"m": 3, "s": -1}),
    "velocity": ("m/s", 1.0, {"m": 1, "s": -1}),
    "vibration": ("m/s", 1.0, {"m": 1, "s": -1}),
    "pressure": ("Pa", 1.0, {"kg": 1, "m": -1, "s": -2}),
    "power": ("W", 1.0, {"kg": 1, "m": 2, "s": -3}),
    "energy": ("J", 1.0, {"kg": 1, "m": 2, "s": -2}),
    "specific_energy": ("J/m3", 1.0, {"kg": 1, "m": -1, "s": -2}),
    "frequency": ("Hz", 1.0, {"s": -1}),
    "chlorine": ("mg/L", 0.001, {"kg": 1, "m": -3}),
}


class Dimension(NamedTuple):
    """A unit as a product: what it counts of metres, kilograms, seconds and others, each with its power."""

    scale: float = 1.0
    powers: tuple[tuple[str, int], ...] = ()

    def times(self, other: Dimension, sign: int = 1) -> Dimension:
        """Return the unit of a product, or with -1 of a quotient."""
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, 0) + sign * power
        left = tuple(sorted((name, power) for name, power in powers.items() if power))
        return Dimension(self.scale * other.scale**sign, left)

    def is_like(self, other: Dimension) -> bool:
        """Whether both are the same unit."""
        return self.powers == other.powers and isclose(self.scale, other.scale, rel_tol=1e-9)


class _Found(NamedTuple):
    """The unit of a part; None of bare numbers. `loose`: a number in it may carry a unit, nobody knows.

    `name` is that of a sensor in it.
    """

    unit: Dimension | None
    loose: bool = False
    name: str = ""
    plain: str = ""  # as the plant file calls it, where it is the unit of sensors as they are


@cache
def _dimensions() -> dict[str, Dimension]:
    found: dict[str, Dimension] = {}
    for quantity in (*_BASE, *(name for name in QUANTITIES if name not in _BASE)):
        base, scale, powers = _BASE.get(quantity, (QUANTITIES[quantity][0], 1.0, {f"[{quantity}]": 1}))
        for unit in QUANTITIES[quantity]:
            to_base = conversion(quantity, unit, base)
            if to_base is not None:
                found.setdefault(unit, Dimension(to_base.scale * scale, tuple(sorted(powers.items()))))
    return found


def factor(text: str, units: Mapping[str, str], unit: str, quantity: str = "", *, summed: bool = False) -> float:
    """Return what a figure is multiplied by to be in a unit of a quantity; `units` are those of the sensors in it.

    `summed`: it is added up over hours. A number that multiplies or divides may carry a unit of its own: then the
    figure is taken to be in the unit already. Raises ExpressionError, with the place, where units do not go together.
    """
    found = _Reckoning(text, units).unit_of(parse_figure(text))
    if found.unit is None:
        raise ExpressionError("there is no sensor in it", 1, "one at least")
    if found.loose:
        return 1.0
    alike = None if summed else conversion(quantity, found.plain, unit)
    if alike is not None and not alike.offset:  # pressure in m, too, where a metre of a sum would be a length
        return alike.scale
    wanted = _dimensions()[unit]
    got = found.unit.times(Dimension(_HOUR_SECONDS, (("s", 1),))) if summed else found.unit
    offset = unit in _WITH_OFFSET and not any(units.get(name) == unit for name in sensors(text))
    if got.powers != wanted.powers or offset:
        over = ", added up over time," if summed else ""
        raise ExpressionError(f"what is in {_name(found.unit)}{over} comes to no {show(unit)}", 1, _expected(got))
    return 1.0 if got.is_like(wanted) else got.scale / wanted.scale


def sensors(text: str) -> tuple[str, ...]:
    """Return the sensors in a figure, each once, in their order."""
    return tuple(dict.fromkeys(part.sensor for part in parse_figure(text).all() if isinstance(part, Shows)))


class _Reckoning:
    """Finds the unit of each part of one figure."""

    def __init__(self, text: str, units: Mapping[str, str]) -> None:
        self._text, self._units = text, units

    def unit_of(self, part: Quantity) -> _Found:
        if isinstance(part, Shows):
            unit = self._units.get(part.sensor, "1")
            return _Found(_dimensions().get(unit, Dimension()), name=part.sensor, plain=unit)
        if isinstance(part, Function):
            return self._alike(part.those)
        if isinstance(part, Calculated):
            if part.operator in "+-":
                return self._alike((part.left, part.right))
            return self._multiplied(part)
        return _Found(None)

    def _multiplied(self, part: Calculated) -> _Found:
        left, right = self.unit_of(part.left), self.unit_of(part.right)
        name = left.name or right.name
        if left.unit is None and right.unit is None:
            return _Found(None)
        bare = left.unit is None or right.unit is None
        unit = (left.unit or Dimension()).times(right.unit or Dimension(), 1 if part.operator == "*" else -1)
        return _Found(unit, bare or left.loose or right.loose, name)

    def _alike(self, parts: tuple[Quantity, ...]) -> _Found:
        """Return the unit that parts which are added or compared share."""
        found = _Found(None)
        for part in parts:
            one = self.unit_of(part)
            if one.unit is None or (one.loose and found.unit is not None):
                continue
            if found.unit is not None and not found.loose and not found.unit.is_like(one.unit):
                first, second = f"{found.name} in {_name(found.unit)}", f"{one.name} in {_name(one.unit)}"
                raise ExpressionError(f"{first} and {second}", self._column(one.name), "both in one unit")
            found = one
        return found

    def _column(self, sensor: str) -> int:
        place = re.search(rf"(?<![\w/-]){re.escape(sensor)}(?![\w/-])", self._text)
        return place.start() + 1 if place else 1


def _name(unit: Dimension) -> str:
    """Name a unit: as the plant file does where that knows it, else by what it is made of."""
    for name, known in _dimensions().items():
        if known.is_like(unit):
            return name
    parts = "·".join(f"{name}^{power}" if power != 1 else name for name, power in unit.powers)
    return f"{unit.scale:g} {parts}".strip()


def _expected(unit: Dimension) -> str:
    names = [name for name, known in _dimensions().items() if known.powers == unit.powers]
    return one_of(names) if names else "a figure of the sensor's quantity"
