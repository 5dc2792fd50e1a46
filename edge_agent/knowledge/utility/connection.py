"""Connections to PostgreSQL that cannot hang us, and what their errors mean."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg import conninfo
from psycopg_pool import AsyncConnectionPool

from edge_agent.errors import StoreError, StoreForbiddenError, StoreUnavailableError
from edge_agent.model.dsn import ESCAPES, is_clear_dsn
from edge_agent.ports.cancellation import heeding_cancellation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Any, Self

    Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

#: How long a caller waits for a connection.
CHECKOUT_SECONDS = 2.0
#: How long it waits for what it does with one: past this the connection is cut, whatever the server does.
WORK_SECONDS = 6.0
#: How long an idle connection may take to prove that it lives.
PROOF_SECONDS = 1.0
#: How long a failed attempt to connect is repeated in the background before the next caller's begins anew.
_RECONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 3.0
# The pool would warn of each of its attempts; whoever asks it for a connection tells of the first failure of a streak.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

#: The server's own limits are shorter than ours, so that its sentence comes first. What is asked of large tables is a
#: look-up by key, or in the order of one. The planner does not know that of a month that has just begun: it believes it
#: empty, and the plan that reads and sorts all of it stays in use while the month grows.
_SESSION = (
    "-c statement_timeout=5s -c lock_timeout=3s -c idle_in_transaction_session_timeout=60s -c TimeZone=UTC "
    "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off"
)
_CONNECT: Mapping[str, str] = MappingProxyType(
    {
        "application_name": "edge-agent",
        "connect_timeout": "3",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "20000",
    }
)

_FORBIDDEN = "42501"
#: SQLSTATE, or the two characters of its class, of what may go well later; all others are mistakes of ours.
_LATER: Mapping[str, str] = MappingProxyType(
    {
        "08": "the connection is lost",
        "25006": "it is read-only",
        "28": "it refuses the login",
        "3D": "there is no such database",
        "3F": "the schema edge_agent is missing; run edge-agent migrate",
        "40": "another transaction was in the way",
        "42": "its tables or functions are not those of this program; run edge-agent migrate",
        "42501": "it refuses the permission",
        "42P01": "a table is missing; run edge-agent migrate",
        "53": "it is out of resources",
        "53100": "its disk is full",
        "53300": "it has too many connections",
        "55": "another transaction holds a lock",
        "57": "it is shutting down or starting",
        "57014": "it took too long",
        "58": "its disk reports an error",
        "F0": "its settings are wrong",
        "XX": "it reports damage",
    }
)


def conninfo_of(dsn: str, **more: str) -> str:
    """Add our limits to a dsn, where it does not have its own. Raises StoreError where it is none, quoting nothing."""
    if not is_clear_dsn(dsn):
        raise StoreError(f"The dsn of PostgreSQL is none, or could be read in two ways: {ESCAPES}.")
    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(dsn).items()}
        given["options"] = f"{_SESSION} {given.get('options', '')}".rstrip()
        return conninfo.make_conninfo(**{**_CONNECT, **given, **more})
    except psycopg.ProgrammingError:
        # The driver's sentence, and its traceback, may quote the password.
        raise StoreError("The dsn of PostgreSQL cannot be read: expected postgresql://… or host=… dbname=….") from None


@contextmanager
def translated() -> Iterator[None]:
    """Turn what psycopg raises into StoreUnavailableError (worth another try later) or StoreError (our mistake)."""
    try:
        yield
    except (psycopg.Error, UnicodeError, OverflowError) as error:
        raise translation(error) from error


def translation(error: Exception) -> StoreError:
    """Return what an error of the driver's means."""
    if not isinstance(error, psycopg.Error):
        return StoreError(f"PostgreSQL cannot hold a value: {error}.")
    state = error.sqlstate or ""
    reason = _LATER.get(state) or _LATER.get(state[:2])
    sentence = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if state == _FORBIDDEN:
        return StoreForbiddenError(f"PostgreSQL does not work: {reason}: {sentence}.")
    if reason is not None:
        return StoreUnavailableError(f"PostgreSQL does not work: {reason}.")
    if not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailableError(f"PostgreSQL cannot be reached: {sentence}.")
    return StoreError(f"PostgreSQL refuses a statement: {sentence}.")


@contextmanager
def cut_after(seconds: float, connection: Connection) -> Iterator[None]:
    """End the connection under whoever waits for it too long.

    Cancelling would not do: psycopg then waits for the server to confirm, and a frozen one never does.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: Connection) -> None:
    try:
        # The descriptor is libpq's: a copy of it is shut down, which both see, and closed.
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        return  # it has ended by itself


async def _prove(connection: Connection) -> None:
    with cut_after(PROOF_SECONDS, connection):
        await AsyncConnectionPool.check_connection(connection)


class Database:
    """A pool of connections; `async with` opens it whether the server is there or not.

    `accept` looks at the database before it is used first, and again after every failure. `trouble` tells why it could
    not be used last; None once it could be.
    """

    def __init__(
        self, dsn: str, accept: Callable[[Connection], Awaitable[None]], *, min_size: int, max_size: int
    ) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo_of(dsn),
            kwargs={"autocommit": True},
            min_size=min_size,
            max_size=max_size,
            open=False,
            check=_prove,
            timeout=CHECKOUT_SECONDS,
            reconnect_timeout=_RECONNECT_SECONDS,
            name="edge-agent",
        )
        self._accept = accept
        self._accepted = False
        self.trouble: str | None = "not asked yet"

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._pool.close(timeout=_CLOSE_SECONDS)

    @asynccontextmanager
    async def connection(self, seconds: float = WORK_SECONDS) -> AsyncIterator[Connection]:
        """Lend a connection, in autocommit, for so many seconds at most. Raises StoreError."""
        try:
            with translated():
                async with AsyncExitStack() as stack:
                    with heeding_cancellation():
                        connection = await stack.enter_async_context(self._pool.connection())
                    with cut_after(seconds, connection):
                        if not self._accepted:
                            await self._accept(connection)
                            self._accepted = True
                        yield connection
        except StoreUnavailableError as error:
            self._accepted, self.trouble = False, str(error)
            raise
        self.trouble = None

    @asynccontextmanager
    async def transaction(self, seconds: float = WORK_SECONDS) -> AsyncIterator[Connection]:
        """Lend a connection within a transaction: done entirely or not at all. Raises StoreError."""
        async with self.connection(seconds) as connection, connection.transaction():
            yield connection


@asynccontextmanager
async def single_connection(dsn: str, **more: str) -> AsyncIterator[Connection]:
    """Open a connection of one's own, in autocommit, outside of any pool. Raises StoreError."""
    with translated():
        connection = await psycopg.AsyncConnection.connect(conninfo_of(dsn, **more), autocommit=True)
        try:
            yield connection
        finally:
            await connection.close()
