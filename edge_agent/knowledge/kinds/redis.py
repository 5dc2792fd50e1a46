"""Redis as the cache that gateways share: its section of the settings. What it does stands in `knowledge/policy/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from edge_agent.knowledge.kinds.spec import CacheKind
from edge_agent.model.dsn import ESCAPES, is_clear_redis_url

if TYPE_CHECKING:
    from edge_agent.knowledge.policy.rediscache import RedisCache


def _clear(url: SecretStr) -> SecretStr:
    if not is_clear_redis_url(url.get_secret_value()):
        raise PydanticCustomError("string_pattern_mismatch", "no url of Redis")
    return url


@dataclass(frozen=True)
class Redis(CacheKind):
    """A cache of thresholds and plans before PostgreSQL, shared by gateways. Without a url there is none."""

    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Redis"
    where: ClassVar[str] = "url"

    url: Annotated[
        Annotated[SecretStr, AfterValidator(_clear)] | None,
        Field(
            title=f"a URL: redis://host:port/0, with TLS rediss://host:port/0, or unix:///path; {ESCAPES}",
            description="Where it is; with a password in it rather use `url_file`.",
        ),
    ] = None
    ttl_seconds: Annotated[
        int,
        Field(ge=60, le=2_592_000, description="How long it holds what no gateway has confirmed with PostgreSQL."),
    ] = 86400

    def open(self, site: str) -> RedisCache:
        """Return the cache of a site, to be entered, whether the server is there or not."""
        from edge_agent.knowledge.policy.rediscache import RedisCache  # noqa: PLC0415 - its driver is loaded only where it is used

        return RedisCache(self.address or "", site, self.ttl_seconds)
