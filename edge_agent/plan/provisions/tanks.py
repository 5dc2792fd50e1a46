"""Tanks: what shows the level, how much water stands in a metre of it, and what fills and empties it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.figures import finite, short
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import VALUE
from edge_agent.model.spelling import one_of, show
from edge_agent.plan.provisions.spec import ProvisionKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.plant import Policy
    from edge_agent.plan.scene import Known

_SENSOR = Field(title="a sensor: node/sensor")
_FLOWS = frozenset({"flow", "demand"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tank(ProvisionKind):
    """A body of water with a level. Above its brim no level can be."""

    name: ClassVar[str] = "tank"
    table: ClassVar[str] = "tanks"
    says: ClassVar[str] = "The tanks, by id: their levels, their size, and what fills and empties them."

    level: Annotated[str, Field(title="a sensor: node/sensor", description="Which sensor shows how full it is.")]
    area_m2: Annotated[float, Field(gt=0, description="Its surface, in m2.")]
    brim: Annotated[float, Field(gt=0, description="The level at which it runs over, in the unit of the level.")]
    inflows: Annotated[
        tuple[Annotated[str, _SENSOR], ...],
        Field(strict=False, title="a list of sensors", description="What flows in: flows that add up."),
    ] = ()
    outflows: Annotated[
        tuple[Annotated[str, _SENSOR], ...],
        Field(strict=False, title="a list of sensors", description="What flows out: flows that add up."),
    ] = ()

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find sensors that there are not, of the wrong quantity, or named twice; and a level of two tanks."""
        level = given.get("level")
        if isinstance(level, str):
            yield from _sensor(("level",), level, frozenset({"level"}), known)
            others = [name for name, tank in _tables(known.provisions).items() if tank.get("level") == level]
            if len(others) > 1:
                yield Misfit(("level",), f"{show(level)} is the level of {' and '.join(others)}", "one of its own")
        seen: set[str] = set()
        for key in ("inflows", "outflows"):
            flows = given.get(key)
            for place, flow in enumerate(flows if isinstance(flows, list) else ()):
                if isinstance(flow, str):
                    yield from _sensor((key, place), flow, _FLOWS, known)
                    if flow in seen:
                        yield Misfit((key, place), f"{show(flow)} comes twice in this tank", "each flow once")
                    seen.add(flow)


def _sensor(path: tuple[str | int, ...], sensor: str, quantities: frozenset[str], known: Known) -> Iterator[Misfit]:
    quantity = known.sensors.get(sensor)
    if sensor not in known.sensors:
        yield Misfit(path, f"{show(sensor)} is no sensor of this plant", one_of(known.sensors, sensor))
    elif isinstance(quantity, str) and quantity not in quantities:
        yield Misfit(path, f"{show(sensor)} is a sensor of {quantity}", f"one of {' or '.join(sorted(quantities))}")


def _tables(provisions: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the tanks as they are written, by their ids; what is no table is passed over."""
    found = provisions.get(Tank.table, {})
    return {name: table for name, table in found.items() if isinstance(table, dict)}


def below_brims(
    ranges: Mapping[str, tuple[float, float]], provisions: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[float, float]]:
    """Return between which values good readings lie: a level not above the brim of its tank."""
    found = dict(ranges)
    for tank in _tables(provisions).values():
        level, brim = tank.get("level"), finite(tank.get("brim"))
        if isinstance(level, str) and level in found and brim is not None:
            lowest, highest = found[level]
            found[level] = lowest, min(highest, brim)
    return found


def brim_misfits(policy: Policy, provisions: Mapping[str, Mapping[str, Any]]) -> Iterator[Misfit]:
    """Find limits that no level can pass, since the tank runs over before."""
    tanks = {tank["level"]: (name, tank["brim"]) for name, tank in _tables(provisions).items()}
    for threshold in policy.thresholds if tanks else ():
        found = tanks.get(f"{threshold.node}/{threshold.sensor}")
        if found is None or threshold.measure != VALUE or not threshold.above or threshold.limit < found[1]:
            continue
        name, brim = found
        path = ("nodes", threshold.node, "sensors", threshold.sensor, "thresholds", threshold.name)
        key = "limit" if threshold.name in {"high", "high_high"} else "above"
        wrong = f"{short(threshold.limit)} is not below the brim of tank {name} ({short(brim)}): no level passes it"
        yield Misfit((*path, key), wrong, f"less than {short(brim)}")
