"""No part of a password is ever in an error, in the health or in the log, however it is slipped into an address."""

from __future__ import annotations

import traceback

import pytest
from loguru import logger

from edge_agent.errors import ConfigurationError, EdgeAgentError
from edge_agent.knowledge.policy.rediscache import RedisCache
from edge_agent.knowledge.utility.migrate import migrate
from edge_agent.knowledge.utility.postgres import PostgresStore
from edge_agent.model.dsn import is_clear_dsn, is_clear_redis_url
from edge_agent.settings.agent import settings_from

#: Between them no character of what must not show stands in any sentence of ours or of the drivers.
ODD = ("", "@", "/", ":", "?", "#", "%", "%4", " ", "@@", "@/", "/@", "?@", "@?", "[", "\\", "'", "&", "=")
PASSWORDS = [f"zqx{odd}xqz" for odd in ODD]
PLACE = "127.0.0.1:1/water"


@pytest.fixture
def logged():
    found = []
    handler = logger.add(found.append, level="TRACE", format="{message} {extra} {exception}")
    yield found
    logger.remove(handler)


def told(error):
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form", ["postgresql://agent:{}@{}", "postgresql://:{}@{}", "postgres://agent:{}@{}?connect_timeout=2"]
)
async def test_none_of_a_postgresql_dsn(password, form, logged):
    dsn = form.format(password, PLACE)
    with pytest.raises(EdgeAgentError) as caught:
        await migrate(dsn)
    said = told(caught.value)
    try:
        settings_from({"postgres": {"dsn": dsn}}, "agent.toml", {})
    except ConfigurationError as error:
        said += told(error)
    assert not any(part in said + "".join(logged) for part in ("zqx", "xqz")), said


@pytest.mark.parametrize("password", ["zqx:xqz", "zqx@xqz"])
async def test_none_where_a_pool_is_kept(password, logged):
    try:
        async with PostgresStore(f"postgresql://agent:{password}@{PLACE}", "riverside") as store:
            with pytest.raises(EdgeAgentError) as caught:
                await store.version()
            said = told(caught.value) + str(store.trouble)
    except EdgeAgentError as error:
        said = told(error)
    assert not any(part in said + "".join(logged) for part in ("zqx", "xqz")), said


@pytest.mark.parametrize("password", PASSWORDS)
async def test_none_of_a_redis_url(password, logged):
    url = f"redis://agent:{password}@127.0.0.1:1/0"
    said = ""
    try:
        async with RedisCache(url, "riverside", 60) as cache:
            with pytest.raises(EdgeAgentError) as caught:
                await cache.read()
            said += told(caught.value) + str(cache.trouble)
    except EdgeAgentError as error:
        said += told(error)
    try:
        settings_from({"redis": {"url": url}, "postgres": {"dsn": "host=x"}}, "agent.toml", {})
    except ConfigurationError as error:
        said += told(error)
    assert not any(part in said + "".join(logged) for part in ("zqx", "xqz")), said


def test_a_password_with_an_unescaped_at_is_a_finding_that_says_how_to_write_it():
    for raw in ({"postgres": {"dsn": "postgresql://a:p@ss@db/water"}}, {"redis": {"url": "redis://a:1/p@db/0"}}):
        with pytest.raises(ConfigurationError, match="%40"):
            settings_from(raw, "agent.toml", {})


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://db/water",
        "postgresql://db:5432/water",
        "postgresql:///water",
        "postgresql://agent@db/water",
        "postgres://agent:p%40ss@db:5432/water?sslmode=require",
        "postgresql://agent:pass@[::1]:5432/water",
        "postgresql://agent:pass@a:1,b:2/water",
        "postgresql://a,b/water",
        "postgresql://%2Frun%2Fpostgresql/water",
        "postgresql://db/water?user=agent@azure",
        "postgresql://agent:pa?ss@db/water",
        "postgresql://agent:pa:ss@db/water",
        "host=db password='p@ss/word'",
    ],
)
def test_a_dsn_that_is_clear_is_taken(dsn):
    assert is_clear_dsn(dsn)


@pytest.mark.parametrize(
    "url",
    [
        "redis://db",
        "redis://:pass@db:6379/0",
        "rediss://a:p%40ss@db/0",
        "unix:///run/redis.sock?db=1",
        "redis://a:p@ss@db",
    ],
)
def test_a_url_that_is_clear_is_taken(url):
    assert is_clear_redis_url(url)
