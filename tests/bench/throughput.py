"""How a subject is loaded: as fast as it goes, for its processor time, and at a pace, for the rate that it holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bench.meter import Meter, cpu_seconds
from bench.plantfile import Size
from support.deadline import block_until
from support.flood import Flood

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.meter import Used
    from bench.subjects import Subject

#: Idle time at the end of each measurement, in which what waits for a commit is committed; its processor time counts.
SETTLE_SECONDS = 1.2
_LONGEST_SECONDS = 300
#: So long a subject gets used to a rate before it is watched.
_LEAD_SECONDS = 1.0
#: A rate is held when at the end no more than this many seconds' worth of messages wait.
_BACKLOG_SECONDS = 0.25


@dataclass
class Load:
    """What one subject is given again and again: messages of all sensors in turn, numbered on from run to run."""

    subject: Subject
    port: int
    size: Size = field(default_factory=Size)
    whole_nodes: bool = False
    #: Whether the run goes on without this one where it fails; then `failure` says how.
    optional: bool = False
    failure: str = ""
    sent: int = 0
    cpu_us: list[float] = field(default_factory=list)
    #: Messages a second of each flood, the waiting at its end included.
    rates: list[float] = field(default_factory=list)

    @property
    def topics(self) -> int:
        return self.size.nodes if self.whole_nodes else self.size.all_sensors

    def run(self, messages: int) -> None:
        """Flood it, wait until all is handled, and note the processor time of each message."""
        with self.flood(messages) as flood:
            before = cpu_seconds(self.subject.pid)
            flood.go()
            start = time.perf_counter()
            self.finish()
            self.rates.append(messages / (time.perf_counter() - start))
            self.cpu_us.append((cpu_seconds(self.subject.pid) - before) / messages * 1e6)
            assert flood.result()["confirmed"] == messages

    def hold(self, rate: float, seconds: float) -> bool:
        """Publish at a rate for so long; tell whether the subject kept up (and the publisher too)."""
        messages = round(rate * seconds / self.topics) * self.topics
        with self.flood(messages, rate) as flood:
            flood.go()
            result = flood.result()
            behind = self.sent - self.subject.handled()
        self.finish()
        return behind <= rate * _BACKLOG_SECONDS and result["seconds"] <= seconds * 1.05

    def trickle(self, rate: float, seconds: float) -> Used:
        """Publish at a rate for about so long; return what it took of the processor, after the first second."""
        messages = max(1, round(rate * seconds / self.topics)) * self.topics
        with self.flood(messages, rate) as flood:
            flood.go()
            time.sleep(_LEAD_SECONDS)
            meter = Meter(self.subject.pid)
            time.sleep(messages / rate - 1.5 * _LEAD_SECONDS)
            used = meter.read()
            assert flood.result()["confirmed"] == messages
        block_until(lambda: self.subject.handled() >= self.sent, _LONGEST_SECONDS)
        return used

    def flood(self, messages: int, rate: float = 0.0) -> Flood:
        """Make ready the next messages: a multiple of the topics, so that each sensor's numbers go on."""
        assert messages % self.topics == 0
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

    def finish(self) -> None:
        """Wait until all that was sent is handled, and what waits for a commit is committed."""
        block_until(self._done, _LONGEST_SECONDS)
        time.sleep(SETTLE_SECONDS)

    def _done(self) -> bool:
        time.sleep(0.1)  # asking is not to be measured
        return self.subject.done(self.sent)


def interleave(loads: list[Load], messages: int, rounds: int, warm: int = 10_000) -> None:
    """Measure one after the other, and all again, so that what disturbs one disturbs all; after a run to warm up."""
    for load in loads:
        attempt(load, partial(load.run, warm))
        load.cpu_us.clear()
        load.rates.clear()
    for _ in range(rounds):
        for load in loads:
            attempt(load, partial(load.run, messages))


def attempt(load: Load, work: Callable[[], object]) -> None:
    """Do something with a subject; where it may be left out, note why it fails."""
    if load.failure:
        return
    try:
        work()
    except (AssertionError, OSError) as error:
        if not load.optional:
            raise
        load.failure = f"it failed under load: {str(error)[:120]}"


def highest_rate(load: Load, seconds: float, steps: int) -> float:
    """Search by halving between the rate of a flood, which is held as a rule, and what the processor time allows."""
    low, high = min(load.rates), 1.1e6 / min(load.cpu_us)
    while not load.hold(low, seconds):
        low, high = low * 0.7, low
    for _ in range(steps):
        middle = (low + high) / 2
        if load.hold(middle, seconds):
            low = middle
        else:
            high = middle
    return low


def ratios(figures: list[float], reference: list[float]) -> list[float]:
    """Relate each round's figure to the same round's reference."""
    return [figure / other for figure, other in zip(figures, reference, strict=True)]
