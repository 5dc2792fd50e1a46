"""What is known of one piece of equipment, and what protects it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_agent.model.commands import Check
from edge_agent.model.figures import apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.commands import ActuatorMemory, Reported
    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Instant, Moment

_ON = frozenset({"running", "on", "started", "open", "opened"})
_OFF = frozenset({"stopped", "off", "closed"})
_SAME = 0.02  # speeds and positions closer than this are the same: drives round
HOUR_SECONDS = 3600.0


def turns_on(action: str, value: float | None) -> bool:
    """Whether an action makes the equipment run (or the valve open)."""
    return action in {"start", "open"} or (action == "set" and (value or 0.0) > 0.0)


def reported_on(state: str) -> bool | None:
    """Read a reported state: running or open, stopped or closed, or None for a word of the node's own."""
    return True if state in _ON else False if state in _OFF else None


def fulfils(action: str, value: float | None, reported: Reported) -> bool | None:
    """Whether the equipment does what is desired; None where its report does not tell."""
    on = reported_on(reported.state)
    if on is None or on is not turns_on(action, value):
        return on if on is None else False
    if action == "set" and on and value is not None and reported.value is not None:
        return abs(reported.value - value) <= _SAME
    return True


def _since(at: Instant | None, memory: ActuatorMemory, now: Moment) -> float | None:
    if at is None:
        return None
    seconds = now.recall(at, memory.boot, memory.offset, sure=memory.sure)
    return now.seconds if seconds is None else seconds


