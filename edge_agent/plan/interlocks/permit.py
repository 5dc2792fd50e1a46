"""A permit: what it names may begin only while a condition is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.plan.conditions.meaning import compiled
from edge_agent.plan.interlocks.guard import Guard
from edge_agent.plan.interlocks.guarded import shown

if TYPE_CHECKING:
    from edge_agent.plan.conditions.circumstances import Circumstances
    from edge_agent.plan.interlocks.guard import Prospect
    from edge_agent.plan.interlocks.guarded import Outlook
    from edge_agent.plan.provisions.interlocks import Interlock


class Permit(Guard):
    """One permit in time. It is asked when equipment begins; what runs goes on without it: to end that is for trips."""

    __slots__ = ("_since", "declared", "permitted", "why")

    def __init__(self, name: str, declared: Interlock, start_seconds: float) -> None:
        super().__init__(name, start_seconds, declared.evidence_seconds, declared.timezone)
        self.declared = declared
        self.permitted: bool | None = None
        self.why = "nothing has been heard yet"
        self._since: dict[str, float] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        """Its condition."""
        return (self.condition,)

    @property
    def condition(self) -> str:
        """The condition that permits."""
        return self.declared.when or ""

    @property
    def says_so(self) -> str:
        """Why nothing may begin."""
        return self.why

    def update(self, outlook: Outlook) -> bool:
        """Look at the condition."""
        before = self.permitted
        around = self._around(outlook, dict(self._since))
        self.permitted = compiled(self.condition)(around)
        self._since, self.due = around.since, around.due
        self.why = "" if self.permitted else self._denial(around, outlook)
        return before is not self.permitted

    def bar(self, prospect: Prospect, outlook: Outlook) -> str | None:
        """Bar what begins unless the condition is true now."""
        if not prospect.begins or prospect.actuator not in self.actuators:
            return None
        around = self._around(outlook, dict(self._since))
        return None if compiled(self.condition)(around) else self._denial(around, outlook)

    def _denial(self, around: Circumstances, outlook: Outlook) -> str:
        when = f"{self.condition}{shown(self.texts, outlook.scene)}"
        known = compiled(self.condition)(around) is not None
        return f"it is not so that {when}" if known else f"nobody knows whether {when}"
