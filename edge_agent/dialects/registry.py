"""Every dialect of other makers' devices. A new one is a module, and a line here.

Our own language is not among them: nodes speak it unless the plant file says otherwise (`native.py`), on topics of a
grammar instead of exact ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.dialects.plaintext import PlainText
from edge_agent.dialects.pointerjson import PointerJson

if TYPE_CHECKING:
    from edge_agent.dialects.spec import Dialect

DIALECTS: tuple[type[Dialect], ...] = (
    PointerJson,
    PlainText,
)

_BY_NAME = {dialect.name: dialect() for dialect in DIALECTS}
#: What `codec` may say.
CODECS = tuple(_BY_NAME)


def dialect(name: str) -> Dialect:
    """Return a dialect by its name. Raises KeyError for an unknown one."""
    return _BY_NAME[name]
