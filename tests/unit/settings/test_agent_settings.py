from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.settings.agent import Settings, load_settings, settings_from
from edge_agent.settings.environment import every_setting


@pytest.fixture
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    return tmp_path


def from_dict(raw=None, environ=None):
    return settings_from(raw or {}, "agent.toml", environ or {})


def test_an_agent_without_file_or_environment_has_its_defaults(working_directory):
    settings = load_settings(None, {"PATH": "/bin"})

    assert settings == Settings()
    assert (settings.agent.id, settings.mqtt.port, settings.store.path) == (
        "gateway-1",
        1883,
        Path("var/edge-agent.db"),
    )
    assert settings.mqtt.password is None
    assert settings.mqtt.tls is None


def test_the_file_in_the_working_directory_is_found(working_directory):
    (working_directory / "config/agent.toml").write_text('[agent]\nid = "found"\n')

    assert load_settings(None, {}).agent.id == "found"


def test_a_named_file_is_read_in_its_place(working_directory):
    (working_directory / "config/agent.toml").write_text('[agent]\nid = "found"\n')
    (working_directory / "other.toml").write_text('[agent]\nid = "named"\n')

    assert load_settings(Path("other.toml"), {}).agent.id == "named"


def test_a_named_file_that_does_not_exist_is_a_problem(tmp_path, problems_of):
    problem = problems_of(load_settings, tmp_path / "none.toml", {})["file"]

    assert problem.file == str(tmp_path / "none.toml")
    assert problem.wrong == "cannot be read: no such file or directory"


@pytest.mark.parametrize(
    ("content", "key", "wrong"),
    [
        (b"[mqtt]\nhost = \n", "line 2, column 8", "is not valid TOML: invalid value"),
        (b"[mqtt]\nport = 1\nport = 2\n", "line 3, column 9", "is not valid TOML: cannot overwrite a value"),
        (b"[mqtt]\nhost = '\xff'\n", "line 2", "is not UTF-8"),
        (b"[agent", "end of document", "is not valid TOML"),
        (b"a = " + 2000 * b"[" + 2000 * b"]", "file", "is nested too deeply"),
        (b"a = " + 5000 * b"9", "file", "is not valid TOML"),
    ],
)
def test_what_is_no_toml_is_a_problem_with_its_line(tmp_path, problems_of, content, key, wrong):
    file = tmp_path / "agent.toml"
    file.write_bytes(content)

    found = problems_of(load_settings, file, {})

    assert list(found) == [key]
    assert found[key].wrong.startswith(wrong)
    assert "\n" not in str(found[key])


def test_the_environment_overrides_the_file_and_takes_each_type():
    raw = {"mqtt": {"host": "file", "port": 1, "topic_prefix": "plant"}, "control": {"mode": "manual"}}
    environ = {
        "EDGE_AGENT_MQTT__HOST": "broker.example",
        "EDGE_AGENT_MQTT__PORT": "8883",
        "EDGE_AGENT_MQTT__TLS__CA_FILE": __file__,
        "EDGE_AGENT_STORE__COMMIT_INTERVAL_SECONDS": "0.25",
        "EDGE_AGENT_LOG__FORMAT": "json",
        "EDGE_AGENT_CONTROL__MODE": "",
    }

    settings = from_dict(raw, environ)

    assert (settings.mqtt.host, settings.mqtt.port) == ("broker.example", 8883)
    assert settings.mqtt.topic_prefix == "plant"
    assert settings.mqtt.tls.ca_file == Path(__file__)
    assert settings.store.commit_interval_seconds == 0.25
    assert settings.log.format == "json"
    assert settings.control.mode == "manual", "an empty variable counts as absent"
    assert raw["mqtt"]["host"] == "file", "the given file content is left alone"


def test_an_empty_tls_table_encrypts():
    assert from_dict({"mqtt": {"tls": {}}}).mqtt.tls.ca_file is None


@pytest.mark.parametrize(
    ("content", "secret"), [("s3cret\n", "s3cret"), ("s3cret", "s3cret"), (" two \n\n", " two \n")]
)
def test_a_password_is_read_from_its_file_without_the_newline_at_its_end(tmp_path, content, secret):
    (tmp_path / "password").write_text(content)

    mqtt = from_dict({"mqtt": {"username": "agent", "password_file": str(tmp_path / "password")}}).mqtt

    assert mqtt.password.get_secret_value() == secret


