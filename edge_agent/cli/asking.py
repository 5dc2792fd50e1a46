"""Asks the running agent over HTTP what it sees and does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from edge_agent.errors import EdgeAgentError, UsageError
from edge_agent.settings.hosts import place

if TYPE_CHECKING:
    from edge_agent.settings.sections import HttpSection

_PATIENCE_SECONDS = 5.0
#: Where to ask an agent that listens on all addresses.
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def ask_agent(http: HttpSection, path: str) -> dict[str, Any]:
    """Return what the running agent answers; empty where it knows nothing of the kind. Raises EdgeAgentError."""
    if not http.port:
        raise UsageError("http.port is 0: the agent took a free port, which only its log names")
    address = f"http://{place(_ANYWHERE.get(http.host, http.host), http.port)}{path}"
    # A proxy of the shell's environment does not lead to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=_PATIENCE_SECONDS) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return {}
        raise EdgeAgentError(f"the agent at {address} could not answer: {error.reason}") from error
    except OSError as error:
        cause = getattr(error, "reason", error)
        raise EdgeAgentError(f"no agent answers at {address}: {getattr(cause, 'strerror', None) or cause}") from error
    except (HTTPException, ValueError, RecursionError):  # their sentences quote what has come, whatever that was
        found = None
    if not isinstance(found, dict) or "agent" not in found:
        raise EdgeAgentError(f"no agent answers at {address}: another program does")
    return found
