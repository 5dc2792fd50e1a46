"""What the conditions of a plan name, whether they hold, and what is wrong with one in a plant."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from edge_agent.expressions.grammar import ExpressionError
from edge_agent.expressions.quantities import Calculated, Number, Shows, in_unit_of
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import OFFLINE
from edge_agent.model.spelling import did_you_mean, one_of, show
from edge_agent.model.units import QUANTITIES, conversion
from edge_agent.plan.conditions.clauses import ActuatorIs, Clause, Compared, Joined, NodeIs, Not, Raised, TariffIs
from edge_agent.plan.conditions.possible import possible
from edge_agent.plan.conditions.text import parse
from edge_agent.plan.periods import no_period, period_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.expressions.quantities import Term
    from edge_agent.model.fitness import Place
    from edge_agent.plan.conditions.circumstances import Circumstances
    from edge_agent.plan.conditions.clauses import Truth
    from edge_agent.plan.scene import Known


_WORDS = {True: "holds", False: "does not hold", None: "nobody knows"}


@lru_cache(32_768)
def compiled(text: str) -> Truth:
    """Return the closure that finds out whether a condition holds. Raises ExpressionError where it is none."""
    return parse(text).compiled()


def truths(texts: Iterable[str], around: Circumstances) -> list[bool | None]:
    """Return whether each of some conditions holds: all are asked, for some may have to last."""
    return [compiled(text)(around) for text in texts]


def how(text: str, around: Circumstances) -> str:
    """Return in words whether a condition holds."""
    return _WORDS[compiled(text)(around)]


def never_known(texts: Iterable[str], around: Circumstances) -> bool:
    """Whether nobody knows of one that is about no sensor: there is no evidence to wait for."""
    return any(compiled(text)(around) is None and not any("/" in name for name in named((text,))) for text in texts)


def _terms(texts: Iterable[str]) -> Iterator[Term]:
    for text in texts:
        yield from parse(text).all()


def alarms(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the alarms that some conditions name, each once."""
    return _alarms(tuple(texts))


@lru_cache(32_768)  # asked each time a plan is looked at
def _alarms(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(term.alarm for term in _terms(texts) if isinstance(term, Raised)))


