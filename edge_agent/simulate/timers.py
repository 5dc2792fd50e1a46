"""From controls by the clock to timetables: what comes every day can be said, what comes once cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.simulate.levelswitch import asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_agent.simulate.network import TimedControl

_DAY = 24 * 3600


class Daily(NamedTuple):
    """What a link is told every day at a second of the day."""

    second: int
    setting: float


def daily(controls: Sequence[TimedControl], clock_seconds: int, duration_seconds: int) -> tuple[list[Daily], str]:
    """Return what a link is told every day, and what of that cannot be said.

    Controls at a time since the start come every day where they do so on each whole day of the file's duration.
    """
    every = [Daily(each.seconds % _DAY, each.setting) for each in controls if each.daily]
    timers = [each for each in controls if not each.daily]
    days = max(1, round(duration_seconds / _DAY))
    found: dict[int, list[Daily]] = {}
    for each in timers:
        found.setdefault(each.seconds // _DAY, []).append(Daily((each.seconds + clock_seconds) % _DAY, each.setting))
    patterns = [sorted(found.get(day, [])) for day in range(days)]
    later = [day for day in found if day >= days]
    if timers and not (all(pattern == patterns[0] for pattern in patterns) and patterns[0] and not later):
        hours = ", ".join(f"{each.seconds / 3600:g} h" for each in timers)
        return sorted(every), f"it is switched at {hours} after the start, once: a timetable comes every day"
    return sorted({*every, *(patterns[0] if timers else [])}), ""


def windows(events: Sequence[Daily], *, on: bool) -> list[tuple[int, int, float]] | None:
    """Return from when to when it is open (`on`), or closed, with the setting; None where it never changes back."""
    spans = []
    for place, event in enumerate(events):
        follower = events[(place + 1) % len(events)]
        if (event.setting > 0) is on:
            spans.append((event.second, follower.second, event.setting))
    whole = len(spans) == len(events)
    return None if whole or not spans else spans


def timetable_text(name: str, actuator: str, spans: Sequence[tuple[int, int, float]]) -> Iterator[str]:
    """Write the timetable of an actuator, one for each setting. `actuator` is `node/actuator`."""
    kind = actuator.rpartition("/")[2]
    for setting in dict.fromkeys(span[2] for span in spans):
        hours = ", ".join(f'"{_clock(begin)}-{_clock(end)}"' for begin, end, each in spans if each == setting)
        step = asked(kind, setting)
        if step is not None:
            ending = "" if setting in {0.0, 1.0} else f"-at-{round(100 * setting)}"
            yield (
                f'[plans.{name}{ending}]\nkind = "timetable"\nbetween = [{hours}]\n'
                f'do = [{{ actuator = "{actuator}", {step} }}]\n'
            )


def moments_text(name: str, actuator: str, events: Sequence[Daily]) -> Iterator[str]:
    """Write, for an actuator that is only switched one way by the clock, a plan for each time of the day."""
    kind = actuator.rpartition("/")[2]
    for event in events:
        step = asked(kind, event.setting)
        if step is not None:
            at, clock = event.second, _clock(event.second)
            yield (
                f'[plans.{name}-{clock.replace(":", "")}]\nwhen = ["time is {clock}-{_clock((at + 60) % _DAY)}"]\n'
                f'do = [{{ actuator = "{actuator}", {step} }}]\n'
            )


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"
