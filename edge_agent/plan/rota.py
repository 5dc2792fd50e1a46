"""Which members of a group run: who goes on, who is next, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.figures import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.plan.provisions.groups import Group


_EVER = float("inf")


class Member(NamedTuple):
    """What is known of one member of a group.

    `runs`: it is reported to. `by_hand`: a person runs it, so that it counts and is not asked for anything. `unfit`
    says why it cannot be asked to run now, `failing` why what was asked of it last was not carried out. Until
    `free_seconds` (monotonic) it rests. Nothing that failed before `since_seconds`, when it came back, counts, nor
    before it was `in_hand`: a person has looked at it then.
    """

    name: str
    runs: bool = False
    by_hand: bool = False
    unfit: str = ""
    failing: str = ""
    free_seconds: float = -_EVER
    since_seconds: float = -_EVER
    run_seconds: float = 0.0
    starts: int = 0
    in_hand: bool = False


def unknown_member(name: str) -> Member:
    """Return what is known of a member that never reported: nothing."""
    return Member(name)


class Failure(NamedTuple):
    """When a member failed, in monotonic seconds, and how."""

    seconds: float
    why: str


class Rota:
    """Who of one group is asked to run. What is true of it stands until something changes: it never picks anew for fun.

    `on` are those that are asked to run, each with why it was picked; `failed` those that others are preferred to,
    until they run, come back, or a person resets them. `leading` is who started first when the group began last.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self.on: dict[str, str] = {}
        self.failed: dict[str, Failure] = {}
        self.leading = ""
        self.due_seconds = _EVER
        self._failing: frozenset[str] = frozenset()  # at the last look
        self._told: tuple[str, frozenset[str]] = "", frozenset()

    def __repr__(self) -> str:
        return f"<Rota: {', '.join(self.on) or 'nobody'} of {len(self.group.members)}>"

    def pick(self, number: int, members: Iterable[Member], seconds: float) -> None:
        """Pick so many: those that run and are fit stay, then come the others by the rule of the group."""
        those = {member.name: member for member in members}
        for member in those.values():
            self._note_failure(member, seconds)
        self._failing = frozenset(member.name for member in those.values() if member.failing)
        by_hand = sum(member.by_hand for member in those.values())
        ranked = sorted(
            (member for member in those.values() if not member.unfit and not member.by_hand),
            key=lambda member: self._rank(member, seconds),
        )
        wanted = min(number, self.group.at_most or number) - by_hand
        picked = ranked[: max(wanted, 0)]
        kept = {member.name: self.on[member.name] for member in picked if member.name in self.on}
        fresh = {member.name: self._why(member, those, seconds) for member in picked if member.name not in self.on}
        self._note_lead([member.name for member in picked])
        self.on = {name: (kept | fresh)[name] for name in self.group.members if name in kept or name in fresh}
        waits = [member.free_seconds for member in ranked if member.name not in self.on or not member.runs]
        self.due_seconds = min((at for at in waits if at > seconds), default=_EVER)

    def why_off(self, member: Member, seconds: float) -> str:
        """Return, in words, why a member is asked to rest."""
        runs = ", ".join(self.on) or "none"
        return "; ".join(filter(None, [self.why_not(member, seconds), f"of its group {runs} is to run"]))

    def recall(self, leading: str, failed: Mapping[str, str], seconds: float) -> None:
        """Recall what a former run knew: who led last, and who had failed, as if that were now."""
        self.leading = leading if leading in self.group.members else ""
        self.failed = {name: Failure(seconds, why) for name, why in failed.items() if name in self.group.members}
        self.take_news()

    def succeed(self, before: Rota) -> None:
        """Go on in the place of the same group as it was declared before."""
        those = set(self.group.members)
        self.on = {name: why for name, why in before.on.items() if name in those}
        self.failed = {name: failure for name, failure in before.failed.items() if name in those}
        self.leading = before.leading if before.leading in those else ""

    def resume(self, name: str) -> None:
        """Note that a member was asked to run when a former run ended."""
        self.on.setdefault(name, f"{name}: it ran before the agent started")

    def take_news(self) -> bool:
        """Return whether who leads, or who has failed, is another than when this was asked last."""
        told = self.leading, frozenset(self.failed)
        is_news, self._told = told != self._told, told
        return is_news

    def forgive(self, name: str) -> bool:
        """Forget that a member failed: a person has looked at it; return whether it had."""
        return self.failed.pop(name, None) is not None

    def why_not(self, member: Member, seconds: float) -> str:
        """Return, in words, why a member is not asked to run; empty where it could be."""
        failure = self.failed.get(member.name)
        if member.by_hand:
            return f"{member.name} is run by a person"
        if member.unfit:
            return f"{member.name} {member.unfit}"
        if failure is not None:
            return f"{member.name} has failed ({failure.why})"
        return (
            f"{member.name} rests for {member.free_seconds - seconds:.0f} s more"
            if self._rests(member, seconds)
            else ""
        )

    def _note_failure(self, member: Member, seconds: float) -> None:
        """Note that one failed that was asked to run; what runs, or has come back since, has not."""
        failure = self.failed.get(member.name)
        runs, came_back = member.runs and not member.failing, failure and member.since_seconds > failure.seconds
        if failure is not None and (runs or came_back or member.in_hand):
            del self.failed[member.name]
        is_news = member.name not in self._failing
        if member.failing and is_news and member.name in self.on and self.group.on_failure == "next":
            self.failed[member.name] = Failure(seconds, member.failing)

    def _note_lead(self, picked: list[str]) -> None:
        if self.leading not in picked and picked:
            order = self._order()
            self.leading = min(picked, key=order.index)

    def _order(self) -> tuple[str, ...]:
        """Return the members in the order in which they start where all else is equal."""
        members = self.group.members
        if self.group.lead != "alternate" or self.leading not in members:
            return members
        first = members.index(self.leading) + (0 if self.on else 1)
        return members[first:] + members[:first]

    @staticmethod
    def _rests(member: Member, seconds: float) -> bool:
        return not member.runs and member.free_seconds > seconds

    def _rank(self, member: Member, seconds: float) -> tuple[float, ...]:
        """Order members: first what runs already, then who is free, who rests, and last whoever failed, longest ago."""
        is_new, place = member.name not in self.on, self._order().index(member.name)
        failure = self.failed.get(member.name)
        if failure is not None:
            return (2, failure.seconds, is_new, 0, place)
        if self._rests(member, seconds):
            return (1, member.free_seconds, is_new, 0, place)
        return (0, is_new, not member.runs, self._worn(member), place)

    def _worn(self, member: Member) -> float:
        if self.group.lead == "fewest_hours":
            return member.run_seconds
        return member.starts if self.group.lead == "fewest_starts" else 0

    def _why(self, member: Member, those: Mapping[str, Member], seconds: float) -> str:
        """Say why a member was picked, and why each that would have come before it, or has failed, was not."""
        before = [
            why
            for other in those.values()
            if other.name != member.name and self._would_lead(other, member)
            if (why := self.why_not(other, seconds))
        ]
        return "; ".join([f"{member.name}: {self._reason(member, seconds)}", *before])

    def _would_lead(self, other: Member, member: Member) -> bool:
        order = self._order()
        return other.name in self.failed or (self._worn(other), order.index(other.name)) < (
            self._worn(member),
            order.index(member.name),
        )

    def _reason(self, member: Member, seconds: float) -> str:
        if member.name in self.failed:
            return "it has failed, and there is no other"
        if self._rests(member, seconds):
            return f"the first whose rest is over, in {member.free_seconds - seconds:.0f} s"
        if member.runs:
            return "it runs already"
        hours = f"{member.run_seconds / 3600:.1f}"
        return {
            "fewest_hours": f"fewest hours ({hours} h)",
            "fewest_starts": f"fewest starts ({short(member.starts)})",
            "alternate": "its turn",
        }.get(self.group.lead, "first in order" if not self.on else "next in order")
