"""Who looks on at the turns, measures, shows and records them. None of them changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge_agent.model.accounts import ActuatorAccount, PlanAccount
    from edge_agent.model.inbox import Inbox
    from edge_agent.model.plant import Threshold
    from edge_agent.model.remembered import SensorView, Snapshot
    from edge_agent.model.time import Moment
    from edge_agent.model.turn import Turn

#: What is measured of a turn: its four phases, and the write after them.
Stage: TypeAlias = Literal["monitor", "analyze", "plan", "execute", "store"]


class TurnObserver(Protocol):
    """Who looks on at turns alone."""

    def turn(self, turn: Turn) -> None:
        """Note a turn, once."""
        ...


class Observer(Protocol):
    """Who looks on: metrics and logs."""

    def turn(self, turn: Turn) -> None:
        """Note a turn, once."""
        ...

    def stage(self, name: Stage, seconds: float) -> None:
        """Note how long a stage took."""
        ...

    def reaction(self, seconds: float) -> None:
        """Note how long it took from the receipt of the deciding message to the publication of the command."""
        ...

    def written(self, duplicates: int) -> None:
        """Note what a write found."""
        ...

    def missed(self, messages: int) -> None:
        """Note how many messages never came before those that were just stored."""
        ...


class PlantViews(Protocol):
    """Where the exposition looks; each look is frozen, and turns may run between two of them."""

    def outline(self) -> Snapshot:
        """Return a view of everything but the sensors."""
        ...

    def sensors(self) -> Iterable[Sequence[SensorView]]:
        """Return views of the sensors, some at a time."""
        ...

    def thresholds(self) -> Iterable[Sequence[Threshold]]:
        """Return the thresholds in force, some at a time."""
        ...


class Accounts(Protocol):
    """Where plans and actuators account for themselves, as things are when each is asked."""

    def outline(self) -> Snapshot:
        """Return a view of everything but the sensors."""
        ...

    def plan_accounts(self) -> Iterator[PlanAccount]:
        """Return an account of each plan."""
        ...

    def actuator_account(self, actuator: str) -> ActuatorAccount | None:
        """Return an account of an actuator (`node/actuator`); None where there is no such."""
        ...


class Recorder(Protocol):
    """Who keeps what came in, to replay it."""

    def prepare(self, now: Moment) -> Iterable[None]:
        """Note what is known before the next turn, in pieces."""
        ...

    def record(self, inbox: Inbox, now: Moment) -> None:
        """Keep the input of one turn."""
        ...


class Lines(Protocol):
    """Where a recording is kept."""

    @property
    def is_large(self) -> bool:
        """Return whether what is kept in one piece has reached its size."""
        ...

    def write(self, text: Iterable[str]) -> bool:
        """Keep whole lines, in pieces that may be made when they are written; return False where they are lost.

        Raises RecordingError where none can be kept.
        """
        ...

    def put_aside(self, day: str) -> bool:
        """Begin another piece, and keep the old one under its day; return False where that cannot be now."""
        ...
