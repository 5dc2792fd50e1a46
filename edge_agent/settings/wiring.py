"""Makes nouns of the tables of devices that speak a language of their own. The tables were found sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.sources import ReadingSource, ReplySource, Wiring, WordSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.settings.actuatortable import ActuatorTable
    from edge_agent.settings.devicetables import PlaceTable, StateTable, StatusTable
    from edge_agent.settings.schema import SensorTable

_STATES = ("running", "stopped", "open", "closed", "local")
_ACTIONS = ("start", "stop", "open", "close", "set")


def codec_of(place: PlaceTable | Any) -> str:  # noqa: ANN401 - any table with a place
    """Return the dialect of a place: the one it names, else text where the payload is the value."""
    return str(place.codec or ("json" if place.value else "text"))


def reading_source(sensor: SensorTable) -> ReadingSource | None:
    """Return where a sensor's values are said."""
    said = sensor.source
    if said is None:
        return None
    return ReadingSource(
        topic=said.topic,
        value=said.value,
        codec=codec_of(said),
        only_if=pairs(said.only_if),
        retained=said.retained,
        ts=said.ts,
        ts_format=said.ts_format,
        seq=said.seq,
        unit=said.unit,
        words=pairs(said.words),
        text_numbers=said.text_numbers,
        missing=said.missing,
        quality=None if said.quality is None else said.quality.path,
        good=() if said.quality is None else said.quality.good,
        scale=sensor.scale,
        offset=sensor.offset,
    )


def pairs(said: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the members of a table, sorted."""
    return tuple(sorted(said.items()))


def status_sources(said: StatusTable | None) -> tuple[WordSource, ...]:
    """Return where a node says whether it is online."""
    return () if said is None else _words(said, ("online", "offline"))


def _words(said: StatusTable | StateTable, words: tuple[str, ...]) -> tuple[WordSource, ...]:
    means = tuple((word, getattr(said, word)) for word in words if getattr(said, word))
    return tuple(
        WordSource(place.topic, place.value, codec_of(place), pairs(said.only_if), said.retained, means)
        for place in said.source
    )


def wiring_of(actuator: ActuatorTable, device: str | None) -> Wiring | None:
    """Return how an actuator is commanded in the language of its node."""
    command, state, ack = actuator.command, actuator.state, actuator.ack
    if command is None or state is None:
        return None
    given = {"device": device, "channel": actuator.channel}
    forms = {action: getattr(command, action) for action in _ACTIONS}
    return Wiring(
        topic=command.topic,
        codec=command.codec,
        forms=tuple((action, form) for action, form in forms.items() if form is not None),
        given=tuple((name, value) for name, value in given.items() if value is not None),
        state=_words(state, _STATES),
        reply=None
        if ack is None
        else ReplySource(
            topic=ack.topic,
            value=ack.id,
            codec=str(ack.codec or "json"),
            only_if=pairs(ack.only_if),
            done=pairs(ack.done),
            failed=pairs(ack.failed),
            detail=ack.detail,
        ),
        lease=actuator.lease or "none",
        allow_without_lease=actuator.allow_without_lease,
    )
