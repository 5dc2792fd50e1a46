"""What a scrape sees of the plant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.accounts import actuator_account, plan_accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.known import Knowledge
    from edge_agent.model.accounts import ActuatorAccount, PlanAccount
    from edge_agent.model.plant import Threshold
    from edge_agent.model.remembered import SensorView, Snapshot
    from edge_agent.ports.clock import Clock

#: Sensors of one look: about two milliseconds of the loop.
_SENSORS = 500


class PlantWatch:
    """Looks at what the agent knows, a piece at a time, so that no turn waits for long."""

    def __init__(self, knowledge: Knowledge, clock: Clock) -> None:
        self._knowledge, self._clock = knowledge, clock

    def outline(self) -> Snapshot:
        """Return a frozen view of everything but the sensors."""
        return self._knowledge.outline(self._clock.now())

    def sensors(self) -> Iterator[tuple[SensorView, ...]]:
        """Yield frozen views of the sensors, some at a time."""
        return self._knowledge.sensor_views(self._clock.now, _SENSORS)

    def thresholds(self) -> Iterator[list[Threshold]]:
        """Yield the thresholds in force, those of some sensors at a time."""
        return self._knowledge.analyzer.thresholds(_SENSORS)

    def plan_accounts(self) -> Iterator[PlanAccount]:
        """Yield what each plan says for itself at a moment after the last."""
        return plan_accounts(self._knowledge, self._clock.now)

    def actuator_account(self, actuator: str) -> ActuatorAccount | None:
        """Return what an actuator says for itself now; None where there is no such."""
        return actuator_account(self._knowledge, actuator, self._clock.now())
