"""The periods of tariffs by their names, as conditions and timetables say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.fitness import Misfit
from edge_agent.model.spelling import one_of, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.plan.scene import Known

#: The table of the plant file in which tariffs stand.
_TABLE = "tariffs"


def named_periods(provisions: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the names of the periods of each tariff, as they are written."""
    found: dict[str, set[str]] = {}
    for tariff, table in provisions.get(_TABLE, {}).items():
        periods = table.get("periods") if isinstance(table, dict) else None
        names = [one.get("name") for one in (periods if isinstance(periods, list) else ()) if isinstance(one, dict)]
        found[tariff] = {name for name in names if isinstance(name, str)}
    return found


def period_names(provisions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of all periods, as they are written, in order."""
    return sorted(set().union(*named_periods(provisions).values()))


def no_period(path: tuple[str | int, ...], name: str, known: Known) -> Misfit:
    """Say that no tariff has a period of a name."""
    return Misfit(path, f"{show(name)} is no period of a tariff", one_of(period_names(known.provisions), name))


def tariff_of(name: str, tariffs: Iterable[Any]) -> Any:  # noqa: ANN401 - a Tariff, which itself looks at this
    """Return the tariff that has a period of a name."""
    return next((tariff for tariff in tariffs if any(one.name == name for one in tariff.periods)), None)
