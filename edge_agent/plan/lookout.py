"""Which plans, or interlocks, have to be looked at in a turn: something has changed, or their time has come."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.evidence import Sight


class Attentive(Protocol):
    """A plan, or an interlock: what it waits to hear of, and when time alone may change it."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def alarms(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def listens(self) -> tuple[str, ...]: ...  # noqa: D102

    def due_seconds(self, sight: Sight, seconds: float) -> float: ...  # noqa: D102


_A = TypeVar("_A", bound=Attentive)

#: So many times are kept for each plan at the most, those among them that do not count any more.
_MOST_ENTRIES = 4


class Lookout(Generic[_A]):
    """Finds plans by the alarms they name, by what they wait to hear of, and by when time alone may change them.

    So a turn in which nothing happens costs the same with one plan and with a thousand.
    """

    def __init__(self) -> None:
        self._states: Mapping[str, _A] = {}
        self._order: dict[str, int] = {}
        self._interested: dict[str, set[str]] = {}  # by alarm, sensor or node: plans
        self._named: dict[str, tuple[str, ...]] = {}  # by plan: where it stands among the interested
        self._due: dict[str, float] = {}
        self._times: list[tuple[float, str]] = []
        self._all = True

    def __repr__(self) -> str:
        return f"<Lookout for {len(self._states)} plans>"

    def survey(self, states: Mapping[str, _A]) -> None:
        """Begin with other plans: all of them are looked at next."""
        self._states = states
        self._order = {name: place for place, name in enumerate(states)}
        self._interested, self._named, self._due, self._times = {}, {}, {}, []
        self._all = True

    def minds(self, name: str) -> bool:
        """Whether any of them waits to hear of an alarm, a sensor, a node or an actuator."""
        return bool(self._interested.get(name))

    def look_at_all(self) -> None:
        """Look at all plans next."""
        self._all = True

    def take(self, changed: Iterable[str], seconds: float) -> list[_A]:
        """Return the plans to look at now, in their order; each has to be filed again."""
        if self._all:
            self._all = False
            return list(self._states.values())
        found: set[str] = set()
        for name in changed:
            found |= self._interested.get(name, frozenset())
        while self._times and self._times[0][0] <= seconds:
            due, plan = heappop(self._times)
            if self._due.get(plan) == due:
                found.add(plan)
                del self._due[plan]
        return [self._states[plan] for plan in sorted(found, key=self._order.__getitem__)]

    def file(self, state: _A, sight: Sight, seconds: float) -> None:
        """Note what a plan that was looked at waits for."""
        plan = state.name
        named = tuple(dict.fromkeys((*state.alarms, *state.listens)))
        before = self._named.get(plan, ())
        if named != before:
            for name in before:
                self._interested[name].discard(plan)
            for name in named:
                self._interested.setdefault(name, set()).add(plan)
            self._named[plan] = named
        due = state.due_seconds(sight, seconds)
        if due < self._due.get(plan, float("inf")):  # one that is due later than before is looked at in between
            self._due[plan] = due
            heappush(self._times, (due, plan))
            if len(self._times) > _MOST_ENTRIES * len(self._states):
                self._times = [(at, name) for name, at in self._due.items()]
                heapify(self._times)

    def next_seconds(self) -> float:
        """Return the monotonic time at which time alone may change a plan; infinite where it changes none."""
        while self._times and self._due.get(self._times[0][1]) != self._times[0][0]:
            heappop(self._times)
        return self._times[0][0] if self._times else float("inf")
