"""What the agent's settings must be to each other. Reads the raw tables: what has the wrong type the schema names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from edge_agent.model.dsn import ESCAPES, is_clear_dsn
from edge_agent.settings.findings import Finding
from edge_agent.settings.secretfiles import SECRETS
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


def together(values: dict[str, Any], model: type[BaseModel]) -> Iterator[Finding]:
    """Find the settings that do not go together; `model` knows their defaults."""
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
    yield from _pool(table(values.get("postgres")), model)


def dsn(postgres: dict[str, Any]) -> Iterator[Finding]:
    """Return what is wrong with a dsn, without loading the driver. It may hold a password: it is not quoted."""
    given = postgres.get("dsn")
    if isinstance(given, SecretStr):  # from the environment
        given = given.get_secret_value()
    if isinstance(given, str) and not is_clear_dsn(given):
        expected = f"postgresql://user@host/database, or host=… dbname=…; {ESCAPES}"
        yield Finding(("postgres", "dsn"), "is not a dsn, or could be read in two ways", expected)


def _pool(postgres: dict[str, Any], model: type[BaseModel]) -> Iterator[Finding]:
    """Compare the sizes of the pool: with one to spare, a lost server is found again at once."""
    fields = type(model.model_fields["postgres"].default).model_fields
    least, most = (postgres.get(name, fields[name].default) for name in ("pool_min_size", "pool_max_size"))
    if isinstance(least, int) and isinstance(most, int) and least >= most:
        yield Finding(("postgres", "pool_max_size"), f"{most} is not above pool_min_size", f"more than {least}")
