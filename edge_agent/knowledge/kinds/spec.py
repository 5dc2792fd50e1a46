"""What a kind of store is: the section of the settings that names it, and how it is opened. One module each here.

The embedded store is none of them: it is always there. Beside it a gateway may have a store of the utility, which
governs its site and takes what was recorded, and a cache through which gateways share what they have read of that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from edge_agent.ports.policy import Cache, UtilityPolicy
from edge_agent.ports.stores import Sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from edge_agent.model.fitness import Misfit


class Ailing(Protocol):
    """What the health says of an open store."""

    @property
    def trouble(self) -> str | None:
        """Why it could not be used last; None once it could be."""
        ...

    @property
    def note(self) -> str | None:
        """What is to be known of it though it works; None where nothing is."""
        ...


class UtilityStore(Sink, UtilityPolicy, Ailing, Protocol):
    """A store of the utility, open, for one site. Every call ends within seconds, whatever its server does."""

    def changes(self) -> AsyncIterator[None]:
        """Yield when the policy may have changed, once at first. Ends only with StoreUnavailableError."""
        ...

    async def maintain(self) -> int:
        """Do what is due once a day, and return how many parts of its history were dropped. Raises StoreError."""
        ...


class SharedCache(Cache, Ailing, Protocol):
    """A cache of one site, open."""


class Migrated(NamedTuple):
    """What bringing a schema up to date came to: the versions that were reached, in order, and that it has now."""

    reached: tuple[int, ...]
    version: int


class StoreKind(ABC):
    """One kind of store. A subclass is a frozen dataclass whose members are the keys of its section of the settings.

    One of them says where the store is; without it the store is not used. It may hold a password, so it is a secret,
    and the settings take the name of a file with it as well. To open a store reaches no server: one that is away is
    tried at each call. A driver is loaded when a store is opened, for most agents need none.
    """

    __slots__ = ()

    #: Its section of the settings, and its part of the health.
    name: ClassVar[str]
    #: What people call it.
    title: ClassVar[str]
    #: The key that says where it is, a `SecretStr`.
    where: ClassVar[str]

    @property
    def address(self) -> str | None:
        """Where it is; None where nothing says so."""
        secret = getattr(self, self.where)
        return None if secret is None else str(secret.get_secret_value())

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find what does not fit in its section as it is written; a wrong type is passed over, no secret is quoted."""
        del given
        yield from ()


class UtilityKind(StoreKind):
    """A kind of store that governs sites and takes what their gateways have recorded."""

    __slots__ = ()

    @abstractmethod
    def open(self, site: str) -> AbstractAsyncContextManager[UtilityStore]:
        """Return the store of a site, to be entered. Raises StoreError for an address that is none."""
        ...

    @abstractmethod
    async def migrate(self) -> Migrated:
        """Bring its schema up to date. Raises StoreError."""
        ...


class CacheKind(StoreKind):
    """A kind of cache through which the gateways of a site share what they have read in the utility's store."""

    __slots__ = ()

    @abstractmethod
    def open(self, site: str) -> AbstractAsyncContextManager[SharedCache]:
        """Return the cache of a site, to be entered. Raises StoreError for an address that is none."""
        ...
