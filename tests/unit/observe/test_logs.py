from __future__ import annotations

import io
import json
import logging
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from edge_agent.observe.logs import configure_logs

pytestmark = pytest.mark.usefixtures("restored_logging")


@pytest.fixture
def log():
    """Configure logs and give back how to read what was written."""

    def configure(level="INFO", form="json"):
        stream = io.StringIO()
        configure_logs(level, form, stream)
        return stream

    return configure


def records(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_one_object_a_line_with_its_fields(log):
    stream = log()
    logger.warning("Alarm raised", alarm="tank1/level:low", value=1.42, tests={"spike": "good"})
    logger.info("Started {count} times", count=2)
    first, second = records(stream)
    assert first["level"] == "WARNING"
    assert first["message"] == "Alarm raised"
    assert first["fields"] == {"alarm": "tank1/level:low", "value": 1.42, "tests": {"spike": "good"}}
    assert second["message"] == "Started 2 times"


def test_the_time_is_rfc3339_in_utc(log):
    stream = log()
    before = datetime.now(UTC)  # noqa: TID251 - the log reads the real clock, so must its test
    logger.info("now")
    written = records(stream)[0]["time"]
    assert written.endswith("Z")
    assert abs((datetime.fromisoformat(written) - before).total_seconds()) < 5


def test_text_is_a_sentence_and_its_fields(log):
    stream = log(form="text")
    logger.bind(node="tank1").info("Node is offline", reason="silent since 30 s", unit="µS/cm", empty="")
    time, line = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert line == 'INFO     Node is offline node=tank1 reason="silent since 30 s" unit=µS/cm empty=""\n'


@pytest.mark.parametrize("form", ["text", "json"])
def test_records_below_the_level_are_left_out(log, form):
    stream = log("WARNING", form)
    logger.info("not this")
    logger.warning("this")
    assert stream.getvalue().count("\n") == 1
    assert "not this" not in stream.getvalue()


def test_an_exception_is_told_without_the_values_of_variables(log):
    def fail(secret):
        raise ValueError("no water" if secret else "")

    for form in ("text", "json"):
        stream = log(form=form)
        try:
            fail("hunter2")
        except ValueError:
            logger.exception("It failed")
        text = stream.getvalue() if form == "text" else records(stream)[0]["exception"]
        assert "Traceback" in text
        assert "ValueError: no water" in text
        assert "secret = " not in text
        assert "'hunter2'" not in text


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), b"\xff", {1, 2}])
def test_any_field_makes_valid_json(log, value):
    stream = log()
    logger.info("odd", value=value, other=1)

    def refuse(constant):
        raise AssertionError(constant)

    assert "value" in json.loads(stream.getvalue(), parse_constant=refuse)["fields"]


@given(message=st.text(), field=st.text())
def test_no_text_can_forge_a_second_line(message, field):
    for form in ("text", "json"):
        stream = io.StringIO()
        configure_logs("INFO", form, stream)
        logger.bind(field=field).info(message)
        assert len(stream.getvalue().splitlines()) == 1
        assert "\x1b" not in stream.getvalue()


def test_standard_library_logging_is_routed_with_its_logger(log):
    stream = log()
    logging.getLogger("paho.client").warning("lost {the} %s", "broker")
    (record,) = records(stream)
    assert (record["level"], record["message"], record["logger"]) == ("WARNING", "lost {the} broker", "paho.client")


def test_standard_library_exceptions_are_routed(log):
    stream = log()
    library = logging.getLogger("x")
    try:
        int("cable")
    except ValueError:
        library.exception("broken")
    library.error("nothing happened", exc_info=(None, None, None))
    first, second = records(stream)
    assert "ValueError: invalid literal" in first["exception"]
    assert "exception" not in second


def test_a_level_that_only_the_standard_library_knows_is_routed(log):
    stream = log()
    logging.getLogger("x").log(35, "between")
    assert records(stream)[0]["message"] == "between"


@pytest.mark.parametrize(("level", "heard"), [("INFO", ["warn"]), ("DEBUG", ["debug", "info", "warn"]), ("ERROR", [])])
@pytest.mark.parametrize("name", ["aiomqtt", "paho", "amqtt.broker", "asyncio"])
def test_chatter_of_libraries_is_heard_at_debug_only(log, level, heard, name):
    stream = log(level)
    library = logging.getLogger(name)
    library.debug("debug")
    library.info("info")
    library.warning("warn")
    assert [record["message"] for record in records(stream)] == heard


def test_a_record_with_wrong_arguments_is_logged_without_them(log, capsys):
    stream = log()
    logging.getLogger("x").warning("%d", "no number")
    assert records(stream)[0]["message"] == "%d (its arguments do not fit)"
    assert capsys.readouterr().err == ""  # nothing but the sink is ever written to


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_field_that_cannot_be_written_raises_nothing(log, form, capsys):
    class Broken:
        def __str__(self):
            raise RuntimeError

    stream = log(form=form)
    logger.bind(odd=Broken()).info("It broke")
    assert "It broke" in stream.getvalue()
    assert capsys.readouterr().err == ""


def test_want_of_memory_is_not_swallowed(log):
    class Huge:
        def __str__(self):
            raise MemoryError

    for form in ("text", "json"):
        log(form=form)
        with pytest.raises(MemoryError):
            logger.bind(odd=Huge()).info("It broke")
        with pytest.raises(MemoryError):
            logging.getLogger("x").warning("%s", Huge())


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("letter", ["x", "ü", "\x1b", "\U0001f6b0"])
def test_a_line_has_a_bounded_length(log, form, letter):
    stream = log(form=form)
    fields = {f"field{number}": letter * 100_000 for number in range(100)}
    logger.bind(**fields).opt(exception=ValueError(letter * 100_000)).error(letter * 100_000)
    assert len(stream.getvalue()) < 16_384
    if form == "json":
        assert records(stream)[0]["fields"]["field0"].startswith(letter * 20)


def test_a_cut_text_tells_its_length(log):
    stream = log(form="text")
    logger.bind(reason="x" * 5_000).info("Refused")
    assert stream.getvalue().endswith(f'reason="{"x" * 1_000}… (5,000 characters)"\n')


def test_an_exception_commands_no_terminal(log):
    stream = log(form="text")
    logger.opt(exception=ValueError("\x1b[2J\u202e\x9b")).error("It failed")
    assert all(line.isprintable() for line in stream.getvalue().splitlines())
    assert "ValueError: \\x1b[2J" in stream.getvalue()


def test_configuring_again_replaces_what_was(log):
    first = log()
    second = log()
    logger.info("once")
    logging.getLogger("x").warning("twice")
    assert not first.getvalue()
    assert len(records(second)) == 2


def test_what_comes_after_the_stream_was_closed_is_nobodys_business(log):
    stream = log()
    stream.close()
    logger.info("Too late")
