"""What faults make of the values of sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.simulate.faults import Faults


class Distortion:
    """Bends values as the faults in force say. Freezing and drifting begin with the first value they meet."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._shown: dict[str, float] = {}
        self._drifting_since: dict[str, float] = {}

    def distort(self, sensor: str, value: float, seconds: float) -> float | None:
        """Give what a sensor (`node/sensor`) shows instead of a true value; None where it shows nothing."""
        if not self._faults.faults:  # as a rule: weeks go by in seconds
            self._shown.clear()
            return value
        if self._faults.active(sensor, "silence", seconds):
            return None
        shows = self._faults.active(sensor, "show", seconds)
        if shows is not None:
            return shows.amount
        if self._faults.active(sensor, "freeze", seconds):
            return self._shown.setdefault(sensor, value)
        self._shown[sensor] = shown = value + self._drift(sensor, seconds) + self._spike(sensor, seconds)
        return shown

    def _drift(self, sensor: str, seconds: float) -> float:
        drift = self._faults.active(sensor, "drift", seconds)
        if drift is None:
            self._drifting_since.pop(sensor, None)
            return 0.0
        return drift.amount * (seconds - self._drifting_since.setdefault(sensor, seconds))

    def _spike(self, sensor: str, seconds: float) -> float:
        spike = self._faults.active(sensor, "spike", seconds)
        return self._faults.spike(spike.amount) if spike else 0.0
