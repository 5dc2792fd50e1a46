"""The schema of the two files, for editors and tools: every key, with its type, its limits and what it means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_agent.cli.output import say
from edge_agent.settings.agent import Settings
from edge_agent.settings.schema import PlantTable

if TYPE_CHECKING:
    import argparse

    from pydantic import BaseModel

#: What describes each file. What the parts of the program bring along (tests, kinds of plans and of stores) is in it.
FILES: dict[str, type[BaseModel]] = {"plant": PlantTable, "settings": Settings}


def schema(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of a file."""
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **FILES[arguments.file].model_json_schema()}
    say(f"{json.dumps(described, indent=2, ensure_ascii=False)}\n")
    return 0
