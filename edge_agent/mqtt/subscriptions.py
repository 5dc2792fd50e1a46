"""What a session is subscribed to: its own filters, and exact topics of devices that come and go with the plant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_agent.mqtt.linkerrors import NotSubscribedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

#: So many topics are asked for in one packet: 50 KiB at the most.
_AT_ONCE = 50
#: So many topics are named in a sentence.
_NAMED = 5


class Subscriber(Protocol):
    """A connection, as far as it is needed here."""

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe. Raises NotSubscribedError for the filters that were refused."""
        ...

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """End subscriptions."""
        ...


class Subscriptions:
    """The filters without which a connection is worthless, and the topics that are wanted besides.

    A topic that the broker refuses costs its own readings and nothing else: it is told in the log and in `refusal`.
    """

    def __init__(self, filters: Iterable[str], log: Callable[..., None]) -> None:
        self._filters, self._log = tuple(filters), log
        self._wanted: tuple[str, ...] = ()
        self._held: set[str] = set()
        self._refused: list[str] = []

    def __repr__(self) -> str:
        return f"Subscriptions({len(self._held)} of {len(self._wanted)} topics, {len(self._refused)} refused)"

    @property
    def refusal(self) -> str | None:
        """Which topics the broker refused, in a sentence."""
        if not self._refused:
            return None
        more = f" and {len(self._refused) - _NAMED} more" if len(self._refused) > _NAMED else ""
        return f"the broker refused the subscription to {', '.join(self._refused[:_NAMED])}{more}"

    def want(self, topics: Collection[str]) -> None:
        """Want these topics from now on."""
        self._wanted = tuple(sorted(topics))

    async def begin(self, link: Subscriber) -> None:
        """Subscribe to everything, over a new connection or once more. Raises BrokerUnavailableError."""
        self._held.clear()
        await link.subscribe(self._filters)
        await self.follow(link)

    async def follow(self, link: Subscriber) -> None:
        """Subscribe to what is wanted and not held, and no longer to what is held and not wanted."""
        self._refused = [topic for topic in self._refused if topic in self._wanted and topic in self._held]
        wanted = set(self._wanted)
        for gone in _parts(self._held - wanted):
            await link.unsubscribe(gone)
            self._held.difference_update(gone)
        for new in _parts(wanted - self._held):
            await self._subscribe(link, new)
            self._held.update(new)

    async def forget(self, link: Subscriber, topics: Collection[str]) -> None:
        """End subscriptions that a former run has left: the broker keeps them with the session."""
        strangers = sorted(set(topics).difference(self._wanted))
        if strangers:
            await link.unsubscribe(strangers)

    async def _subscribe(self, link: Subscriber, topics: Sequence[str]) -> None:
        try:
            await link.subscribe(topics)
        except NotSubscribedError as error:
            self._refused += error.filters
            self._log("WARNING", "The broker refuses topics of the plant", topics=error.filters[:_NAMED])


def _parts(topics: Collection[str]) -> Iterator[list[str]]:
    """Yield topics in their order, so many at once."""
    ordered = sorted(topics)
    yield from (ordered[at : at + _AT_ONCE] for at in range(0, len(ordered), _AT_ONCE))
