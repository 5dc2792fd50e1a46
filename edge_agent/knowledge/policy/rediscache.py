"""Redis: one text a site, for a while. A call ends within half a second, and none is made while it does not work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.policy.sealed import MOST_BYTES
from edge_agent.model.dsn import ESCAPES, is_clear_redis_url
from edge_agent.ports.cancellation import heeding_cancellation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Any, Self

#: How long the server may be silent; a whole call, with connecting and greeting, may take some silences more.
SILENCE_SECONDS = 0.2
SILENCES_PER_CALL = 2.5
#: A server that failed is left alone for so long; each failure after that doubles the pause, up to the longest.
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class RedisCache:
    """The text of one site under `edge-agent:policy:<site>`; `async with` opens it, whether the server is there or not.

    What is read may be anything: whoever reads judges it. Raises StoreError for a url that is none.
    """

    def __init__(self, url: str, site: str, ttl_seconds: int, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._redis = _client(url, silence_seconds)
        self._call_seconds = silence_seconds * SILENCES_PER_CALL
        self._name = f"edge-agent:policy:{site}"
        self._ttl_seconds = ttl_seconds
        self._failures = 0
        self._rests_until = 0.0
        self.trouble: str | None = "not asked yet"  # why it did not work last; None once it did
        self.note: str | None = None  # where it works there is nothing to say

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._redis.aclose()

    async def read(self) -> bytes | None:
        """Read what is there, cut off where it is too large to be sound. Raises StoreUnavailableError."""
        return await self._call(lambda: self._redis.getrange(self._name, 0, MOST_BYTES)) or None

    async def write(self, data: bytes) -> None:
        """Put a text in the place of whatever is there. Raises StoreUnavailableError."""
        await self._call(lambda: self._redis.set(self._name, data, ex=self._ttl_seconds))

    async def _call(self, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - the library types its answers so
        clock = asyncio.get_running_loop().time
        if clock() < self._rests_until:
            raise StoreUnavailableError("Redis is left alone for a while, because it failed.")
        try:
            with heeding_cancellation():
                async with asyncio.timeout(self._call_seconds):
                    answer = await call()
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise self._failed(error, clock()) from error
            answer = b"no text"  # something else stands in its place
        except (RedisError, OSError, ValueError) as error:  # OSError: TimeoutError too, and a certificate's wrong path
            raise self._failed(error, clock()) from error
        self._answered()
        return answer

    def _failed(self, error: Exception, now: float) -> StoreUnavailableError:
        pause = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2.0 ** min(self._failures, 10))
        self._rests_until = now + pause
        self._failures += 1
        sentence = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        level = "WARNING" if self._failures == 1 else "DEBUG"
        logger.bind(error=sentence).log(level, "Redis does not work; thresholds and plans come without it")
        self.trouble = f"Redis does not work: {sentence}."
        return StoreUnavailableError(self.trouble)

    def _answered(self) -> None:
        if self._failures:
            logger.info("Redis works again")
        self._failures, self.trouble = 0, None


def _client(url: str, silence_seconds: float) -> Redis:
    if not is_clear_redis_url(url):
        raise StoreError(f"The url of Redis is none, or could be read in two ways: {ESCAPES}.")
    try:
        return Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=silence_seconds,
            socket_connect_timeout=silence_seconds,
            client_name="edge-agent",
        )
    except (ValueError, TypeError, RedisError):
        # The library's sentence, and its traceback, may quote the password.
        raise StoreError("The url of Redis cannot be read: expected redis://, rediss:// or unix://….") from None
