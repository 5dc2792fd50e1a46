"""Who is under control: the actuators of the plant, and those that have left it and may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute import departure, recall
from edge_agent.execute.control import Control

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from edge_agent.execute.departure import Departure
    from edge_agent.model.plant import Actuator, Plant
    from edge_agent.model.time import Moment


class Roster:
    """The controls of all actuators by name; iterates over those of the plant first."""

    def __init__(self, actuators: Iterable[Actuator], now: Moment) -> None:
        self.plant = {actuator.name: Control(actuator, now.seconds) for actuator in actuators}
        self.leaving: dict[str, Departure] = {}  # in the plant no more, and not yet known to rest
        self._line_up()

    def __repr__(self) -> str:
        return f"<Roster: {len(self.plant)} in the plant, {len(self.leaving)} on their way out>"

    def __iter__(self) -> Iterator[Control]:
        return iter(self._all)

    def __contains__(self, control: Control) -> bool:
        return control in self._places

    def __getitem__(self, name: str) -> Control:
        return self.plant[name] if name in self.plant else self.leaving[name].control

    def of(self, node: str) -> list[Control]:
        """Return the actuators of a node."""
        return [control for control in self if control.actuator.node == node]

    def among(self, names: Iterable[str], those: Collection[Control]) -> list[Control]:
        """Return which of some controls are those of actuators of the plant that are named."""
        return [self.plant[name] for name in names if name in self.plant and self.plant[name] in those] if those else []

    def in_order(self, those: Collection[Control]) -> list[Control]:
        """Return some controls in the order of the roster, without those that are gone."""
        places = self._places
        return sorted((each for each in those if each in places), key=places.__getitem__)

    def leave(self, control: Control, now: Moment) -> None:
        """Stop an actuator that is no longer in the plant."""
        self.leaving[control.actuator.name] = departure.depart(control, now)
        self._line_up()

    def let_go(self, name: str) -> None:
        """Forget an actuator that has left the plant."""
        self.leaving.pop(name, None)
        self._line_up()

    def _line_up(self) -> None:
        self._all = (*self.plant.values(), *(leaving.control for leaving in self.leaving.values()))
        self._places = {control: place for place, control in enumerate(self._all)}

    def renew(self, plant: Plant, now: Moment) -> list[Control]:
        """Go on with a changed plant; return the controls of the actuators that are in it no more."""
        before = {control.actuator.name: control for control in self}
        self.plant = {each.name: _heir(before.get(each.name), each, now) for each in plant.actuators}
        for name in self.leaving.keys() & self.plant.keys():
            departure.come_back(self.plant[name], now)
            del self.leaving[name]
        self._line_up()
        return [known for name, known in before.items() if name not in self.plant and name not in self.leaving]


def _heir(known: Control | None, actuator: Actuator, now: Moment) -> Control:
    if known is None:
        return Control(actuator, now.seconds)
    return known if known.actuator is actuator else recall.succeeded(known, actuator, now)