def test_a_dsn_is_read_from_its_file(tmp_path):
    (tmp_path / "dsn").write_text("postgresql://agent:s3cret@db/water\n")

    postgres = from_dict({}, {"EDGE_AGENT_POSTGRES__DSN_FILE": str(tmp_path / "dsn")}).postgres

    assert postgres.dsn.get_secret_value() == "postgresql://agent:s3cret@db/water"
    assert "s3cret" not in repr(postgres)


def test_a_secret_does_not_appear_in_a_representation_or_an_error(problems_of):
    assert "s3cret" not in repr(from_dict({"mqtt": {"username": "agent", "password": "s3cret"}}))

    problem = problems_of(from_dict, {"mqtt": {"username": "agent", "password": 12345}})["mqtt.password"]
    assert "12345" not in str(problem)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        Settings().mqtt.port = 1


def test_settings_made_by_hand_take_no_notice_of_the_environment(monkeypatch):
    monkeypatch.setenv("EDGE_AGENT_MQTT__HOST", "elsewhere")

    assert Settings().mqtt.host == "localhost"


def test_a_url_of_redis_is_read_from_its_file_and_not_shown(tmp_path):
    (tmp_path / "url").write_text("rediss://agent:s3cret@cache:6380/2\n")

    settings = from_dict(POSTGRES, {"EDGE_AGENT_REDIS__URL_FILE": str(tmp_path / "url")})

    assert settings.redis.url.get_secret_value() == "rediss://agent:s3cret@cache:6380/2"
    assert "s3cret" not in repr(settings)


def test_a_url_that_is_none_is_not_quoted(problems_of):
    problem = problems_of(from_dict, POSTGRES | {"redis": {"url": "http://agent:s3cret@cache"}})["redis.url"]

    assert "s3cret" not in str(problem)


