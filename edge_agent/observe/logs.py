"""Logs: loguru as text or as JSON, one record a line, and the standard library's logging routed into it."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, redirect_stderr
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from loguru import logger

from edge_agent.observe.loglines import json_line, text_line
from edge_agent.observe.logsums import LogSums, Summed, worded
from edge_agent.observe.logwriter import Aside, LogWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from loguru import Message, Record

LogFormat: TypeAlias = Literal["text", "json"]


def configure_logs(level: str, format: LogFormat = "text", sink: TextIO | None = None) -> None:  # noqa: A002 - the setting's name
    """Send every log record from `level` up to `sink` (standard error unless given), replacing what was configured.

    Records of the standard library's logging (all of them third-party) pass from WARNING up, at DEBUG all of them.
    """
    stream = sink or sys.stderr

    def put(line: str) -> None:
        if not stream.closed:  # who closes it wants to hear no more
            stream.write(line)
            stream.flush()

    _configure(level, format, put, lambda _: True)


@contextmanager
def logs_off_the_loop(
    level: str,
    format: LogFormat,  # noqa: A002 - the setting's name
    steady: Callable[[], float],
    descriptor: int | None = None,
) -> Iterator[LogWriter]:
    """Send them to standard error from a thread of their own, and what repeats within a minute as a sum.

    No call that logs ever waits for who reads. Leaving the context writes what is left, for a second at the most;
    after that nothing is logged. `steady` is a monotonic clock; `descriptor` stands for standard error.
    """
    if descriptor is None and sys.stderr is not None:
        descriptor = sys.stderr.fileno()
    sums = LogSums(steady)

    def beat() -> float | None:
        _tell_sums(sums.due())
        return sums.patience()

    writer = LogWriter(descriptor, beat=beat, tell=_tell_lost)
    _configure(level, format, writer.put, sums.admits)
    try:
        with redirect_stderr(Aside(writer.put)):
            yield writer
    finally:
        _tell_sums(sums.due(everything=True))
        writer.close()
        logger.remove()


def _configure(
    level: str,
    format: LogFormat,  # noqa: A002 - the setting's name
    put: Callable[[str], None],
    admits: Callable[[Record], bool],
) -> None:
    render = json_line if format == "json" else text_line

    def write(message: Message) -> None:
        record = message.record
        if not (_SUM in record["extra"] or admits(record)):
            return
        try:
            line = render(record)
        except MemoryError:
            raise
        # Whatever a field does when it is written, it must not raise where something was logged.
        except Exception as error:
            line = f"A log record could not be written: {record['message']!r:.200} ({type(error).__name__})\n"
        put(line)

    logger.remove()
    # `diagnose` would print the values of variables, secrets among them; `enqueue` costs the caller more than it saves;
    # `catch` would print what is raised to standard error, and wait for it.
    logger.add(write, level=level, format=_nothing, diagnose=False, backtrace=False, enqueue=False, catch=False)
    _route_standard_logging(level)


#: The field that makes a record a sum: it is not summed again.
_SUM = "more"


def _tell_sums(found: list[Summed]) -> None:
    for summed in found:
        fields = {name: value for name, value in summed.fields.items() if name != "count"}
        logger.patch(partial(_come_from, summed.source)).bind(**fields, **{_SUM: summed.more}).log(
            summed.level, worded(summed)
        )


def _come_from(source: str | None, record: Record) -> None:
    record["name"] = source


def _tell_lost(lines: int) -> None:
    logger.bind(lines=lines).warning("Log lines were lost: nobody read them")


def _nothing(_record: Record) -> str:
    """Keep loguru from formatting: the sink renders the record itself."""
    return ""


def _route_standard_logging(level: str) -> None:
    number = logger.level(level).no
    root = logging.getLogger()
    root.handlers[:] = [InterceptHandler()]
    root.setLevel(number if number <= logging.DEBUG else max(number, logging.WARNING))


class InterceptHandler(logging.Handler):
    """Hands records of the standard library's logging to loguru, with the name of their logger."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record again with loguru, where its arguments are wrong without them. Raises MemoryError only."""
        try:
            text = record.getMessage()
        except MemoryError:
            raise
        except Exception:
            text = f"{record.msg!s:.200} (its arguments do not fit)"
        logger.bind(logger=record.name).opt(exception=record.exc_info).log(_level(record), text)


def _level(record: logging.LogRecord) -> str | int:
    try:
        return logger.level(record.levelname).name
    except ValueError:  # a level that only the standard library knows
        return record.levelno
