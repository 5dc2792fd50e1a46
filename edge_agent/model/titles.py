"""What sentences for people call a sensor or an actuator."""

from __future__ import annotations

from typing import Protocol


class Labelled(Protocol):
    """What may have a name for people besides its own."""

    @property
    def name(self) -> str:
        """Its own, as topics and plans say it."""
        ...

    @property
    def label(self) -> str | None:
        """Its name for people; None where it has none."""
        ...


def title(part: Labelled) -> str:
    """Return its own name, with that for people behind it where it has one: `tank1/level "Tank on the hill"`."""
    return part.name if part.label is None else f'{part.name} "{part.label}"'
