"""The lock-out: equipment that fails again and again is left alone until a person has looked at it."""

from __future__ import annotations


class LockOut:
    """Counts the failures of one actuator in a row; `why` is what was not carried out last."""

    def __init__(self, after: int) -> None:
        self._after = after
        self.failures = 0
        self.why = ""

    def __repr__(self) -> str:
        return f"<LockOut: {self.failures} of {self._after} failures, {'locked' if self.locked else 'free'}>"

    @property
    def locked(self) -> bool:
        """Whether a person must look at it before anything but the fail-safe action is commanded."""
        return self.failures >= self._after

    def fail(self, why: str) -> None:
        """Count a failure of the equipment."""
        self.failures += 1
        self.why = why

    def reset(self) -> None:
        """Begin anew: a person has looked at it."""
        self.failures, self.why = 0, ""
