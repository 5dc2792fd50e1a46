"""Limits that people change while the agent runs: in force as they are written, and reported where they look wrong."""

from __future__ import annotations

import asyncio
from itertools import chain, groupby
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.model.limitorder import Acts, disorders
from edge_agent.model.revision import touched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Plant, Threshold
    from edge_agent.ports.policy import PlantSource

#: Sensors that are named in the log at once, and in the note; the others are counted.
MOST_NAMED = 10


class Retuned:
    """The plant from `source`, a PlantSource, with a warning for each sensor whose limits are out of order.

    A plant file with such limits is refused. A change in the store is the word of whoever is responsible, and two
    limits that are moved one after the other may cross in between: it counts at once, and is reported until mended.
    """

    def __init__(self, source: PlantSource) -> None:
        self._source = source
        self._known: dict[str, str] = {}
        self._thresholds: tuple[Threshold, ...] = ()

    def __repr__(self) -> str:
        return f"Retuned({len(self._known)} sensors with limits out of order)"

    async def version(self) -> object:
        """Read what changes whenever the plant or its policy does."""
        return await self._source.version()

    async def plant(self) -> Plant:
        """Read the plant in force, and note the limits that are out of order."""
        plant = await self._source.plant()
        # In a thread: a large plant has tens of thousands of limits, and the loop turns meanwhile.
        self._tell(await asyncio.to_thread(self._find, plant.policy.thresholds))
        return plant

    def _find(self, thresholds: tuple[Threshold, ...]) -> dict[str, str]:
        """Return by sensor what is wrong with its limits; those that are the same objects as before are known."""
        where = touched(self._thresholds, thresholds)
        self._thresholds = thresholds
        found = _out_of_order(each for each in thresholds if (each.node, each.sensor) in where)
        kept = {name: wrong for name, wrong in self._known.items() if tuple(name.split("/")) not in where}
        return dict(sorted((kept | found).items()))

    def notes(self) -> dict[str, str]:
        """Return the note of the health, `thresholds`; empty where all limits are in order."""
        if not self._known:
            return {}
        named = [f"{sensor}: {wrong}" for sensor, wrong in list(self._known.items())[:MOST_NAMED]]
        more = [f"{len(self._known) - MOST_NAMED} more sensors"] if len(self._known) > MOST_NAMED else []
        return {"thresholds": "limits out of order, in force as they are: " + "; ".join(named + more)}

    def _tell(self, found: dict[str, str]) -> None:
        fresh = [(sensor, wrong) for sensor, wrong in found.items() if self._known.get(sensor) != wrong]
        for sensor, wrong in fresh[:MOST_NAMED]:
            logger.bind(sensor=sensor, limits=wrong).warning("Limits are out of order, and in force as they are")
        if len(fresh) > MOST_NAMED:
            logger.bind(sensors=len(fresh) - MOST_NAMED).warning("More limits are out of order, and in force")
        if self._known and not found:
            logger.info("All limits are in order again")
        self._known = found


def _out_of_order(thresholds: Iterable[Threshold]) -> dict[str, str]:
    """Return by sensor what is wrong with its limits; `thresholds` are sorted, as those of a Policy are."""
    found: dict[str, str] = {}
    for (node, sensor), limits in groupby(thresholds, lambda threshold: (threshold.node, threshold.sensor)):
        places: dict[str, list[Acts]] = {}
        for each in limits:
            acts = Acts(each.name, each.above, each.limit, each.clears_at, each.annunciated)
            places.setdefault(each.measure, []).append(acts)
        found_wrong = chain.from_iterable(disorders(each) for each in places.values())
        wrong = [f"{one.lower} {one.wrong}" if one.member == "limit" else one.wrong for one in found_wrong]
        if wrong:
            found[f"{node}/{sensor}"] = ", ".join(wrong)
    return found
