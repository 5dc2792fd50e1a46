"""Identities of commands: UUIDv7, made without chance so that a replay makes the same."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from edge_agent.model.time import Instant


def command_id(site: str, agent: str, epoch: int, counter: int, at: Instant) -> str:
    """Make the UUIDv7 (RFC 9562, 5.7) of one command.

    The 48 bits of time are the milliseconds of `at`; the 74 that RFC 9562 leaves to chance are a digest of who gives
    the command and its place in the order, which no other command shares.
    """
    digest = blake2b(f"{site}/{agent}/{epoch}/{counter}/{at}".encode(), digest_size=10).digest()
    bits = int.from_bytes(digest, "big")
    milliseconds = (at // 1000) & (1 << 48) - 1
    value = milliseconds << 80 | 7 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    return str(UUID(int=value))
