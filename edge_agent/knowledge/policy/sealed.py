"""A policy as text that gateways share: sealed with the key of the utility's store, and validated on reading. Pure.

64 hex digits, a newline, JSON; the digits are the HMAC-SHA256 of the JSON's bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from edge_agent.analyze.measures.registry import measure_of
from edge_agent.errors import StoreError
from edge_agent.knowledge.models import STRICT, model_of
from edge_agent.knowledge.policy.digest import plain
from edge_agent.model.plant import Fallback, Plan, Policy, Provision, Step, Threshold
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.provisions.registry import provision_of
from edge_agent.ports.policy import Edition, Issue

#: The layout of the JSON; another one is not read.
FORMAT = 6
#: No policy is larger as text: 60,000 thresholds. What is larger is neither written nor read.
MOST_BYTES = 16_000_000

_SEAL_LENGTH = 64
# The bounds of the utility's tables.
_Figure: TypeAlias = Annotated[float, Field(ge=-9e307, le=9e307)]
_Width: TypeAlias = Annotated[float, Field(ge=0, le=9e307)]
_Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]


class UnsoundError(StoreError):
    """A shared text is not what a gateway of this site and of this store has sealed."""


class Mark(NamedTuple):
    """What a gateway remembers beside the policy it knew last: which edition it is, and the key to judge others by."""

    edition: Edition
    key: bytes

    def text(self) -> str:
        """Write it as JSON."""
        return json.dumps({**self.edition._asdict(), "key": self.key.hex()})

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Read what `text` wrote; None for anything else."""
        try:
            read = json.loads(text or "")
            return cls(Edition(int(read["revision"]), str(read["fingerprint"])), bytes.fromhex(read["key"]))
        except (ValueError, TypeError, KeyError):
            return None


_PARAMETERS: TypeAlias = tuple[tuple[str, _Figure], ...]
_DELAYS = {"on_delay_seconds": _Seconds, "off_delay_seconds": _Seconds}
_THRESHOLD: Any = model_of(Threshold, whole=True, limit=_Figure, deadband=_Width, parameters=_PARAMETERS, **_DELAYS)
_STEP: Any = model_of(Step, whole=True, value=_Figure | None)
_TIMES = dict.fromkeys(("run_seconds", "every_seconds", "at_most_seconds"), _Seconds | None)
_FALLBACK: Any = model_of(Fallback, whole=True, **_TIMES)
_PLAN: Any = model_of(
    Plan,
    whole=True,
    do=tuple[_STEP, ...],
    priority=Annotated[int, Field(ge=0, le=100)],
    cooldown_seconds=_Seconds,
    evidence_seconds=_Seconds,
    without_evidence=tuple[_FALLBACK, ...],
)


def _noun(threshold: Any) -> Threshold:  # noqa: ANN401 - the model that is made above
    measure_of(threshold.measure, threshold.parameters)
    return Threshold(**dict(threshold))


def _plan(read: BaseModel) -> Plan:
    """Make the noun. Raises ValueError where there is no such kind, or where it is told wrongly."""
    members = dict(read)
    steps = tuple(Step(**dict(step)) for step in members["do"])
    fallbacks = tuple(Fallback(**dict(step)) for step in members["without_evidence"])
    plan = Plan(**members | {"do": steps, "without_evidence": fallbacks})
    kind_of(plan)
    return plan


_PROVISION: Any = model_of(Provision, whole=True)


def _provision(read: BaseModel) -> Provision:
    """Make the noun. Raises ValueError where there is no such kind, or where it is told wrongly."""
    provision = Provision(**dict(read))
    provision_of(provision)
    return provision


class _Text(BaseModel):
    model_config = STRICT

    format: Literal[6]
    site: str
    revision: Annotated[int, Field(ge=1)]
    fingerprint: str
    applied: str | None
    thresholds: tuple[Annotated[_THRESHOLD, AfterValidator(_noun)], ...]
    plans: tuple[Annotated[_PLAN, AfterValidator(_plan)], ...]
    provisions: tuple[Annotated[_PROVISION, AfterValidator(_provision)], ...]


def sealed(site: str, issue: Issue) -> bytes:
    """Write an issue of a site as text, with its seal. Raises StoreError where it is too large."""
    content = {"format": FORMAT, "site": site, **issue.edition._asdict(), "applied": issue.applied}
    policy = plain(issue.policy)
    for plan, noun in zip(policy["plans"], issue.policy.plans, strict=True):
        plan["priority"] = noun.priority
    text = json.dumps(content | policy, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > MOST_BYTES - _SEAL_LENGTH - 1:
        raise StoreError(f"The policy of {site} is too large to be shared: {len(text)} bytes.")
    return _seal(text, issue.key) + b"\n" + text


def unsealed(data: bytes, site: str, key: bytes) -> Issue:
    """Read an issue of a site back. Raises UnsoundError for anything but what `sealed` wrote with this key."""
    seal, text = data[:_SEAL_LENGTH], data[_SEAL_LENGTH + 1 :]
    if data[_SEAL_LENGTH : _SEAL_LENGTH + 1] != b"\n" or not hmac.compare_digest(seal, _seal(text, key)):
        raise UnsoundError("its seal is not that of the utility's store")
    try:
        read = _Text.model_validate_json(text)
    except ValidationError as error:
        raise UnsoundError(f"it does not hold what was expected, in {error.error_count()} places") from error
    if read.site != site:
        raise UnsoundError(f"it is of site {read.site}")
    policy = Policy(read.thresholds, read.plans, read.provisions)
    edition = Edition(read.revision, read.fingerprint)
    return Issue(edition=edition, policy=policy, applied=read.applied, key=key)


def _seal(text: bytes, key: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()
