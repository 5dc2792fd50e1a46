"""Versions of aiomqtt and paho that do not exist yet: the installed ones, with something private called otherwise."""

from __future__ import annotations

import inspect
from typing import Any


def renamed(kind: type, name: str, *others: type) -> Any:
    """Build a class anew from its source, with others of its module, so that one name is another in all of them."""
    source = "\n".join(map(inspect.getsource, (kind, *others)))
    assert name in source, f"{kind.__name__} knows no {name}"
    members: dict[str, Any] = dict(vars(inspect.getmodule(kind)))
    exec("from __future__ import annotations\n" + source.replace(name, f"{name}_otherwise"), members)  # noqa: S102 - that is the point
    return members[kind.__name__]
