"""Addresses with passwords in them: which can be read in one way only.

An `@` or `/` of a password that is not escaped makes a part of it a host name or a port, which errors then quote.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_POSTGRES = re.compile(r"postgres(?:ql)?://(?P<rest>.*)", re.DOTALL)
_WORDS = re.compile(r"\s*[a-z_]+\s*=")
_PORTS = re.compile(r"(?:\d*,)*\d*")
_REDIS = frozenset({"redis", "rediss", "unix"})

#: What to write instead, for people.
ESCAPES = "in a URL the characters @ / : ? # % of a password are written %40 %2F %3A %3F %23 %25"


def is_clear_dsn(dsn: str) -> bool:
    """Whether a dsn of PostgreSQL can be read in one way only: a URL, or words with values."""
    found = _POSTGRES.fullmatch(dsn)
    if found is None:
        return _WORDS.match(dsn) is not None
    head, _, query = found["rest"].partition("?")
    credentials, at, place = head.rpartition("@")
    authority, slash, _ = place.partition("/")
    if at and ("@" in credentials or "/" in credentials or ("@" in query and not slash)):
        return False
    if not at and not slash and "@" in query:  # the password has the question mark
        credentials, _, place = query.rpartition("@")
        authority = place.partition("/")[0]
        if "@" in credentials or "/" in credentials:
            return False
    hosts = re.sub(r"\[[0-9a-fA-F:.%]*\]", "", authority)
    return all(_PORTS.fullmatch(host.partition(":")[2]) for host in hosts.split(","))


def is_clear_redis_url(url: str) -> bool:
    """Whether a url of Redis can be read in one way only."""
    try:
        parts = urlsplit(url)
        port = None if parts.scheme == "unix" else parts.port
    except ValueError:
        return False
    beyond = parts.path + parts.query + parts.fragment
    return parts.scheme in _REDIS and "@" not in beyond and (port is None or port > 0)
