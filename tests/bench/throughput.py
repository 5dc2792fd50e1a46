"""CPU per message and the highest rate, of the agent, of what users would pick instead, and of the floors."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.meter import cpu_seconds
from bench.plantfile import Size
from bench.table import Report, Row
from support.deadline import block_until
from support.flood import Flood

if TYPE_CHECKING:
    from bench.subjects import Subject

#: Idle time at the end of each measurement, in which what waits for a commit is committed; its processor time counts.
_SETTLE_SECONDS = 1.3
_LONGEST_SECONDS = 300


@dataclass
class Load:
    """What one subject is given again and again: messages of all sensors in turn, numbered on from run to run."""

    subject: Subject
    size: Size
    port: int
    whole_nodes: bool = False
    sent: int = 0
    cpu_us: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def run(self, messages: int) -> None:
        """Flood it, wait until all is handled, and note the processor time of each message."""
        before = self.subject.handled()
        with self.flood(messages) as flood:
            cpu, start = cpu_seconds(self.subject.pid), time.perf_counter()
            flood.go()
            block_until(lambda: self.slowly() >= before + messages, _LONGEST_SECONDS)
            seconds = time.perf_counter() - start
            time.sleep(_SETTLE_SECONDS)
            self.cpu_us.append((cpu_seconds(self.subject.pid) - cpu) / messages * 1e6)
            assert flood.result()["confirmed"] == messages
        assert self.subject.handled() == before + messages, "more was handled than sent"
        self.rates.append(messages / seconds)

    def flood(self, messages: int, rate: float = 0.0) -> Flood:
        """Make ready the next messages."""
        # `first` begins a round of all sensors, so that each sensor's numbers go on.
        first, self.sent = self.sent, self.sent + messages
        return Flood(
            self.port,
            site=self.subject.site,
            count=messages,
            first=first,
            rate=rate,
            whole_nodes=int(self.whole_nodes),
            **self.size.options(),
        )

    def slowly(self) -> int:
        """Ask how many are handled, not so often that the asking is measured."""
        time.sleep(0.1)
        return self.subject.handled()


def interleave(loads: list[Load], messages: int, rounds: int) -> None:
    """Measure one after the other, and all again, so that what disturbs one disturbs all."""
    for load in loads:  # warm: caches are filled, and each sensor has its history
        load.run(load.size.all_sensors * 20)
        load.cpu_us.clear()
        load.rates.clear()
    for _ in range(rounds):
        for load in loads:
            load.run(messages)


def ratios(figures: list[float], reference: list[float]) -> list[float]:
    """Relate each round's figure to the same round's reference."""
    return [figure / other for figure, other in zip(figures, reference, strict=True)]


def report_cpu(report: Report, topic: str, loads: list[Load]) -> None:
    """Add the processor time and the rate of each."""
    for load in loads:
        report.add(Row(topic, f"{load.subject.name}: CPU a message", load.cpu_us, "µs"))
