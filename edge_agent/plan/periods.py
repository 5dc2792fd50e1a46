"""The periods of tariffs: what conditions and timetables need of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from edge_agent.model.fitness import Misfit
from edge_agent.model.spelling import one_of, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.time import Instant
    from edge_agent.plan.scene import Known

#: The table of the plant file in which tariffs stand.
TARIFFS = "tariffs"
WINDOW_PHRASE = "a part of the day, such as 22:00-06:00"
DAYS_PHRASE = "a day of the week, or from one to another, such as mon-fri"


class Named(Protocol):
    """A time of one price."""

    @property
    def name(self) -> str: ...  # noqa: D102


class Stretch(NamedTuple):
    """From one instant up to another one period applies, or none of them."""

    period: Named | None
    since: Instant
    until: Instant


class Priced(Protocol):
    """A tariff."""

    @property
    def periods(self) -> tuple[Named, ...]: ...  # noqa: D102

    def at(self, at: Instant) -> Stretch:
        """Return which period applies at an instant, and between which instants that stays so for certain."""
        ...


def named_periods(provisions: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the names of the periods of each tariff, as they are written."""
    found: dict[str, set[str]] = {}
    for tariff, table in provisions.get(TARIFFS, {}).items():
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


def tariff_of(name: str, tariffs: Iterable[Priced]) -> Priced | None:
    """Return the tariff that has a period of a name."""
    return next((tariff for tariff in tariffs if any(one.name == name for one in tariff.periods)), None)
