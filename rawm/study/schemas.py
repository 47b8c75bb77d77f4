"""JSON schemas of the configuration files, generated from the models."""

import json
from pathlib import Path

from pydantic import TypeAdapter

from rawm.config.study import MainFile
from rawm.files import write_text
from rawm.study import KINDS


def make_schema(kind: str) -> dict:
    """The JSON schema of one kind of file ("studies", ...; "config" for config.yaml)."""
    schema = TypeAdapter(KINDS.get(kind, MainFile)).json_schema(by_alias=True)
    if kind == "corpora":  # `name` is the file's own name
        for definition in schema["$defs"].values():
            if "loader" in definition.get("properties", {}):
                del definition["properties"]["name"]
                definition["required"].remove("name")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"rawm {kind}"} | schema


def write(folder: Path) -> list[Path]:
    """Write every schema into `folder`; return the paths."""
    written = []
    for kind in ["config", *KINDS]:
        path = folder / f"{kind}.schema.json"
        write_text(path, json.dumps(make_schema(kind), indent=2) + "\n")
        written.append(path)
    return written
