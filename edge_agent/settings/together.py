"""What the agent's settings must be to each other. Reads the raw tables: what has the wrong type the schema names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from edge_agent.knowledge.kinds.registry import CACHES, STORES, UTILITIES
from edge_agent.settings.findings import Finding, dotted
from edge_agent.settings.secretfiles import SECRETS
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.knowledge.kinds.spec import StoreKind
    from edge_agent.settings.findings import KeyPath

#: Of which one is enough, and what it is then called.
_ONE_OF: tuple[tuple[tuple[type[StoreKind], ...], str], ...] = (
    (UTILITIES, "one store of the utility"),
    (CACHES, "one cache"),
)


def together(values: dict[str, Any]) -> Iterator[Finding]:
    """Find the settings that do not go together."""
    for section, name in SECRETS:
        if {name, f"{name}_file"} <= table(values.get(section)).keys():
            yield Finding((section, name), f"is given as well as {section}.{name}_file", "only one of the two")
    mqtt = table(values.get("mqtt"))
    for name in ("password", "password_file"):
        if name in mqtt and "username" not in mqtt:
            yield Finding(("mqtt", name), "is given without mqtt.username", "a username with it")
    tls = table(mqtt.get("tls"))
    if "key_file" in tls and "cert_file" not in tls:
        yield Finding(("mqtt", "tls", "key_file"), "is given without mqtt.tls.cert_file", "a certificate with it")


def store_findings(values: dict[str, Any]) -> Iterator[Finding]:
    """Find what does not fit in the sections of stores, as they are written, and two stores where one can be."""
    for kind in STORES:
        given = {name: _plain(value) for name, value in table(values.get(kind.name)).items()}
        for conflict in kind.conflicts(given):
            yield Finding((kind.name, *conflict.path), conflict.wrong, conflict.expected)
    for kinds, one in _ONE_OF:
        places = list(_given(values, kinds))
        yield from (Finding(other, f"is given as well as {dotted(places[0])}", one) for other in places[1:])


def _given(values: dict[str, Any], kinds: tuple[type[StoreKind], ...]) -> Iterator[KeyPath]:
    """Yield the keys that say where stores are."""
    for kind in kinds:
        said = table(values.get(kind.name))
        yield from [(kind.name, key) for key in (kind.where, f"{kind.where}_file") if key in said][:1]


def _plain(value: object) -> object:
    """Return a secret as text: one from the environment is none yet that a file would hold."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
