"""What a provision is: a named table of the plant file beside the plans, which they and other provisions refer to."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.fitness import Misfit
    from edge_agent.plan.scene import Known


class ProvisionKind(ABC):
    """One kind of provision. A subclass is a frozen dataclass whose members are keys of its table in the plant file.

    It is data alone: what is made of it stands with whoever goes by it. A member `timezone` that is not given is told
    that of the site.
    """

    __slots__ = ()

    name: ClassVar[str]
    #: The table of the plant file in which those of the kind stand by their ids.
    table: ClassVar[str]
    #: What it is for, in the words of the plant file's documentation.
    says: ClassVar[str]

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what does not fit, among its members as they stand in the file; a wrong type is passed over."""
        del given, known
        yield from ()
