"""What every table of the plant file is, and the kinds of values that stand in several."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from edge_agent.model.spelling import show
from edge_agent.settings.findings import TOLD

_SCALAR = "text, a number, true or false"


class Table(BaseModel):
    """Strict, finite, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _is_scalar(value: Any) -> Any:  # noqa: ANN401 - what it is, is the question
    if not isinstance(value, bool | int | float | str):
        raise PydanticCustomError(TOLD, "{wrong}", {"wrong": f"{show(value)} is not allowed", "expected": _SCALAR})
    return value


def _is_held(value: Any) -> Any:  # noqa: ANN401 - as above
    return None if value == {} else _is_scalar(value)


#: What a payload can hold at one place. No union: its errors would name each of its members.
ScalarValue = Annotated[Any, Field(title=_SCALAR), AfterValidator(_is_scalar)]
#: The same, or `{}` for anything at all.
HeldValue = Annotated[Any, Field(title=f"{_SCALAR}, or {{}} for anything"), AfterValidator(_is_held)]


#: By what name a risk is accepted that is not named: where a thing has one, that is enough.
THE_ONE = ""


def _by_name(value: Any) -> Any:  # noqa: ANN401 - as it is written
    return {THE_ONE: value} if isinstance(value, str) else value


_Why = Annotated[str, Field(min_length=3, title="why, in words")]
#: Why risks are accepted, by their names.
Accepted = Annotated[dict[str, _Why], BeforeValidator(_by_name)]


#: The key of that, in the table of a thing of which `check` may say that it is risky.
ACCEPT: Any = Field(
    {},
    title="why, in words, or a table with that by the name of each warning",
    description="Why a warning of `check` about it is accepted: it is not told any more.",
)
