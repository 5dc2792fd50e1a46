"""One limit of a sensor as an ISA-18.2 alarm: on-delay, deadband, off-delay."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from edge_agent.analyze.measures.registry import measure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Threshold


class LimitAlarm:
    """Raised when the value stays beyond the limit for the on-delay, cleared when it stays back for the off-delay.

    Beyond means strictly, and so does back: below `limit - deadband` for a high limit, above `limit + deadband` for a
    low one. Times are monotonic seconds of receipt; between two readings the last holds.
    A reading that is not good, or silence, lets a running delay begin anew. It is doubted when suspect readings, good
    ones among them, stay beyond the limit for the on-delay.
    Source: ANSI/ISA-18.2-2016, 5.6 and annex on alarm attributes.
    """

    __slots__ = ("_back", "_doubted", "_high", "_since", "_state", "active", "figure", "measure", "name", "threshold")

    def __init__(self, threshold: Threshold) -> None:
        self.name = threshold.name
        self.active = False
        self._since: float | None = None  # since when the value is on the other side, while the delay runs
        self._doubted: float | None = None  # since when suspect readings say that it is beyond
        self.figure = 0.0  # what was compared last
        self._state: object = None  # what the measure remembers
        self._take(threshold)

    def __repr__(self) -> str:
        return f"LimitAlarm({self.threshold.alarm}, {'active' if self.active else 'at rest'})"

    def _take(self, threshold: Threshold) -> None:
        self.threshold = threshold
        self.measure = measure_of(threshold.measure, threshold.parameters)
        self._high = threshold.above
        self._back = threshold.clears_at

    def goes_on_as(self, threshold: Threshold) -> bool:
        """Whether its state means the same by a changed threshold: on the same side, and for people as before."""
        before = self.threshold
        return (before.side, before.annunciated) == (threshold.side, threshold.annunciated)

    def adopt(self, threshold: Threshold) -> None:
        """Put a changed limit, deadband, delay or priority in force; the state stays.

        A running delay runs on only where all that crossed before crosses now as well: else nobody knows since when.
        """
        before, measured = self.crossing, self.measure
        self._take(threshold)
        if self.measure != measured:
            self._state = None
            self.restart()
        upwards = self._high is not self.active
        if self.crossing > before if upwards else self.crossing < before:
            self.restart()

    @property
    def crossing(self) -> float:
        """The value that has to be passed for the state to change."""
        return self._back if self.active else self.threshold.limit

    def quiet_range(self) -> tuple[float, float]:
        """Values that change nothing: while it is neither on its way nor doubted, those that do not cross.

        None where the figure is not the value itself.
        """
        if not self.measure.is_value or self._since is not None or self._doubted is not None:
            return (inf, -inf)
        if self.active:
            return (self._back, inf) if self._high else (-inf, self._back)
        return (-inf, self.threshold.limit) if self._high else (self.threshold.limit, inf)

    def times(self, interval_seconds: float) -> Iterator[float]:
        """Yield the monotonic times at which a running delay, or doubt, comes to something.

        One that has run for an interval of the sensor must be remembered.
        """
        if self._since is not None:
            yield self._since + self._delay_seconds
            if self.measure.is_value:
                yield self._since + interval_seconds
        if self._doubted is not None:
            yield self._doubted + self.threshold.on_delay_seconds

    @property
    def _delay_seconds(self) -> float:
        return self.threshold.off_delay_seconds if self.active else self.threshold.on_delay_seconds

    @property
    def pending(self) -> bool:
        """Whether a delay is running, so that time alone can change it."""
        return self._since is not None

    def beyond_seconds(self, seconds: float) -> float:
        """Return how long the value has been on the other side."""
        return 0.0 if self._since is None else seconds - self._since

    def update(self, value: float, seconds: float, at: float | None = None) -> bool:
        """Compare a good value, observed `at`. Return whether the alarm may be due, which `due` then decides."""
        self._state, figure = self.measure.update(value, seconds if at is None else at, self._state)
        if figure is not None and self.measure.foresees:  # what is beyond already counts as well
            figure = max(figure, value) if self._high else min(figure, value)
        if figure is not None:
            self.figure = figure
        if figure is not None and self._crossed(figure):
            if self._since is None:
                self._since = seconds
            return True
        self.restart()
        return False

    def restart(self) -> None:
        """Restart running delays, with the next reading."""
        self._since = self._doubted = None

    def resume(self, since: float) -> None:
        """Resume a running delay from an earlier time, at which a former run began it."""
        if self._since is not None:
            self._since = min(self._since, since)

    def doubt(self, value: float, seconds: float, *, suspect: bool) -> None:
        """Note a value that is not good, suspect or worse. What is doubted stays so until `update` or `restart`."""
        since, self._since = self._since, None
        if self.active or self.is_doubted(seconds):
            return
        if not suspect or not self.measure.is_value or not self._crossed(value):
            self._doubted = None
        elif self._doubted is None:
            self._doubted = seconds if since is None else since

    @property
    def doubting(self) -> bool:
        """Whether suspect readings stand beyond the limit, for the on-delay or not yet."""
        return self._doubted is not None

    def is_doubted(self, seconds: float) -> bool:
        """Whether it would be active if suspect readings counted."""
        return self._doubted is not None and seconds >= self._doubted + self.threshold.on_delay_seconds

    def _crossed(self, value: float) -> bool:
        if self.active:
            return value < self._back if self._high else value > self._back
        return value > self.threshold.limit if self._high else value < self.threshold.limit

    def due(self, seconds: float) -> bool:
        """Whether the running delay is over; then the state has changed, and `active` says to what."""
        if self._since is None:
            return False
        if seconds < self._since + self._delay_seconds:
            return False
        self.active = not self.active
        self.restart()
        return True

    def remember(self) -> None:
        """Resume an alarm that was active when a former run ended."""
        self.active = True
