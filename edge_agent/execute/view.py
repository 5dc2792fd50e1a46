"""What others may see of one actuator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.remembered import ActuatorView

if TYPE_CHECKING:
    from edge_agent.execute.control import Control


def actuator_view(control: Control, seconds: float, *, is_free: bool) -> ActuatorView:
    """Return an actuator as it is at a monotonic time; `is_free`: no trip holds it, and its node can be asked."""
    actuator, reported, wish, record = control.actuator, control.reported, control.desired, control.record
    return ActuatorView(
        actuator.node,
        actuator.id,
        actuator.kind,
        reported.state if reported else None,
        reported.value if reported else None,
        wish.action if wish else None,
        wish.value if wish else None,
        wish.plan if wish else None,
        record.state.value if record else None,
        control.state.value,
        is_free and control.hand is None and not control.locked_out,
        control.runs.starts,
        control.runs.run_seconds(seconds),
    )
