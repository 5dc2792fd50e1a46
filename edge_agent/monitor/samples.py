"""What one sample of a message is to its sensor: a value in its unit, or what came already."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.dialects.native import Sample
    from edge_agent.monitor.channel import Channel
    from edge_agent.monitor.sequence import Numbers


def converted(channel: Channel, sample: Sample) -> float | str:
    """Convert the value of a sample into the sensor's unit; a text is why that cannot be."""
    if sample.unit is None or sample.unit == channel.sensor.unit:
        return sample.value
    conversion = channel.conversion(sample.unit)
    if conversion is None:
        return "unit_mismatch"
    value = sample.value * conversion.scale + conversion.offset
    return value if isfinite(value) else "value_infinite"


def repeats(channel: Channel, sample: Sample, value: float, sequence: Numbers | None) -> bool:
    """Whether a sample without a time is the newest of its sensor once more.

    `sequence` counts the messages of a topic of this sensor alone; without one nothing tells the two apart.
    """
    last, seq = channel.last, sample.seq
    same = sequence is not None and seq is not None and sequence.repeats(seq)
    return same and last is not None and last.value == value
