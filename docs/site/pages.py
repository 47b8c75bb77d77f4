"""Parts of pages that are made when the site is built: menus, keys of configuration files, and the command line.

A comment in a page, `<!-- site: NAME -->`, is where the part NAME goes; GitHub does not show it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

SCHEMAS = Path(__file__).parents[2] / "config" / "schemas"

#: Kind of file -> title of its section in the reference.
KINDS = {
    "config": "Main file",
    "studies": "Studies",
    "streams": "Streams",
    "corpora": "Corpora",
    "frontends": "Front-ends",
    "detectors": "Detectors",
    "augmentations": "Augmentations",
    "methods": "Methods",
    "searches": "Searches",
    "published": "Published numbers",
}
#: What JSON schemas call types -> what people call them.
TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list", "object": "mapping"}


def menus(page: str) -> str:
    """A menu for each section of the home page, with the pages that its table names."""
    toctrees = []
    for title, section in re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", page, re.MULTILINE):
        pages = "\n".join(re.findall(r"\]\(([^)]+\.md)\)", section))
        toctrees.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n")
    return "\n".join(toctrees)


def keys(_: str) -> str:
    """A section for each kind of configuration file, with a table of keys for each model of its schema."""
    sections = []
    for kind, title in KINDS.items():
        schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
        text = schema.get("description", "Each file is one of the following.")
        place = "" if kind == "config" else f"`config/{kind}/*.yaml`: "
        sections.append(f"## {title}\n\n{place}{text}")
        if "properties" in schema:
            sections.append(_table(schema))
        sections += [f"### {heading}\n\n{text}\n\n{_table(model)}" for heading, text, model in _models(schema)]
    return "\n\n".join(sections)


def _models(schema: dict) -> Iterator[tuple[str, str, dict]]:
    """Heading, description and schema of each model: alternatives for a whole file first, then sections of files."""
    definitions = schema.get("$defs", {})
    selector = schema.get("discriminator", {"mapping": {}})
    values: dict[str, list[str]] = {}
    for value, reference in selector["mapping"].items():
        values.setdefault(_name(reference), []).append(value)
    for name, chosen in values.items():
        text = definitions[name]["description"]
        if len(chosen) > 1:
            text += f"\n\n`{selector['propertyName']}` is one of {', '.join(f'`{value}`' for value in chosen)}."
        short = chosen[0] if len(chosen) == 1 else f"{chosen[0]}, ..."
        yield f"`{selector['propertyName']}: {short}`", text, definitions[name]
    for name in sorted(definitions.keys() - values.keys() - {"TrainingOverride"}):  # it has the keys of Training
        kind = definitions[name]["properties"].get("type", {})
        heading = f"`type: {kind['const']}`" if "const" in kind else name
        yield heading, definitions[name]["description"], definitions[name]


def _table(model: dict) -> str:
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, value in model["properties"].items():
        if "const" not in value:
            meaning = re.sub(r"([<*|_])", r"\\\1", value.get("description", ""))
            rows.append(f"| `{key}` | {_type(value)} | {_default(key, value, model)} | {meaning} |")
    return "\n".join(rows) if len(rows) > 2 else "No other keys."


def _default(key: str, value: dict, model: dict) -> str:
    if key in model.get("required", ()):
        return "required"
    default = value.get("default")
    if isinstance(default, dict) or (isinstance(default, list) and any(isinstance(item, dict) for item in default)):
        return "those of its keys"
    if default in ("", [], None):
        return "none"
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _type(value: dict) -> str:
    """Type and limits of a value, in words."""
    alternatives = value.get("anyOf") or value.get("oneOf")
    if alternatives:
        return " or ".join(dict.fromkeys(_type(one) for one in alternatives if one.get("type") != "null"))
    if "$ref" in value:
        return {"TrainingOverride": "keys of Training"}.get(name := _name(value["$ref"]), f"keys of {name}")
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    kind = TYPES.get(value.get("type", ""), value.get("type", "anything"))
    inside = value.get("items") or value.get("additionalProperties") or {}
    if kind == "list" and inside:
        return f"list of {_type(inside)}"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {value[name]:g}" for name, sign in signs.items() if name in value]
    return " ".join([kind, ", ".join(limits)]).strip()


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[1]


def command_line(_: str) -> str:
    """The help of every verb, as Typer writes it."""
    import typer.cli

    from rawm.cli.verbs import app

    command = typer.main.get_command(app)
    text = typer.cli.get_docs_for_click(obj=command, ctx=typer.Context(command), indent=1, name="rawm")
    text = re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+\n", "", text)  # cut off, and they follow in full
    text = text.replace("* `--help`: Show this message and exit.\n", "").replace("**Options**:\n\n\n", "")

    def block(examples: re.Match) -> str:
        lines = examples[1].replace("  $ ", "$ ").replace("\n\n", "\n")
        return f"**Examples**:\n\n```console\n{lines}```\n\n"

    text = re.sub(r"\[bold\]Examples\[/bold\]\n\n((?:  \$ .*\n\n)+)", block, text)
    assert "[bold]" not in text, "an epilog is no list of examples"
    return text


PARTS = {"menus": menus, "keys": keys, "command line": command_line}


def fill(app, name: str, source: list[str]) -> None:
    """Put the parts into a page, and the titles of pages in place of the names of their files in links."""
    page = source[0]
    page = re.sub(r"<!-- site: (.+) -->", lambda found: PARTS[found[1]](page), page)
    source[0] = re.sub(r"\[[\w./]+\.md\]\(([^)]+)\)", r"[](\1)", page)


def setup(app) -> dict:
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
