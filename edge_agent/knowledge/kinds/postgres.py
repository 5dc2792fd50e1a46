"""PostgreSQL as the utility's store: its section of the settings. What it does stands in `knowledge/utility/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, SecretStr

from edge_agent.knowledge.kinds.spec import Migrated, UtilityKind
from edge_agent.model.dsn import ESCAPES, is_clear_dsn
from edge_agent.model.fitness import Misfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.knowledge.utility.postgres import PostgresStore

_LEAST, _MOST = 1, 4


@dataclass(frozen=True)
class Postgres(UtilityKind):
    """The utility's own store, shared by gateways. Without a dsn the embedded store is all there is."""

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    where: ClassVar[str] = "dsn"

    dsn: Annotated[
        SecretStr | None,
        Field(
            description="Where it is: `postgresql://user@host/database`, or `host=… dbname=…`; with a password in it "
            "rather use `dsn_file`."
        ),
    ] = None
    pool_min_size: Annotated[int, Field(ge=0, le=100, description="Connections that are kept open.")] = _LEAST
    pool_max_size: Annotated[int, Field(ge=1, le=100, description="Connections at most; above the least number.")] = (
        _MOST
    )
    readings_keep_days: Annotated[
        int | None,
        Field(
            ge=1,
            le=36500,
            description="Months of readings that ended longer ago are dropped, when every site in the database says "
            "so; absent: none is.",
        ),
    ] = None

    def open(self, site: str) -> PostgresStore:
        """Return the store of a site, to be entered, whether the server is there or not."""
        from edge_agent.knowledge.utility.postgres import PostgresStore  # noqa: PLC0415 - its driver is loaded only where it is used

        return PostgresStore(
            self.address or "",
            site,
            min_size=self.pool_min_size,
            max_size=self.pool_max_size,
            readings_keep_days=self.readings_keep_days,
        )

    async def migrate(self) -> Migrated:
        """Bring its schema up to date. Raises StoreError."""
        from edge_agent.knowledge.utility import migrate as schema  # noqa: PLC0415 - as above

        return Migrated(tuple(await schema.migrate(self.address or "")), schema.NEWEST)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find a dsn that is none, without loading the driver, and a pool in which no connection is to spare.

        With one to spare, a lost server is found again at once.
        """
        dsn = given.get("dsn")
        if isinstance(dsn, str) and not is_clear_dsn(dsn):
            expected = f"postgresql://user@host/database, or host=… dbname=…; {ESCAPES}"
            yield Misfit(("dsn",), "is not a dsn, or could be read in two ways", expected)
        least, most = given.get("pool_min_size", _LEAST), given.get("pool_max_size", _MOST)
        if isinstance(least, int) and isinstance(most, int) and least >= most:
            yield Misfit(("pool_max_size",), f"{most} is not above pool_min_size", f"more than {least}")