def named(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the sensors and nodes that some conditions name themselves, each once."""
    return _named(tuple(texts))


@lru_cache(32_768)
def _named(texts: tuple[str, ...]) -> tuple[str, ...]:
    found = dict.fromkeys(
        term.sensor if isinstance(term, Shows) else term.node
        for term in _terms(texts)
        if isinstance(term, Shows | NodeIs)
    )
    return tuple(found)


def places(texts: Iterable[str]) -> tuple[str, ...]:
    """Return what conditions and their alarms are of, each once: sensors, nodes, and actuators."""
    texts = tuple(texts)
    keys = (AlarmKey.parse(alarm) for alarm in alarms(texts))
    of_alarms = (f"{key.node}/{key.sensor}" if key.sensor else key.node for key in keys)
    return tuple(dict.fromkeys((*of_alarms, *named(texts))))


def asserted(texts: Iterable[str]) -> Iterator[str]:
    """Yield the alarms whose being active makes a condition true, rather than their being over."""
    for text in texts:
        yield from _asserted(parse(text), positive=True)


def _asserted(clause: Clause, *, positive: bool) -> Iterator[str]:
    if isinstance(clause, Not):
        yield from _asserted(clause.clause, positive=not positive)
    elif isinstance(clause, Joined):
        for one in clause.clauses:
            yield from _asserted(one, positive=positive)
    elif isinstance(clause, Raised) and positive:
        yield clause.alarm


def compared(texts: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Return the sensors that are compared with a number, each with a thousandth of that: what should move."""
    return tuple(
        (term.left.sensor, abs(term.right.value) / 1000)
        for term in _terms(texts)
        if isinstance(term, Compared) and isinstance(term.left, Shows) and isinstance(term.right, Number)
    )


def crossed(texts: Iterable[str], sensor: str, unit: str) -> Iterator[tuple[bool, float]]:
    """Yield the numbers that a sensor is compared with, in its unit, and whether it has to lie above each."""
    for term in _terms(texts):
        if isinstance(term, Compared) and term.left == Shows(sensor) and isinstance(term.right, Number):
            limit = term.right.value
            yield term.operator.startswith(">"), in_unit_of(unit, term.unit, limit) if term.unit and unit else limit


def elsewhere(text: str, sensor: str, by: str) -> str:
    """Return the same condition of another sensor."""
    return re.sub(rf"(?<![\w/-]){re.escape(sensor)}(?![\w/-])", by, text)


def misfits(path: Place, text: str, known: Known) -> Iterator[Misfit]:
    """Find what is wrong with a condition, with its place in the text, and what it names in vain."""
    try:
        clause = parse(text)
    except ExpressionError as error:
        yield Misfit(path, f"{show(text)}: {error.wrong} at column {error.column}", error.expected)
        return
    found: list[Misfit] = []
    for term in dict.fromkeys(clause.all()):
        found += _unnamed(path, term, known)
        if isinstance(term, Compared):
            found += _comparison(path, term, known)
    yield from found
    if not found and not possible((text,), known):
        yield Misfit(
            path, f"{show(text)} can never be true: its parts exclude each other", "parts that can hold at once"
        )


def _unnamed(path: Place, term: Term, known: Known) -> Iterator[Misfit]:
    if isinstance(term, Shows) and term.sensor not in known.sensors:
        wrong = f"{show(term.sensor)} is no sensor of this plant"
        yield Misfit(path, wrong, one_of(known.sensors, term.sensor))
    elif isinstance(term, ActuatorIs) and term.actuator not in known.actuators:
        wrong = f"{show(term.actuator)} is no actuator of this plant"
        yield Misfit(path, wrong, one_of(known.actuators, term.actuator))
    elif isinstance(term, NodeIs) and f"{term.node}:{OFFLINE}" not in known.alarms:
        yield Misfit(path, f"{show(term.node)} is no node of this plant", "one that is declared")
    elif isinstance(term, Raised) and term.alarm not in known.alarms:
        guess = did_you_mean(term.alarm, known.alarms) if len(known.alarms) <= 10_000 else ""
        yield Misfit(path, f"{show(term.alarm)} is no alarm of this plant", f"one that is declared{guess}")
    elif isinstance(term, TariffIs) and term.period not in period_names(known.provisions):
        yield no_period(path, term.period, known)


def _comparison(path: Place, term: Compared, known: Known) -> Iterator[Misfit]:
    """Find units that do not go together, and what no good reading can ever fulfil."""
    sensors = [sensor for sensor in term.sensors() if isinstance(known.sensors.get(sensor), str)]
    quantities = [known.sensors[sensor] for sensor in sensors]
    if not term.sensors():
        yield Misfit(path, f"{show(str(term))} is about no sensor", "a sensor in it")
    elif term.unit and not all(conversion(quantity, term.unit, term.unit) for quantity in quantities):
        units = QUANTITIES.get(quantities[0], ())
        yield Misfit(path, f"{show(term.unit)} is not a unit of {quantities[0]}", one_of(units, term.unit))
    elif len({known.units.get(sensor) for sensor in sensors}) > 1 and not _multiplies(term):
        both = " and ".join(f"{sensor} is in {known.units.get(sensor)}" for sensor in sensors)
        yield Misfit(path, both, "sensors in one unit")
    else:
        yield from _never(path, term, known)


def _multiplies(term: Compared) -> bool:
    return any(isinstance(part, Calculated) and part.operator in "*/" for part in term.all())


def _never(path: Place, term: Compared, known: Known) -> Iterator[Misfit]:
    if isinstance(term.left, Shows) and isinstance(term.right, Number):
        limit, unit = term.right.value, known.units.get(term.left.sensor)
        if term.unit and isinstance(unit, str):
            limit = in_unit_of(unit, term.unit, limit)
        lowest, highest = known.ranges.get(term.left.sensor, (float("-inf"), float("inf")))
        side = "below" if term.operator.startswith("<") else "above"
        if (side == "below" and limit <= lowest) or (side == "above" and limit >= highest):
            wrong = f"no good reading of {term.left.sensor} lies {side} {limit:g}"
            yield Misfit(path, wrong, f"one between {lowest:g} and {highest:g}")
