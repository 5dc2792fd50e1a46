"""One sequence in time: how far it has come on its way on, or back, and what it asks of its actuators."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from edge_agent.plan.provisions.sequences import Leg, StepSequence

_NEVER = float("inf")
#: After a start it waits so long to hear what its equipment does; then it goes the way back first.
UNHEARD_SECONDS = 30.0
#: A proof is looked for so often, besides whenever its equipment reports.
LOOK_SECONDS = 1.0


class Way(StrEnum):
    """Where a sequence is."""

    UNKNOWN = "unknown"  # the agent, or the sequence, is new: what equipment reports will tell
    OFF = "off"
    TURNING_ON = "turning_on"
    ON = "on"
    TURNING_OFF = "turning_off"


class Sightings(NamedTuple):
    """What a sequence sees: whether equipment does what a leg asks, and whether texts hold; None: nobody knows.

    And why an actuator is `lost` to a person, a trip or another plan, or is `failing`; empty where it is not.
    """

    seconds: float
    does: Callable[[Leg], bool | None]
    lost: Callable[[str], str]
    failing: Callable[[str], str]
    holds: Callable[[str], bool | None]


class Passage:
    """The state machine of one sequence. Nothing of it is remembered over a restart: what is reported tells.

    `failure` says what failed last, until it is on again, or a person resets it. After a failure it does not begin
    again before it was asked to be off in between.
    """

    def __init__(self, sequence: StepSequence) -> None:
        self.sequence = sequence
        self.way = Way.UNKNOWN
        self.place = 0  # the leg that it is at
        self.failure, self.failed_at = "", ""  # why, and at which actuator
        self.hindered = ""  # why it does not begin
        self.due_seconds = _NEVER
        self._begun_seconds: float | None = None  # when the present leg began
        self._barred = False
        self._legs: tuple[Leg, ...] = ()

    def __repr__(self) -> str:
        return f"<Passage: {self.way}, leg {self.place + 1} of {len(self._legs)}>"

    @property
    def moving(self) -> bool:
        """Whether it waits for a proof."""
        return self.due_seconds < _NEVER

    def reset(self) -> bool:
        """Forget a failure: a person has looked at it; return whether there was one."""
        there_was, self.failure, self.failed_at, self._barred = bool(self.failure), "", "", False
        return there_was

    def update(self, wanted: bool | None, seen: Sightings) -> None:  # noqa: FBT001 - None: nobody has asked
        """Go as far as proofs allow. `wanted`: whether it is to be on; None where nobody has ever asked."""
        if wanted is False:
            self._barred = False
        for _ in range(len(self.sequence.on) + 2 * len(self.sequence.off) + 3):
            before = self.way, self.place
            self._move(wanted if wanted is None else wanted and not self._barred, seen)
            if (self.way, self.place) == before:
                break
        self.due_seconds = self._due(seen.seconds)

    def asks(self) -> Mapping[str, Leg | None]:
        """Return what it asks of each actuator now; None: to be left as it is, until its turn comes."""
        finals = {leg.actuator: leg for leg in self.sequence.off}
        if self.way is Way.UNKNOWN:
            return {} if self._begun_seconds is None else dict.fromkeys(self.sequence.actuators)
        if self.way is Way.OFF:
            return finals
        if self.way is Way.TURNING_OFF:
            return dict.fromkeys(self.sequence.actuators) | _latest(self.sequence.off[: self.place + 1])
        done = self.sequence.on if self.way is Way.ON else self.sequence.on[: self.place + 1]
        return finals | _latest(done)

    @property
    def says(self) -> str:
        """Where it is, in words."""
        if self.way in {Way.TURNING_ON, Way.TURNING_OFF}:
            leg = self._legs[self.place]
            to = "on" if self.way is Way.TURNING_ON else "off"
            return f"on its way {to}, step {self.place + 1} of {len(self._legs)}: {leg.action} {leg.actuator}"
        return {Way.UNKNOWN: "waits for what its equipment reports"}.get(self.way, f"is {self.way.value}")

    # The steps ----------------------------------------------------------------------------------------------------

    def _move(self, wanted: bool | None, seen: Sightings) -> None:  # noqa: FBT001 - as above
        if self.way is Way.UNKNOWN:
            if wanted is not None:
                self._find_out(seen, wanted=wanted)
        elif self.way is Way.OFF:
            self.hindered = self._hindrance(seen) if wanted else ""
            if wanted and not self.hindered:
                self._go(Way.TURNING_ON, self.sequence.on, seen)
        elif self.way is Way.TURNING_OFF:
            self._go_back(seen)
        elif not wanted:
            self._go(Way.TURNING_OFF, self.sequence.off, seen)
        else:
            self._go_on(seen)

    def _find_out(self, seen: Sightings, *, wanted: bool) -> None:
        """Go by what is reported: where that is neither on nor off, or nothing comes, the way back is next."""
        if self._begun_seconds is None:
            self._begun_seconds = seen.seconds
        on = [seen.does(leg) for leg in _latest(self.sequence.on).values()]
        off = [seen.does(leg) for leg in _latest(self.sequence.off).values()]
        if wanted and all(on):
            self._go(Way.ON, (), seen)
        elif all(off):
            self._go(Way.OFF, (), seen)
        elif not wanted or None not in on or seen.seconds >= self._begun_seconds + UNHEARD_SECONDS:
            self._go(Way.TURNING_OFF, self.sequence.off, seen)

    def _go_on(self, seen: Sightings) -> None:
        """Go on, or stay on, while all that was done still is, and each proof comes in time."""
        done = self.sequence.on if self.way is Way.ON else self._legs[: self.place]
        begun = self.sequence.on if self.way is Way.ON else self._legs[: self.place + 1]
        lost = _first([leg.actuator for leg in begun], seen.lost) or _first(
            [leg.actuator for leg in done], seen.failing
        )
        if lost is not None:
            self._fail(" ".join(lost), lost[0], seen)
            return
        if self.way is Way.ON:
            self.failure = self.failed_at = ""
            return
        leg = self._legs[self.place]
        overdue = self._overdue(leg, seen)
        if overdue:
            self._fail(overdue, leg.actuator, seen)
        elif leg.until is None or seen.holds(leg.until):
            self._next(Way.ON, seen)

    def _go_back(self, seen: Sightings) -> None:
        """Go back step by step. A proof that does not come is told, and holds up nothing: what follows is safe."""
        leg = self._legs[self.place]
        if leg.until is None or seen.holds(leg.until):
            self._next(Way.OFF, seen)
            return
        overdue = self._overdue(leg, seen)
        if overdue:
            self.failure, self.failed_at = self.failure or f"on its way back {overdue}", self.failed_at or leg.actuator
            self._next(Way.OFF, seen)

    def _overdue(self, leg: Leg, seen: Sightings) -> str:
        """Return what to say of a step whose proof has not come in time; empty where it may yet."""
        if leg.until is None or seen.seconds < self._deadline(leg):
            return ""
        truth = seen.holds(leg.until)
        if truth:
            return ""
        known = "unknown" if truth is None else "false"
        place, within = f"step {self.place + 1} of {len(self._legs)}", leg.within_seconds
        return f"{place}, {leg.action} {leg.actuator}, was not proven within {within:g} s: {leg.until} is {known}"

    def _deadline(self, leg: Leg) -> float:
        return (self._begun_seconds or 0.0) + leg.within_seconds

    def _hindrance(self, seen: Sightings) -> str:
        """Return why it does not begin: something of it is not the agent's, or is known not to be off."""
        lost = _first(self.sequence.actuators, seen.lost)
        if lost is not None:
            return " ".join(lost)
        not_off = [leg for leg in _latest(self.sequence.off).values() if seen.does(leg) is False]
        return "".join(f"{leg.actuator} does not {leg.action} yet" for leg in not_off[:1])

    def _fail(self, why: str, actuator: str, seen: Sightings) -> None:
        self.failure, self.failed_at, self._barred = why, actuator, True
        self._go(Way.TURNING_OFF, self.sequence.off, seen)

    def _go(self, way: Way, legs: tuple[Leg, ...], seen: Sightings) -> None:
        self.way, self._legs, self.place, self._begun_seconds = way, legs, 0, seen.seconds

    def _next(self, end: Way, seen: Sightings) -> None:
        if self.place == len(self._legs) - 1:
            self._go(end, (), seen)
        else:
            self.place, self._begun_seconds = self.place + 1, seen.seconds

    def _due(self, seconds: float) -> float:
        """Return the monotonic time at which to look again though nothing is heard."""
        if self.way is Way.UNKNOWN and self._begun_seconds is not None:
            return self._begun_seconds + UNHEARD_SECONDS
        if self.way in {Way.TURNING_ON, Way.TURNING_OFF}:
            return min(seconds + LOOK_SECONDS, max(self._deadline(self._legs[self.place]), seconds + 1e-6))
        return _NEVER


def _first(actuators: Iterable[str], tell: Callable[[str], str]) -> tuple[str, str] | None:
    """Return the first of some actuators of which something is told, and what."""
    return next(((name, why) for name in actuators if (why := tell(name))), None)


def _latest(legs: Iterable[Leg]) -> dict[str, Leg]:
    """Return the last of some steps for each actuator."""
    return {leg.actuator: leg for leg in legs}
