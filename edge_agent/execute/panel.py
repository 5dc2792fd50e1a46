"""The hand at the panel: whether the agent has the equipment, or a person."""

from __future__ import annotations

from enum import StrEnum


class Hand(StrEnum):
    """Who has the equipment."""

    AUTO = "auto"  # the agent
    LOCAL = "local"  # a person, and the node says so: it takes no commands
    UNEXPECTED = "unexpected"  # a person, as a change tells that nothing else explains: until it is released


class Panel:
    """The panel of one actuator, and how many tries are left against changes that nothing explains."""

    def __init__(self, retries: int) -> None:
        self.hand = Hand.AUTO
        self._retries, self._left = retries, retries

    def __repr__(self) -> str:
        return f"<Panel: {self.hand}>"

    @property
    def taken(self) -> bool:
        """Whether a person has the equipment."""
        return self.hand is not Hand.AUTO

    def recall(self, hand: str | None) -> None:
        """Recall what a former run knew."""
        self.hand = Hand.AUTO if hand is None or hand not in set(Hand) else Hand(hand)

    @property
    def memory(self) -> str | None:
        """What the next run must know."""
        return str(self.hand) if self.taken else None

    def take(self, hand: Hand) -> None:
        """Note that a person takes the equipment."""
        self.hand = hand

    def give_back(self) -> None:
        """Note that the agent has it again; changes that nothing explains are tried against once more."""
        self.hand, self._left = Hand.AUTO, self._retries

    def put_back(self) -> None:
        """Note that the person has put the equipment back to what is requested."""
        self.hand = Hand.AUTO

    def forgive(self) -> None:
        """Note that a person has released or reset it; in `local` it stays in hand."""
        self._left = self._retries
        if self.hand is Hand.UNEXPECTED:
            self.hand = Hand.AUTO

    def retry(self) -> bool:
        """Use up one of the tries against a change that nothing explains; return whether there was one."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True
