"""Logs: loguru as text or as JSON, one record a line, and the standard library's logging routed into it."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from loguru import logger

from edge_agent.model.time import instant, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from loguru import Message, Record

LogFormat: TypeAlias = Literal["text", "json"]


def configure_logs(level: str, format: LogFormat = "text", sink: TextIO | None = None) -> None:  # noqa: A002 - the setting's name
    """Send every log record from `level` up to `sink` (standard error unless given), replacing what was configured.

    Records of the standard library's logging (all of them third-party) pass from WARNING up, at DEBUG all of them.
    """
    stream = sink or sys.stderr
    render = _json_line if format == "json" else _text_line

    def write(message: Message) -> None:
        stream.write(render(message.record))
        stream.flush()

    logger.remove()
    # `diagnose` would print the values of variables, secrets among them; `enqueue` costs the caller more than it saves.
    logger.add(write, level=level, format=_nothing, diagnose=False, backtrace=False, enqueue=False)
    _route_standard_logging(level)


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
        """Log the record again with loguru. Raises MemoryError only."""
        try:
            text = record.getMessage()
            logger.bind(logger=record.name).opt(exception=record.exc_info).log(_level(record), text)
        except MemoryError:
            raise
        # A record with wrong arguments must not raise where it was logged; logging has its own way to report it.
        except Exception:
            self.handleError(record)


def _level(record: logging.LogRecord) -> str | int:
    try:
        return logger.level(record.levelname).name
    except ValueError:  # a level that only the standard library knows
        return record.levelno


def _text_line(record: Record) -> str:
    fields = "".join(f" {name}={_text_value(value)}" for name, value in record["extra"].items())
    return f"{_time(record)} {record['level'].name:<8} {_printable(record['message'])}{fields}\n{_exception(record)}"


def _text_value(value: object) -> str:
    text = str(value)
    if text and text.isprintable() and not any(character in text for character in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _printable(text: str) -> str:
    """Escape what could forge a line or command a terminal: messages of libraries quote what came from outside."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _json_line(record: Record) -> str:
    fields = dict(record["extra"])
    content = {
        "time": _time(record),
        "level": record["level"].name,
        "logger": fields.pop("logger", record["name"]),
        "message": record["message"],
        "fields": fields,
    }
    exception = _exception(record)
    if exception:
        content["exception"] = exception
    try:
        return _dumped(content, str)
    except ValueError:  # NaN and infinity are no JSON
        return _dumped({**content, "fields": {name: str(value) for name, value in fields.items()}}, str)


def _dumped(content: dict[str, Any], default: Callable[[object], str]) -> str:
    return json.dumps(content, default=default, allow_nan=False) + "\n"


def _time(record: Record) -> str:
    return rfc3339(instant(record["time"]))


def _exception(record: Record) -> str:
    found = record["exception"]
    if found is None or found.value is None:
        return ""
    return "".join(traceback.format_exception(found.type, found.value, found.traceback))