POSTGRES = {"postgres": {"dsn": "postgresql://db.example/water"}}
MISTAKES = [
    ({"mqtt": {"hots": "x"}}, "mqtt.hots", "is not a known key", "did you mean host?"),
    ({"mqt": {}}, "mqt", "is not a known key", "did you mean mqtt?"),
    ({"_env_file": ".env"}, "_env_file", "is not a known key", "one of agent, mqtt"),
    ({"postgres": {"dns": "x"}}, "postgres.dns", "is not a known key", "did you mean dsn?"),
    ({"postgres": {"dsn": "water"}}, "postgres.dsn", "is not a dsn", "postgresql://"),
    (
        {"postgres": {"dsn": "dbname=x", "dsn_file": "/none"}},
        "postgres.dsn",
        "as well as postgres.dsn_file",
        "only one",
    ),
    ({"postgres": {"dsn_file": "/none"}}, "postgres.dsn_file", '"/none" cannot be read: no such file', "may read"),
    ({"postgres": {"pool_max_size": 0}}, "postgres.pool_max_size", "0 is out of range", "from 1 to 100"),
    ({"postgres": {"pool_min_size": 4}}, "postgres.pool_max_size", "4 is not above pool_min_size", "more than 4"),
    ({"postgres": {"readings_keep_days": 0}}, "postgres.readings_keep_days", "0 is out of range", "from 1"),
    ({"redis": {"uri": "x"}}, "redis.uri", "is not a known key", "did you mean url?"),
    ({"redis": {"ttl_seconds": 5}}, "redis.ttl_seconds", "5 is out of range", "from 60 to 2592000"),
    (
        POSTGRES | {"redis": {"url": "redis://x", "url_file": __file__}},
        "redis.url",
        "as well as redis.url_file",
        "only one",
    ),
    (POSTGRES | {"redis": {"url_file": "/none"}}, "redis.url_file", '"/none" cannot be read: no such file', "may read"),
    *(
        (POSTGRES | {"redis": {"url": url}}, "redis.url", "it is not allowed", "a URL: redis://")
        for url in ("cache:6379", "http://cache", "redis://cache:port", "redis://cache:99999", "redis://[::1/0", "")
    ),
    ({"agent": {"id": "Gateway 1"}}, "agent.id", '"Gateway 1" is not allowed', "an id: 1 to 63"),
    ({"agent": {"id": 64 * "a"}}, "agent.id", "is not allowed", "an id: 1 to 63"),
    ({"agent": {"id": "a\n"}}, "agent.id", "is not allowed", "an id: 1 to 63"),
    ({"agent": 3}, "agent", "3 is a whole number", "a table"),
    ({"agent": []}, "agent", "is a list", "a table"),
    ({"mqtt": {"host": ""}}, "mqtt.host", '"" is not a host name', "a host name or address"),
    ({"mqtt": {"port": 0}}, "mqtt.port", "0 is out of range", "a whole number from 1 to 65535"),
    ({"mqtt": {"port": 65536}}, "mqtt.port", "65536 is out of range", "a whole number from 1 to 65535"),
    ({"mqtt": {"port": 10**400}}, "mqtt.port", "beyond 64 bits", "a whole number from 1 to 65535"),
    ({"mqtt": {"port": "1883"}}, "mqtt.port", '"1883" is text', "a whole number"),
    ({"mqtt": {"port": True}}, "mqtt.port", "true is a boolean", "a whole number"),
    ({"mqtt": {"port": 1.5}}, "mqtt.port", "1.5 is a number", "a whole number"),
    ({"mqtt": {"port": {}}}, "mqtt.port", "is a table", "a whole number"),
    ({"mqtt": {"username": ""}}, "mqtt.username", '"" is empty', "text"),
    ({"mqtt": {"tls": {"cafile": "x"}}}, "mqtt.tls.cafile", "is not a known key", "did you mean ca_file?"),
    ({"mqtt": {"tls": {"ca_file": "/none"}}}, "mqtt.tls.ca_file", '"/none" cannot be read: no such file', "may read"),
    ({"mqtt": {"tls": {"ca_file": "a\0b"}}}, "mqtt.tls.ca_file", "cannot be read", "may read"),
    ({"mqtt": {"tls": {"key_file": __file__}}}, "mqtt.tls.key_file", "without mqtt.tls.cert_file", "a certificate"),
    ({"mqtt": {"password": "x"}}, "mqtt.password", "is given without mqtt.username", "a username"),
    ({"store": {"path": ""}}, "store.path", '"" is empty', "a path"),
    ({"store": {"path": 3}}, "store.path", "3 is a whole number", "a path"),
    ({"store": {"commit_interval_seconds": -1}}, "store.commit_interval_seconds", "-1 is out", "a number from 0 to 60"),
    ({"store": {"commit_interval_seconds": float("nan")}}, "store.commit_interval_seconds", "nan is not", "a number"),
    (
        {"quality": {"future_tolerance_seconds": float("inf")}},
        "quality.future_tolerance_seconds",
        "inf is not a finite",
        "from",
    ),
    ({"http": {"port": -1}}, "http.port", "-1 is out of range", "a whole number from 0 to 65535"),
    ({"log": {"level": "info"}}, "log.level", '"info" is not allowed', "did you mean INFO?"),
    ({"log": {"format": 1}}, "log.format", "1 is not allowed", 'one of "text", "json"'),
    ({"control": {"mode": "off"}}, "control.mode", '"off" is not allowed', '"auto", "advisory", "manual"'),
    *(
        ({"mqtt": {"topic_prefix": prefix}}, "mqtt.topic_prefix", "is not allowed", "topic levels")
        for prefix in ("", "/water", "water/", "a//b", "water/+", "#", "a/#/b", "$SYS", "a\0b", "a\n")
    ),
]


@pytest.mark.parametrize(("raw", "key", "wrong", "expected"), MISTAKES)
def test_a_mistake_in_the_file_is_named(problems_of, raw, key, wrong, expected):
    found = problems_of(from_dict, raw)

    assert list(found) == [key]
    assert found[key].file == "agent.toml"
    assert wrong.casefold() in found[key].wrong.casefold()
    assert expected in found[key].expected


@pytest.mark.parametrize("prefix", ["water", "utility/north/water", "Wässer", "a$b"])
def test_a_topic_prefix_may_have_levels(prefix):
    assert from_dict({"mqtt": {"topic_prefix": prefix}}).mqtt.topic_prefix == prefix