class Equipment:
    """The best knowledge of whether one actuator runs, since when, and how often it was started lately.

    A command counts as carried out when it is given, not when it is acknowledged: equipment whose acknowledgement was
    lost may have started all the same. Its own report then tells better when. Times are monotonic seconds.
    """

    def __init__(self, actuator: Actuator) -> None:
        self.actuator = actuator
        self.running: bool | None = None
        self.started_seconds: float | None = None
        self.stopped_seconds: float | None = None
        self.starts: deque[float] = deque(maxlen=actuator.max_starts_per_hour or 1)
        self._heard = True  # what `running` says was reported or acknowledged, and not only commanded
        self._undo: tuple[bool | None, float | None, float | None, tuple[float, ...], bool] | None = None
        self._expected: bool | None = None  # what the last command makes of it, until its report or outcome

    def remember(self, memory: ActuatorMemory, now: Moment) -> None:
        """Recall what a former run knew. Where nobody can tell how long ago something was, it was just now.

        So no protection lasts longer than it is configured, and none is void.
        """
        self.running = memory.running
        self.started_seconds = _since(memory.started_at, memory, now)
        self.stopped_seconds = _since(memory.stopped_at, memory, now)
        starts = (_since(at, memory, now) for at in memory.starts)
        self.starts.extend(sorted(seconds for seconds in starts if seconds is not None))

    @property
    def heard(self) -> bool:
        """Whether what it is taken to do was reported or acknowledged, and not only commanded."""
        return self._heard

    def doubt(self) -> None:
        """Note that what a former run commanded may yet happen."""
        self._heard = False

    def command(self, *, on: bool, seconds: float) -> None:
        """Note that a command is given."""
        self._undo = (self.running, self.started_seconds, self.stopped_seconds, tuple(self.starts), self._heard)
        self._expected = None
        if on is not self.running:
            self._turn(on=on, seconds=seconds)
        elif not self._heard:  # it is given again: perhaps it will happen only now
            self._stamp(on=on, seconds=seconds)
        else:
            return
        self._expected, self._heard = on, False

    def take_back(self) -> None:
        """Forget the last command, which was not carried out: what was known before it holds again."""
        if self._undo is not None:
            self.running, self.started_seconds, self.stopped_seconds, starts, self._heard = self._undo
            self.starts.clear()
            self.starts.extend(starts)
        self.settle()

    def settle(self, *, done: bool = False) -> None:
        """Note the outcome: what is reported from now on has other causes.

        Of what is `done` the report may yet come, and tell when; what is not may have happened all the same.
        """
        self._undo = None
        if done:
            self._heard = True
        else:
            self._expected = None

    def learn(self, *, on: bool, seconds: float) -> bool:
        """Note what the equipment reports. Return whether that is news.

        The first report tells that it runs, not since when: that protects nothing and is no start.
        """
        unheard, self._heard = not self._heard, True
        if on is self._expected or (unheard and on is self.running):
            self._stamp(on=on, seconds=seconds)
            self.settle()
            return True
        if on is self.running:
            self._undo = None
            return False
        if self._undo is not None and self._undo[0] is (not on):
            self._undo = None  # it has turned since: what was known before the command holds no more
        if self.running is None:
            self.running = on
        else:
            self._turn(on=on, seconds=seconds)
        return True

    def _stamp(self, *, on: bool, seconds: float) -> None:
        """Note when it really did, or may have done, what was commanded: that was counted already."""
        self.running = on
        if not on:
            self.stopped_seconds = seconds
        else:
            self.started_seconds = seconds
            if self.starts:
                self.starts[-1] = seconds

    def _turn(self, *, on: bool, seconds: float) -> None:
        self.running = on
        if on:
            self.started_seconds = seconds
            self.starts.append(seconds)
        else:
            self.stopped_seconds = seconds

    def protections(self, *, on: bool, seconds: float) -> list[Check]:
        """Check a command against minimum on and off times and the starts per hour. None apply where nothing turns."""
        if on is self.running:
            return []
        return self._before_start(seconds) if on else self._before_stop(seconds)

    def _before_start(self, seconds: float) -> list[Check]:
        checks = []
        least, since = self.actuator.min_off_seconds, self.stopped_seconds
        if least:
            rested = None if since is None else seconds - since
            detail = "not known to have stopped" if rested is None else f"stopped for {_of(rested, least)}"
            checks.append(Check("min_off", since is None or seconds >= since + least, detail))
        most = self.actuator.max_starts_per_hour
        if most:
            while self.starts and seconds >= self.starts[0] + HOUR_SECONDS:
                self.starts.popleft()
            count = len(self.starts)
            checks.append(Check("starts_per_hour", count < most, f"{count} of {most} starts in the last hour"))
        return checks

    def _before_stop(self, seconds: float) -> list[Check]:
        least, since = self.actuator.min_on_seconds, self.started_seconds
        if not least or self.running is None:
            return []
        ran = None if since is None else seconds - since
        detail = "not known to have started" if ran is None else f"running for {_of(ran, least)}"
        return [Check("min_on", since is None or seconds >= since + least, detail)]

    @property
    def free_seconds(self) -> float:
        """The monotonic time from which on neither its rest nor its starts in the hour keep it from starting."""
        times = [float("-inf")]
        if self.running is not True and self.stopped_seconds is not None:
            times.append(self.stopped_seconds + self.actuator.min_off_seconds)
        most = self.actuator.max_starts_per_hour
        if most and len(self.starts) >= most:
            times.append(self.starts[0] + HOUR_SECONDS)
        return max(times)

    def free_times(self, *, on: bool) -> Iterator[float]:
        """Yield the monotonic times at which a protection ends that may hold a command back."""
        if on:
            if self.stopped_seconds is not None:
                yield self.stopped_seconds + self.actuator.min_off_seconds
            if self.starts and self.actuator.max_starts_per_hour:
                yield self.starts[0] + HOUR_SECONDS
        elif self.started_seconds is not None:
            yield self.started_seconds + self.actuator.min_on_seconds


def _of(passed: float, least: float) -> str:
    """Write how much of a least time has passed; what is not over yet must not read as if it were."""
    shown = apart(passed, least)[0] if passed < least and round(passed) >= least else f"{passed:.0f}"
    return f"{shown} s of {least:g} s"
