"""What a command prints, and what happens where it cannot: a full disk is a sentence, a reader who left is none."""

from __future__ import annotations

import os
import sys

from edge_agent.errors import EdgeAgentError
from edge_agent.model.harmless import harmless_lines

#: What `export` can print.
EXPORTS = ("readings", "alarms", "commands", "dead-letters")


class ReaderGoneError(EdgeAgentError):
    """Whoever read our output has had enough, as `head` does."""

    exit_code = 0


def say(text: str, *, as_it_is: bool = False) -> None:
    """Write to standard output; what a terminal would obey is escaped, unless the text is to stay as it is.

    Raises ReaderGoneError, or EdgeAgentError where it cannot be written.
    """
    try:
        sys.stdout.write(text if as_it_is else harmless_lines(text))
    except OSError as error:
        raise _told(error) from error


def finish() -> None:
    """Write what is still held back. Raises as `say` does."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _told(error) from error


def forsake_output() -> None:
    """Leave nothing for the interpreter to flush at its end, where it would say in its own way that it cannot."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _told(error: OSError) -> EdgeAgentError:
    forsake_output()
    if isinstance(error, BrokenPipeError):
        return ReaderGoneError("nobody reads the output any more")
    return EdgeAgentError(f"standard output cannot be written: {error.strerror}")