@pytest.mark.parametrize(
    ("variable", "value", "wrong", "expected"),
    [
        ("EDGE_AGENT_MQTT__HOTS", "x", "no setting has this variable", "did you mean EDGE_AGENT_MQTT__HOST?"),
        ("EDGE_AGENT_MQTT", "{}", "no setting has this variable", "known settings"),
        ("EDGE_AGENT_mqtt__host", "x", "no setting has this variable", "did you mean EDGE_AGENT_MQTT__HOST?"),
        ("EDGE_AGENT_MQTT_HOST", "", "no setting has this variable", "did you mean EDGE_AGENT_MQTT__HOST?"),
        ("EDGE_AGENT_POSTGRES__DSN_FILE", "/none", '"/none" cannot be read: no such file', "a file"),
        ("EDGE_AGENT_REDIS__URL_FILE", "/none", '"/none" cannot be read: no such file', "a file"),
        ("EDGE_AGENT_MQTT__PORT", "many", '"many" is text', "a whole number from 1 to 65535"),
        ("EDGE_AGENT_MQTT__PORT", "70000", "70000 is out of range", "a whole number from 1 to 65535"),
        ("EDGE_AGENT_MQTT__KEEPALIVE_SECONDS", "1.5", '"1.5" is text', "a whole number"),
        ("EDGE_AGENT_STORE__COMMIT_INTERVAL_SECONDS", "nan", "not a finite number", "a number from 0 to 60"),
        ("EDGE_AGENT_CONTROL__MODE", "full", '"full" is not allowed', '"manual"'),
        ("EDGE_AGENT_MQTT__TLS__CA_FILE", "/none", '"/none" cannot be read: no such file', "a file"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(problems_of, variable, value, wrong, expected):
    found = problems_of(from_dict, {}, {variable: value})

    assert list(found) == [variable]
    assert found[variable].file == "environment"
    assert wrong in found[variable].wrong
    assert expected in found[variable].expected


def test_a_password_given_twice_is_a_problem(tmp_path, problems_of):
    (tmp_path / "password").write_text("x")
    mqtt = {"username": "agent", "password": "x", "password_file": str(tmp_path / "password")}

    problem = problems_of(from_dict, {"mqtt": mqtt})["mqtt.password"]

    assert problem.wrong == "is given as well as mqtt.password_file"
    assert problem.expected == "only one of the two"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_password_file_that_gives_no_password_is_named(tmp_path, problems_of, content):
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)

    problem = problems_of(from_dict, {"mqtt": {"username": "agent", "password_file": str(file)}})["mqtt.password_file"]

    assert str(file) in problem.wrong


def test_a_password_file_from_the_environment_is_named_by_its_variable(problems_of):
    environ = {"EDGE_AGENT_MQTT__USERNAME": "agent", "EDGE_AGENT_MQTT__PASSWORD_FILE": "/none"}

    problem = problems_of(from_dict, {}, environ)["EDGE_AGENT_MQTT__PASSWORD_FILE"]

    assert problem.wrong == '"/none" cannot be read: no such file or directory'


def test_every_mistake_is_told_at_once(problems_of):
    raw = {"mqt": {}, "mqtt": {"port": 0, "hots": "x"}, "http": {"port": "x"}}

    found = problems_of(from_dict, raw, {"EDGE_AGENT_LOG__LEVEL": "LOUD", "EDGE_AGENT_LOGS": "x"})

    assert set(found) == {"mqt", "mqtt.port", "mqtt.hots", "http.port", "EDGE_AGENT_LOG__LEVEL", "EDGE_AGENT_LOGS"}


WORDS = st.sampled_from(["agent", "id", "mqtt", "tls", "password", "password_file", "http", "port", "_env_file"])
VALUES = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(string.printable, max_size=8), st.dates(), st.times()
)
TABLES = st.dictionaries(
    WORDS | st.text(max_size=4),
    st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4)),
    max_size=5,
)
VARIABLES = st.sampled_from([setting.variable for setting in every_setting(Settings)] + ["EDGE_AGENT_", "HOME"])


def problems_with(raw, environ):
    """Return the problems, none where the settings load; any other exception goes through."""
    try:
        from_dict(raw, environ)
    except ConfigurationError as error:
        return error.problems or [Problem("", "", "", "")]
    return []


@given(TABLES, st.dictionaries(VARIABLES, st.text(max_size=8), max_size=4))
def test_whatever_is_in_a_file_it_is_settings_or_problems_of_one_line(raw, environ):
    assert all("\n" not in str(problem) and all(problem[:4]) for problem in problems_with(raw, environ))
