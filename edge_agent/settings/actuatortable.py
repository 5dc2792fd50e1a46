"""The table of one piece of equipment in a plant file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_agent.model.plant import ActuatorKind, Hand
from edge_agent.monitor.tests.spec import Duration, Limits
from edge_agent.settings.devicetables import AckTable, CommandTable, StateTable
from edge_agent.settings.tables import ACCEPT, Accepted, ScalarValue, Table

Label = Annotated[str, Field(min_length=1, max_length=80)]
Delay = Annotated[float, Field(ge=0, le=31_536_000)]


class ExpectTable(Table):
    """Proof of effect."""

    condition: str = Field(title="a condition", description="What is to be true while it runs.")
    within_seconds: Duration = Field(description="How long it may run without.")


class ActuatorTable(Table):
    """One piece of equipment that obeys commands."""

    kind: ActuatorKind = Field(description="What it is, and so what can be asked of it.")
    name: Label | None = Field(None, title="text", description="Its name for people.")
    fail_safe: str = Field(
        title="an action: start, stop, open or close", description="What the node does when the lease runs out."
    )
    min_on_seconds: Delay | None = Field(
        None, description="Once started, how long it must run; absent: 10 for a pump, 5 for a valve."
    )
    min_off_seconds: Delay | None = Field(
        None,
        description="Once stopped, how long it must rest; absent: by `rated_kw`, or 10 for a pump, 5 for a valve.",
    )
    max_starts_per_hour: int | None = Field(
        None,
        ge=0,
        le=3600,
        description="Starts in any hour, 0: any number; absent: by `rated_kw`, else 12 for a pump, any for a valve.",
    )
    expect: ExpectTable | None = Field(None, description="What has to come true while it runs: proof of its effect.")
    rated_kw: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="The size of a pump's motor: what rest and how many starts it bears, where nothing is said."
    )
    ramp_seconds: Delay = Field(
        0.0, description="How long a speed or position takes over its whole range: it is set no faster."
    )
    lease_seconds: Duration | None = Field(None, description="How long a command holds unless renewed; absent: 900.")
    ack_timeout_seconds: Duration | None = Field(
        None,
        description="How long the node may take to acknowledge; absent: 5, or a third of the life where that is less.",
    )
    command_ttl_seconds: Duration | None = Field(
        None, description="How old a command may be when it is executed, its life; absent: 30, or the lease if less."
    )
    hand: Hand = Field(
        "suspend", description="What a stop that no command explains does: leave it alone, or insist on the request."
    )
    unexpected_retries: int = Field(0, ge=0, le=10, description="How often it is started once more after such a stop.")
    lock_out_after: int = Field(3, ge=1, le=100, description="After so many failures in a row it is locked out.")
    power_return_seconds: Limits = Field(
        (0.0, 0.0), description="After a start of the agent, or a return of the node, it waits a time within these."
    )
    command: CommandTable | None = Field(None, description="How it is commanded in the language of its node.")
    state: StateTable | None = Field(None, description="Where its node shows what it does.")
    ack: AckTable | None = Field(
        None, title='"state", or a table', description='Where its node answers; absent or "state": the state proves it.'
    )
    lease: Literal["device", "none"] | None = Field(
        None,
        description="Who ends it where nobody renews: the device by a timer of its own, or nobody; absent: nobody.",
    )
    allow_without_lease: bool = Field(
        False, description="Whether it is commanded though nobody would end it; otherwise the agent only advises."
    )
    lease_limits_seconds: Limits | None = Field(
        None, title="a list of two numbers, [lowest, highest]", description="What the timer of the device can count."
    )
    channel: ScalarValue | None = Field(None, description="What stands for `{channel}` in its places and forms.")
    accept: Accepted = ACCEPT
