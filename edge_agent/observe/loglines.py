"""One log record as one line, of bounded length: as text for people, or as a JSON object."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

from edge_agent.model.harmless import harmless
from edge_agent.model.time import instant, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from loguru import Record

#: Characters of a sentence or field; of what is escaped, which takes up to twelve for one, a quarter.
_MOST_CHARACTERS = 1_000
#: Of a line without its exception, and of that: its end says what it was.
MOST_LINE_CHARACTERS = 8_000
_MOST_EXCEPTION_CHARACTERS = 4_000
_SHORT_CHARACTERS = 80
_MOST_FIELDS = 24


def text_line(record: Record) -> str:
    """Write a sentence and its fields."""
    return _fitting(record, _text)


def json_line(record: Record) -> str:
    """Write a JSON object: time, level, logger, message, fields, and the exception where there is one."""
    return _fitting(record, _json)


def _fitting(record: Record, render: Callable[[Record, int], str]) -> str:
    line = render(record, _MOST_CHARACTERS)
    if len(line) > MOST_LINE_CHARACTERS + _MOST_EXCEPTION_CHARACTERS:
        line = render(record, _SHORT_CHARACTERS)
    return line


def _text(record: Record, most: int) -> str:
    fields = "".join(f" {name}={_text_value(value, most)}" for name, value in _fields(record).items())
    message = harmless(_cut(record["message"], most))
    exception = _exception(record)
    return f"{_time(record)} {record['level'].name:<8} {message}{fields}\n{exception}"


def _fields(record: Record) -> dict[str, Any]:
    fields = record["extra"]
    return fields if len(fields) <= _MOST_FIELDS else dict(list(fields.items())[:_MOST_FIELDS])


def _text_value(value: object, most: int) -> str:
    text = _cut(str(value), most)
    if text and text.isprintable() and not any(character in text for character in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _cut(text: str, most: int) -> str:
    if len(text) > most // 4 and not (text.isascii() and text.isprintable()):
        most //= 4
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _json(record: Record, most: int) -> str:
    fields = {name: _json_value(value, most) for name, value in _fields(record).items()}
    content = {
        "time": _time(record),
        "level": record["level"].name,
        "logger": fields.pop("logger", record["name"]),
        "message": _cut(record["message"], most),
        "fields": fields,
    }
    exception = _exception(record)
    if exception:
        content["exception"] = exception
    return json.dumps(content, allow_nan=False) + "\n"


def _json_value(value: object, most: int) -> object:
    """Keep what JSON can hold and is not long; the rest as text."""
    if value is None or isinstance(value, bool):
        return value
    try:
        length = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):  # NaN and infinity are no JSON
        return _cut(str(value), most)
    return value if length <= most else _cut(str(value), most)


def _time(record: Record) -> str:
    return rfc3339(instant(record["time"]))


def _exception(record: Record) -> str:
    found = record["exception"]
    if found is None or found.value is None:
        return ""
    whole = "".join(traceback.format_exception(found.type, found.value, found.traceback))
    text = "".join(harmless(line) + "\n" for line in whole.splitlines())
    if len(text) > _MOST_EXCEPTION_CHARACTERS // 4 and not text.isascii():
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text if len(text) <= _MOST_EXCEPTION_CHARACTERS else f"... {text[-_MOST_EXCEPTION_CHARACTERS:]}"
