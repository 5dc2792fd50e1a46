"""Conditions that exclude each other: of two valves at most one may be open, or become so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.fitness import Risk
from edge_agent.model.time import Moment
from edge_agent.plan.conditions.circumstances import Circumstances
from edge_agent.plan.interlocks.guard import Guard, Stop
from edge_agent.plan.interlocks.guarded import Outlook, actuators_in, at_once
from edge_agent.plan.provisions.interlocks import Interlock
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.plant import Plant
    from edge_agent.plan.interlocks.guard import Prospect


class Exclusive(Guard):
    """Conditions of which no command makes a second one true. Where two are, both take their fail-safe action."""

    __slots__ = ("_stops", "declared", "why")

    def __init__(self, name: str, declared: Interlock, start_seconds: float) -> None:
        super().__init__(name, start_seconds, declared.evidence_seconds, declared.timezone)
        self.declared = declared
        self.why = ""
        self._stops: dict[str, Stop] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        """Its conditions."""
        return self.declared.exclusive

    @property
    def says_so(self) -> str:
        """Which two are true at once."""
        return self.why

    def update(self, outlook: Outlook) -> bool:
        """Look whether two are true: somebody else has brought that about."""
        truths, self.due = self._truths(outlook)
        true = [text for text, truth in zip(self.texts, truths, strict=True) if truth]
        self.why = f"{' and '.join(true)} at once" if len(true) > 1 else ""
        self._stops = {}
        for text in true if self.why else ():
            for actuator in actuators_in(text):
                if at_once(text)(self._around(_with(outlook, actuator, _at_rest(outlook, actuator)), {})) is False:
                    self._stops[actuator] = Stop(self.name, f"interlock {self.name}: {self.why}")
        return True  # whoever it holds back has to look again: a word of one is about all

    def stops(self) -> Mapping[str, Stop]:
        """Return those of which the fail-safe action ends that two are true."""
        return self._stops

    def bar(self, prospect: Prospect, outlook: Outlook) -> str | None:
        """Bar what may make one true while another may be.

        What is true already goes on, whatever nobody knows of the others; where another is true as well, it does not.
        """
        concerned = [place for place, text in enumerate(self.texts) if prospect.actuator in actuators_in(text)]
        if not concerned:
            return None
        before, _ = self._truths(outlook)
        after, _ = self._truths(_with(outlook, prospect.actuator, prospect.after))
        for place in concerned:
            if after[place] is False:
                continue
            others = {other: after[other] for other in range(len(self.texts)) if other != place}
            if before[place]:
                others = {other: truth for other, truth in others.items() if truth}
            for other, truth in others.items():
                if truth is not False:
                    known = "is so" if truth else "may be so"
                    return f"{self.texts[other]} {known}, and excludes that {self.texts[place]}"
        return None

    def _truths(self, outlook: Outlook) -> tuple[list[bool | None], float]:
        """Return whether each condition is true, for however short a time, and when time alone may change that."""
        around = self._around(outlook, {})
        return [at_once(text)(around) for text in self.texts], around.due


def excluded_at_rest(plant: Plant) -> Iterator[Risk]:
    """Find conditions that exclude each other and are both true where all equipment does its fail-safe action."""
    scene = Scene((), (), Moment(0, 0.0, sure=False), plant.actuator)
    around = scene._replace(equipment=lambda name: _at_rest(Outlook(scene, lambda _: None), name))
    for name, interlock in provisions_of(Interlock, plant.policy.provisions).items():
        truths = [at_once(text)(Circumstances(around, "UTC", {})) for text in interlock.exclusive]
        true = [text for text, truth in zip(interlock.exclusive, truths, strict=True) if truth]
        if len(true) > 1:
            wrong = f"{' and '.join(true)} are so at once when nobody commands anything: the fail-safe actions break it"
            yield Risk("excluded_at_rest", ("interlocks", name, "exclusive"), wrong, "another fail_safe of one of them")


def _with(outlook: Outlook, actuator: str, words: Mapping[str, bool]) -> Outlook:
    """Return the outlook if an actuator were as some words say."""
    before = outlook.scene.equipment

    def equipment(name: str) -> Mapping[str, bool]:
        return {**before(name), **words} if name == actuator else before(name)

    return outlook._replace(scene=outlook.scene._replace(equipment=equipment))


def _at_rest(outlook: Outlook, actuator: str) -> Mapping[str, bool]:
    """Return how an actuator is that does its fail-safe action."""
    found = outlook.scene.find(actuator)
    on = found is not None and found.fail_safe in {"start", "open"}
    return {"running": on, "open": on, "stopped": not on, "closed": not on}
