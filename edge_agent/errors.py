"""What can go wrong, by kind. Adapters translate foreign exceptions into these and chain them with `from`."""

from __future__ import annotations

from typing import NamedTuple


class EdgeAgentError(Exception):
    """Root of every error the agent raises on purpose; its text is one sentence for the person at the shell."""

    exit_code = 1


class Problem(NamedTuple):
    """One mistake in a file: where it is, what is wrong and what was expected."""

    file: str
    key: str
    wrong: str
    expected: str
    line: int | None = None

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        return f"{self.file}: {line}{self.key}: {self.wrong}; expected {self.expected}"


class ConfigurationError(EdgeAgentError):
    """A setting or the plant file is wrong. Carries every problem that was found, not only the first."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UsageError(EdgeAgentError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class StoreError(EdgeAgentError):
    """The store could not be opened, read or written."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached now, or is not writable now; the same call may succeed later."""


class StoreForbiddenError(StoreUnavailableError):
    """The store refuses its user a right; somebody may grant it."""


class StoreFullError(StoreError):
    """There is no room for what was to be stored; smaller or more important things may still find some."""


class StoreDamagedError(StoreError):
    """The file of the store is damaged, or is none."""


class StoreMovedError(StoreError):
    """The file of the store is no longer where it was opened."""


class StoreRefusedError(StoreError):
    """The store is there and will never take this: a value it cannot hold, or one that breaks a rule of its schema."""


class PolicyRefusedError(StoreError):
    """The thresholds and plans of a store do not fit the plant, or a row of them makes no sense: none is in force."""


class BrokerUnavailableError(EdgeAgentError):
    """There is no connection to the broker now, or it went away before it confirmed."""


class PublishRefusedError(BrokerUnavailableError):
    """The broker is there, and refused one message, as far as it says so: access rules, a quota."""


class PublishTooLargeError(PublishRefusedError):
    """The broker does not take one message, for its size as far as can be told: it is set aside."""


class NoFormError(EdgeAgentError):
    """The device of an actuator has no form for an action: the command cannot be said in its language."""


class NotAcknowledgedError(EdgeAgentError):
    """A node did not acknowledge a command in time."""


class NodeBlockedError(EdgeAgentError):
    """The breaker of a node is open: it is not asked for now."""


class RecordingError(EdgeAgentError):
    """A recorded file cannot be replayed."""


class SimulationError(EdgeAgentError):
    """The hydraulic model cannot be loaded or solved."""
