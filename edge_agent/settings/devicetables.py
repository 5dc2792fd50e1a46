"""The tables of devices that speak a language of their own, as they are when texts and profiles are worked in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_agent.dialects.registry import CODECS, DIALECTS
from edge_agent.model.sources import Retained
from edge_agent.settings.tables import HeldValue, ScalarValue, Table

PLACE = 'a place: "topic#/pointer", or "topic" where the payload is the value'
_CODEC_SAYS = "; ".join(f"`{each.name}`: {each.says}" for each in DIALECTS)
_ONLY_IF_SAYS = "Pointers and what they must hold; otherwise nothing is said."
Codec = Literal[CODECS]  # type: ignore[valid-type]  # the names of the registry
Texts = Annotated[tuple[ScalarValue, ...], Field(strict=False)]
_Codec = Annotated[
    Codec | None,
    Field(description=f"How payloads are written; {_CODEC_SAYS}. Absent: text where `value` is empty, else json."),
]
_Retained = Annotated[Retained, Field(description="Whether retained messages count.")]


class QualityCodeTable(Table):
    """The device's own word on a value."""

    path: str = Field(description="Where it stands.", title="a pointer")
    good: Texts = Field(min_length=1, title="a list of at least one value", description="What says that it is good.")


class SourceTable(Table):
    """Where a sensor's values are said. Short: `source = "topic#/pointer"`."""

    topic: str = Field(description="The topic, exactly.", title="a topic without + and #")
    value: str = Field("", description="The place of the value; empty: the payload is the value.", title="a pointer")
    codec: _Codec = None
    ts: str | None = Field(None, description="Where the time stands; absent: that of receipt.", title="a pointer")
    ts_format: str = Field(
        "rfc3339",
        description="How it is written; `local:` for a time without an offset.",
        title="one of rfc3339, unix, unix_ms, local:ZONE",
    )
    seq: str | None = Field(None, description="Where the number of the message stands.", title="a pointer")
    unit: str | None = Field(
        None, description="The unit of the value, or a pointer to it; absent: that of the sensor.", title="a unit"
    )
    only_if: dict[str, ScalarValue] = Field({}, description=_ONLY_IF_SAYS)
    words: dict[str, float] = Field({}, description="What texts count, such as `{ ON = 1, OFF = 0 }`.")
    text_numbers: bool = Field(False, description="Whether a text that is a number is one.")
    quality: QualityCodeTable | None = Field(None, description="The device's own word on it; not good: a dead letter.")
    missing: Texts = Field((), title="a list of values", description="What stands for no value.")
    retained: _Retained = "take"


class PlaceTable(Table):
    """Where something is said. Short: `"topic#/pointer"`."""

    topic: str = Field(description="The topic, exactly.", title="a topic without + and #")
    value: str = Field("", description="The place; empty: the payload is the value.", title="a pointer")
    codec: _Codec = None


_Places = Annotated[tuple[PlaceTable, ...], Field(strict=False, min_length=1, title=f"{PLACE}, or a list of those")]


class StatusTable(Table):
    """Where a node says whether it is online."""

    source: _Places = Field(description="Where it says so. Short, for one: `topic` and `value` beside the words.")
    online: Texts = Field(title="a list of values", description="What says that it is online.")
    offline: Texts = Field(title="a list of values", description="What says that it is not.")
    only_if: dict[str, ScalarValue] = Field({}, description=_ONLY_IF_SAYS)
    retained: _Retained = "take"


class StateTable(Table):
    """Where an actuator shows what it does. What is none of these words counts as unknown."""

    source: _Places = Field(description="Where it shows so. Short, for one: `topic` and `value` beside the words.")
    running: Texts = Field((), title="a list of values", description="What says that a pump runs.")
    stopped: Texts = Field((), title="a list of values", description="What says that it does not.")
    open: Texts = Field((), title="a list of values", description="What says that a valve is open.")
    closed: Texts = Field((), title="a list of values", description="What says that it is closed.")
    local: Texts = Field((), title="a list of values", description="What says that its panel has it.")
    only_if: dict[str, ScalarValue] = Field({}, description=_ONLY_IF_SAYS)
    retained: _Retained = "take"


class CommandTable(Table):
    """How an actuator is commanded: a form for each action."""

    topic: str = Field(description="The topic, exactly.", title="a topic without + and #")
    codec: Codec = Field("json", description="How forms are filled in.")
    start: str | None = Field(None, description="The payload that starts a pump.")
    stop: str | None = Field(None, description="The payload that stops it.")
    open: str | None = Field(None, description="The payload that opens a valve.")
    close: str | None = Field(None, description="The payload that closes it.")
    set: str | None = Field(None, description="The payload that sets a speed or position; absent: it cannot be set.")


class AckTable(Table):
    """Where a device answers. `ack = "state"`: it does not, and its state proves a command."""

    topic: str = Field(description="The topic, exactly.", title="a topic without + and #")
    id: str = Field(description="Where the `{id}` or `{counter}` of the command stands.", title="a pointer")
    codec: _Codec = None
    done: dict[str, HeldValue] = Field(
        {}, description="Pointers and what they hold when it is done; `{}`: anything at all."
    )
    failed: dict[str, HeldValue] = Field({}, description="The same, when it has failed.")
    detail: str | None = Field(None, description="Where a sentence for people stands.", title="a pointer")
    only_if: dict[str, ScalarValue] = Field({}, description=_ONLY_IF_SAYS)
