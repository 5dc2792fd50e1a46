"""Host names and addresses as people write them: with a scheme, a port, brackets, or as they should."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from edge_agent.model.spelling import show
from edge_agent.settings.findings import TOLD

PHRASE = "a host name or address"
_EXPECTED = 'a host name or address and nothing else, such as "broker.example", "192.0.2.7" or "2001:db8::7"'
_NAME = re.compile(r"\w([\w.-]{0,252}\w)?\.?")
_URL = re.compile(
    r"\s*(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:[^@/]*@)?"
    r"(?:\[(?P<literal>[^\]]*)\]|(?P<name>[^\s:/\[\]]+))(?::(?P<port>\d{1,5}))?(?:/\S*)?\s*"
)
_ENCRYPTED = frozenset({"mqtts", "ssl", "tls", "tcps"})


def bare_host(text: str) -> str:
    """Return a host without the brackets of an IPv6 literal. Raises PydanticCustomError that says what to write."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if _is_host(bare):
        return bare
    # Before an @ stands a name, perhaps with a password: it is not shown.
    wrong = "it has a name and @ before the host" if "@" in text else f"{show(text)} is not a host name"
    raise PydanticCustomError(TOLD, "{wrong}", {"wrong": wrong, "expected": _EXPECTED + _advice(text)})


#: A host as settings have it.
Host = Annotated[str, AfterValidator(bare_host)]


def place(host: str, port: int) -> str:
    """Write host and port as one, an IPv6 literal in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return bool(_NAME.fullmatch(text))
    return True


def _advice(text: str) -> str:
    """Say what to write instead, as far as it can be guessed."""
    found = _URL.fullmatch(text)
    host = found and (found["literal"] or found["name"])
    if not found or not host or not _is_host(host):
        return ""
    advice = f'; write host = "{host}"'
    if found["port"]:
        advice += f" and port = {found['port']}"
    return advice + (" and the table [mqtt.tls]" if (found["scheme"] or "").lower() in _ENCRYPTED else "")
