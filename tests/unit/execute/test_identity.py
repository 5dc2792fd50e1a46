"""Identities of commands are UUIDs of version 7, and each its own."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st
from support.plants import START

from edge_agent.execute.identity import command_id

_words = st.sampled_from(["riverside", "gateway-1", "a", "a/b"])
_args = st.tuples(_words, _words, st.integers(1, 50), st.integers(1, 50), st.integers(0, 2**45).map(lambda n: n * 64))


@given(_args)
def test_it_is_a_uuid_of_version_7_with_the_milliseconds_of_its_instant(args):
    identity = UUID(command_id(*args))
    assert (identity.version, identity.variant) == (7, RFC_4122)
    assert identity.int >> 80 == (args[-1] // 1000) & (2**48 - 1)


@given(st.sets(_args, min_size=2, max_size=20))
def test_no_two_commands_share_one(orders):
    orders = {(f"{site}/{agent}", *rest) for site, agent, *rest in orders}
    assert len({command_id("", *order) for order in orders}) == len(orders)


def test_thousands_of_one_millisecond_differ():
    assert len({command_id("riverside", "gateway-1", 1, n, START.at) for n in range(5000)}) == 5000


def test_the_same_command_has_the_same_identity_in_every_replay():
    assert command_id("riverside", "g", 7, 1, START.at) == command_id("riverside", "g", 7, 1, START.at)


def test_later_ones_sort_behind_earlier_ones():
    earlier, later = (command_id("riverside", "g", 1, 1, START.at + 1000 * n) for n in range(2))
    assert earlier < later
