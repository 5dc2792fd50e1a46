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
    Judged(
        "edge_agent/monitor/tests/flat_line.py",
        "self._window = max(spec.suspect_seconds or 0.0, spec.fail_seconds or 0.0)",
        "0.0  ->  (1.0)",
    ): "a longer window keeps readings that no longer can shorten a run: more than it needs",
    Judged(
        "edge_agent/monitor/tests/flat_line.py",
        'return Bounds(rate=float("inf" if self.flag(0.0) is Flag.GOOD else "-inf"), still=self.tolerance)',
        "0.0  ->  (1.0)",
    ): "what is not quiet goes the long way to the same flag",
    Judged(
        "edge_agent/monitor/tests/flat_line.py",
        "while len(extremes) > 1 and extremes[1].seconds <= before:",
        "extremes[1].seconds <= before  ->  (extremes[1].seconds < before)",
    ): "it is let go with the next reading",
    Judged(
        "edge_agent/monitor/sitetime.py",
        "self._nodes[node] = NodeTime(self._intervals.get(node, 0.0))",
        "0.0  ->  (1.0)",
    ): "a node without sensors has no stamps; and the least times hold up to intervals of 2.5 s",
    Judged(
        "edge_agent/monitor/sitetime.py",
        'self._changed |= {node: ClockMemory(node, 0, "") for node in self._nodes}',
        "0  ->  (1)",
    ): "without a boot a memory is none",
    Judged(
        "edge_agent/monitor/sitetime.py",
        "if self._own is None or abs(own - self._own) > 1.0:",
        "abs(own - self._own) > 1.0  ->  (abs(own - self._own) >= 1.0)",
    ): "looked for anew, the agreement is the same",
    Judged(
        "edge_agent/monitor/sitetime.py",
        "if self._own is None or abs(own - self._own) > 1.0:",
        "1.0  ->  (2.0)",
    ): "a clock that was set by so little is within the ten seconds in which clocks agree",
    Judged(
        "edge_agent/monitor/sitetime.py",
        "self._agreed = _most(sorted(offset for offset in offsets if offset + uptime >= EARLIEST))",
        "offset + uptime >= EARLIEST  ->  (offset + uptime > EARLIEST)",
    ): "the first microsecond of 2025 is over",
    Judged(
        "edge_agent/monitor/sitetime.py",
        "if agreed and (offset is None or not agreed.low - AGREE_US <= offset <= agreed.high + AGREE_US):",
        "agreed.low - AGREE_US <= offset <= agreed.high + AGREE_US  ->  "
        "(agreed.low - AGREE_US <= offset < agreed.high + AGREE_US)",
    ): "at ten seconds to the microsecond either clock will do",
    Judged(
        "edge_agent/monitor/sitetime.py",
        "if agreed and (offset is None or not agreed.low - AGREE_US <= offset <= agreed.high + AGREE_US):",
        "agreed.low - AGREE_US <= offset <= agreed.high + AGREE_US  ->  "
        "(agreed.low - AGREE_US < offset <= agreed.high + AGREE_US)",
    ): "at ten seconds to the microsecond either clock will do",
    Judged(
        "edge_agent/monitor/channel.py",
        "if before is None or received_at - settled.observed_at > self._overdue_us:",
        "received_at - settled.observed_at > self._overdue_us  ->  "
        "(received_at - settled.observed_at >= self._overdue_us)",
    ): "at the limit itself the long way comes to the same flag",
    Judged(
        "edge_agent/analyze/delays.py",
        "return abs(told.offset - now.offset) < _STEP_SECONDS and abs(now.seconds_at(at) - since) < _STEP_SECONDS",
        "abs(told.offset - now.offset) < _STEP_SECONDS  ->  (abs(told.offset - now.offset) <= _STEP_SECONDS)",
    ): "a clock that was set by two seconds to the microsecond: dated anew or not, it is right within them",
    Judged(
        "edge_agent/analyze/delays.py",
        "return abs(told.offset - now.offset) < _STEP_SECONDS and abs(now.seconds_at(at) - since) < _STEP_SECONDS",
        "abs(now.seconds_at(at) - since) < _STEP_SECONDS  ->  (abs(now.seconds_at(at) - since) <= _STEP_SECONDS)",
    ): "a clock that was set by two seconds to the microsecond: dated anew or not, it is right within them",
    Judged(
        "edge_agent/analyze/delays.py",
        "if self._offset is None or self._sure is not now.sure or abs(now.offset - self._offset) > _STEP_SECONDS / 2:",
        "abs(now.offset - self._offset) > _STEP_SECONDS / 2  ->  (abs(now.offset - self._offset) >= _STEP_SECONDS / 2)",
    ): "as above; to look at all once more finds nothing new",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if newest is None or (at, seq) > newest:",
        "(at, seq) > newest  ->  ((at, seq) >= newest)",
    ): "a message that comes again stands twice among the unsettled, and counts nothing",
    Judged(
        "edge_agent/plan/kinds/condition.py",
        "_MOST_GUESSED = 10_000",
        "10_000  ->  (10001)",
    ): "a round number against slow guesses: one alarm more or less is the same to whoever wrote the name",
    Judged(
        "edge_agent/monitor/monitoring.py",
        "if channel is None or sample is None or sample.observed_at is None:",
        "channel is None  ->  (channel is not None)",
    ): "what does not go the short way goes the long way to the same reading",
    Judged(
        "edge_agent/plan/arbiter.py",
        "self._all = True",
        "True  ->  (False)",
    ): "the first survey lets all be looked at",
    Judged(
        "edge_agent/plan/arbiter.py",
        "self._patience |= {actuator: grace} if grace > seconds else {}",
        "grace > seconds  ->  (grace >= seconds)",
    ): "at its end nobody waits: the request has ended",
    Judged(
        "edge_agent/plan/arbiter.py",
        "if state not in claimants[-1:]:",
        "1  ->  (2)",
    ): "the steps of a plan come one after the other",
    Judged(
        "edge_agent/plan/arbiter.py",
        "request = Request(actuator, self._fail_safe[actuator], None, standing.request.plan, 0, verdict.ended)",
        "0  ->  (1)",
    ): "what ends a request contends with nobody: no plan claims the actuator then",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if newest is not None and not 0 <= seq - newest[1] <= 1:",
        "0  ->  (1)",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if newest is not None and not 0 <= seq - newest[1] <= 1:",
        "0 <= seq - newest[1] <= 1  ->  (0 <= seq - newest[1] < 1)",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if newest is not None and not 0 <= seq - newest[1] <= 1:",
        "seq - newest[1]  ->  (seq + newest[1])",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if last is not None and not 0 <= seen[1] - last[1] <= 1:",
        "0  ->  (1)",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if last is not None and not 0 <= seen[1] - last[1] <= 1:",
        "0 <= seen[1] - last[1] <= 1  ->  (0 <= seen[1] - last[1] < 1)",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if last is not None and not 0 <= seen[1] - last[1] <= 1:",
        "seen[1] - last[1]  ->  (seen[1] + last[1])",
    ): "an irregular sequence takes the long way to the same count",
    Judged(
        "edge_agent/monitor/sequence.py",
        "return True",
        "True  ->  (False)",
    ): "what was taken the short way comes again the long way, and counts nothing",
    Judged(
        "edge_agent/monitor/sequence.py",
        "if len(recent) > MOST_UNSETTLED or recent[0][2] <= seconds - SETTLE_SECONDS:",
        "recent[0][2] <= seconds - SETTLE_SECONDS  ->  (recent[0][2] < seconds - SETTLE_SECONDS)",
    ): "settling asks again whether the time has come",
    Judged(
        "edge_agent/monitor/sequence.py",
        "missing = self.settle(seconds) if recent and recent[0][2] <= seconds - SETTLE_SECONDS else 0",
        "seconds - SETTLE_SECONDS  ->  (seconds + SETTLE_SECONDS)",
    ): "settling asks again whether the time has come",
    Judged(
        "edge_agent/monitor/sequence.py",
        "self._recent = [(*one, 0.0) for one in seen[1:] if one is not None]",
        "0.0  ->  (1.0)",
    ): "until it is heard again nobody looks at it, and then it is of that time",
    Judged(
        "edge_agent/monitor/observed.py",
        "gaps: int = 0",
        "0  ->  (1)",
    ): "the numbering says how many, at the end of each turn",
    Judged(
        "edge_agent/analyze/analysis.py",
        "point.bad_in_a_row = point.bad_in_a_row or 1  # the next good one ends the alarm",
        "1  ->  (2)",
    ): "the alarm is raised: what counts is whether there was any",
    Judged(
        "edge_agent/analyze/points.py",
        "point.bad_in_a_row = 1",
        "1  ->  (2)",
    ): "as above",
    Judged(
        "edge_agent/execute/control.py",
        "self.desired_at: Instant = 0",
        "0  ->  (1)",
    ): "it is set with every request, and read of none before",
    Judged(
        "edge_agent/monitor/numbering.py",
        "elif self._open:",
        "self._open  ->  (not (self._open))",
    ): "what is regular again is let go with the next second",
    Judged(
        "edge_agent/analyze/chatter.py",
        "if seconds - self._raised[key][-1] <= WITHIN_SECONDS:",
        "seconds - self._raised[key][-1] <= WITHIN_SECONDS  ->  (seconds - self._raised[key][-1] < WITHIN_SECONDS)",
    ): "what is kept for a moment longer counts for nothing: only times within the minute do",
    Judged(
        "edge_agent/analyze/point.py",
        "times = [at for limit in self.limits.values() for at in limit.times(interval) if at > looked]",
        "at > looked  ->  (at >= looked)",
    ): "it costs one look more, which comes later",
    Judged(
        "edge_agent/monitor/order.py",
        "seq = -1 if stored.seq is None else stored.seq",
        "1  ->  (2)",
    ): "numbers begin at 0: both stand before them",
    Judged(
        "edge_agent/monitor/channel.py",
        "future = stored.observed_at - stored.received_at > self._future_us",
        "stored.observed_at - stored.received_at > self._future_us  ->  "
        "(stored.observed_at - stored.received_at >= self._future_us)",
    ): "at a minute to the microsecond it may be believed or not",
}
