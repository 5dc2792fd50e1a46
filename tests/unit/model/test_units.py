"""Units: conversions against known pairs, round trips, and what is no unit of a quantity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.units import QUANTITIES, conversion


def convert(value, quantity, unit, to):
    found = conversion(quantity, unit, to)
    assert found is not None
    return value * found.scale + found.offset


@pytest.mark.parametrize(
    ("value", "quantity", "unit", "to", "expected"),
    [
        (1, "level", "ft", "m", 0.3048), (1, "level", "m", "ft", 3.280839895), (250, "level", "cm", "m", 2.5),
        (1, "flow", "L/s", "m3/h", 3.6), (100, "flow", "gpm", "L/s", 6.30901964),
        (1, "flow", "mgd", "m3/d", 3785.411784),
        (1, "flow", "cfs", "L/s", 28.316846592), (24, "flow", "m3/d", "m3/h", 1), (1, "flow", "ML/d", "m3/d", 1000),
        (1, "pressure", "bar", "kPa", 100), (1, "pressure", "psi", "kPa", 6.894757293),
        (10, "pressure", "m", "kPa", 98.0665),
        (1, "pressure", "psi", "ft", 2.306658726), (32, "temperature", "F", "C", 0),
        (212, "temperature", "F", "K", 373.15),
        (-40, "temperature", "C", "F", -40), (0, "temperature", "K", "C", -273.15),
        (1, "power", "hp", "kW", 0.745699872),
        (1, "energy", "kWh", "MJ", 3.6), (1, "energy", "MWh", "kWh", 1000), (3600, "energy", "kJ", "kWh", 1),
        (50, "fill", "%", "1", 0.5), (1, "conductivity", "mS/cm", "uS/cm", 1000), (60, "frequency", "rpm", "Hz", 1),
        (1, "volume", "gal", "L", 3.785411784), (1, "volume", "ft3", "L", 28.316846592),
        (500, "chlorine", "ug/L", "mg/L", 0.5),
    ],
)  # fmt: skip
def test_known_pairs(value, quantity, unit, to, expected):
    assert convert(value, quantity, unit, to) == pytest.approx(expected, abs=1e-9)


_pairs = st.sampled_from([(q, unit, to) for q, units in QUANTITIES.items() for unit in units for to in units])


@given(_pairs, st.floats(-1e6, 1e6))
def test_there_and_back_again(pair, value):
    quantity, unit, to = pair
    there = convert(value, quantity, unit, to)
    assert convert(there, quantity, to, unit) == pytest.approx(value, rel=1e-9, abs=1e-6)


@given(_pairs, st.data(), st.floats(-1e3, 1e3))
def test_a_detour_over_a_third_unit_changes_nothing(pair, data, value):
    quantity, unit, to = pair
    over = data.draw(st.sampled_from(QUANTITIES[quantity]))
    detour = convert(convert(value, quantity, unit, over), quantity, over, to)
    direct = convert(value, quantity, unit, to)
    assert detour == pytest.approx(direct, rel=1e-9, abs=1e-6 * max(1.0, abs(direct)))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_unit_is_exactly_itself(quantity):
    for unit in QUANTITIES[quantity]:
        assert tuple(conversion(quantity, unit, unit)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("quantity", "unit", "to"),
    [("flow", "m³/h", "m3/h"), ("temperature", "°C", "C"), ("pressure", "mH2O", "m"),
     ("conductivity", "µS/cm", "uS/cm"),
     ("conductivity", "μS/cm", "µS/cm"), ("flow", "l/s", "L/s"), ("position", "", "1"), ("fill", "pct", "%")],
)  # fmt: skip
def test_other_spellings(quantity, unit, to):
    assert tuple(conversion(quantity, unit, to)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("quantity", "unit", "to"),
    [
        ("level", "bar", "m"),
        ("pressure", "bar", "m3/h"),
        ("flow", "m", "m3/h"),
        ("level", "M", "m"),
        ("magic", "m", "m"),
    ],
)
def test_a_unit_of_another_quantity_is_none(quantity, unit, to):
    assert conversion(quantity, unit, to) is None
