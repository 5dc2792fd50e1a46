"""What is known of a device that speaks a language of its own: where it says what, and how it is commanded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: What a payload can hold at one place.
Scalar: TypeAlias = bool | int | float | str
Retained = Literal["take", "skip"]
#: Who ends what a command began when nobody renews it: the device by its own timer, or nobody.
LeaseKeeper = Literal["device", "none"]
#: So begins the form of times without an offset; the name of their zone follows.
CIVIL = "local:"

JSON = "json"


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is said: an exact topic, the dialect of its payloads, and the place in them.

    `value` is a JSON pointer; empty, it is the whole payload. Nothing is said where one of `only_if` (places and what
    they must hold) does not hold. Retained messages are taken or skipped.
    """

    topic: str
    value: str = ""
    codec: str = JSON
    only_if: tuple[tuple[str, Scalar], ...] = ()
    retained: Retained = "take"


@dataclass(frozen=True, slots=True)
class ReadingSource(Source):
    """Where a sensor's values are said, and how they are to be read.

    `ts`, `seq` and `quality` are places of their own; a `unit` that begins with a slash is one too. `words` are what
    texts count; what stands in `missing` is no value. A value counts where the quality is among the `good` ones. It is
    multiplied by `scale`, then `offset` is added.
    """

    ts: str | None = None
    ts_format: str = "rfc3339"
    seq: str | None = None
    unit: str | None = None
    words: tuple[tuple[str, float], ...] = ()
    text_numbers: bool = False
    missing: tuple[Scalar, ...] = ()
    quality: str | None = None
    good: tuple[Scalar, ...] = ()
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class WordSource(Source):
    """Where a device says what is the case. `means`: each word of ours, with what the device says for it."""

    means: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ReplySource(Source):
    """Where a device answers commands: `value` is the place of the command's id or counter.

    `done` and `failed` are places and what they hold then; None: anything at all. `detail` is for people.
    """

    done: tuple[tuple[str, Scalar | None], ...] = ()
    failed: tuple[tuple[str, Scalar | None], ...] = ()
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """How an actuator of such a device is commanded, and how it shows what it does.

    `forms` are the payloads by action, with places to be filled in; `given` is what the plant file says of the device
    for them. Without a `reply` the state proves a command.
    """

    topic: str
    forms: tuple[tuple[str, str], ...]
    state: tuple[WordSource, ...]
    codec: str = JSON
    given: tuple[tuple[str, Scalar], ...] = ()
    reply: ReplySource | None = None
    lease: LeaseKeeper = "none"
    allow_without_lease: bool = False

    @property
    def advises_only(self) -> bool:
        """Whether nothing is commanded: nobody would end what was begun if the agent were gone."""
        return self.lease == "none" and not self.allow_without_lease


@dataclass(frozen=True, slots=True)
class Derivation:
    """How the values of a derived sensor come from those of others: an expression, and over which window, if any.

    `of` is what is taken of the window: mean, min, max or sum.
    """

    expression: str
    window_seconds: float | None = None
    of: str | None = None
