"""The plant that is measured: every sensor with all five tests and four thresholds, named as the flood names them."""

from __future__ import annotations

from typing import NamedTuple

_SENSOR = """
[nodes.{node}.sensors.{sensor}]
quantity = "pressure"
unit = "bar"
interval_seconds = 1
[nodes.{node}.sensors.{sensor}.quality]
gross_range = {{ fail = [0.0, 16.0], suspect = [0.4, 12.5] }}
rate_of_change = {{ suspect = 1e9, fail = 2e9 }}
spike = {{ suspect = 3.0, fail = 6.0 }}
flat_line = {{ tolerance = 0.001, suspect_seconds = 1800, fail_seconds = 3600 }}
freshness = {{ suspect_seconds = 300, fail_seconds = 600 }}
[nodes.{node}.sensors.{sensor}.thresholds]
high_high = {{ limit = 12.0 }}
high = {{ limit = 10.0, deadband = 0.2 }}
low = {{ limit = 1.0, deadband = 0.2 }}
low_low = {{ limit = 0.5 }}
"""


class Size(NamedTuple):
    """How many nodes there are (two at least), and sensors on each."""

    nodes: int = 10
    sensors: int = 10

    @property
    def all_sensors(self) -> int:
        return self.nodes * self.sensors

    def options(self) -> dict[str, int]:
        """Tell the flood of it."""
        return self._asdict()


def plant(site: str, size: Size, more: str = "") -> str:
    """Write the plant file of a site, and whatever else it shall have."""
    tables = [f'[site]\nid = "{site}"\n']
    for node in range(size.nodes):
        tables += [_SENSOR.format(node=f"load{node}", sensor=f"s{number}") for number in range(size.sensors)]
    return "".join(tables) + more
