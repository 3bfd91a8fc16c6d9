"""The directive `file-formats`: a table of members for every JSON Schema, made from its descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from docutils.nodes import make_id
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCHEMAS = Path(__file__).parents[2] / "schemas"


class FileFormats(SphinxDirective):
    """One section for each schema, one table for each kind of object in it."""

    def run(self) -> list[Any]:
        """Return the sections, parsed from Markdown."""
        found: list[Any] = []
        for path in sorted(SCHEMAS.glob("*.schema.json")):
            self.env.note_dependency(str(path))
            found += self.parse_text_to_nodes(
                "\n".join(page(json.loads(path.read_text()))), allow_section_headings=True
            )
        return found


def page(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of one schema's section."""
    yield f"## {schema['title']}"
    yield ""
    yield f"`{schema['$id']}`"
    yield ""
    if "description" in schema:
        yield schema["description"]
        yield ""
    yield from table(schema, schema)
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            yield f"### {schema['title']}: {name.replace('_', ' ')}"
            yield ""
            if "description" in part:
                yield part["description"]
                yield ""
            yield from table(schema, part)
        elif "enum" in part:
            yield f"### {schema['title']}: {name.replace('_', ' ')}"
            yield ""
            yield ", ".join(f"`{each}`" for each in part["enum"])
            yield ""


@cache
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Return every schema by its id."""
    read = (json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.schema.json")))
    return {schema["$id"]: schema for schema in read}


def table(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the members of an object; *schema* is where references without a name lead."""
    if "properties" not in part:
        return
    required = part.get("required", ())
    yield "| member | value | |"
    yield "| --- | --- | --- |"
    for name, member in part["properties"].items():
        kind = f"{value(schema, member)}{', required' if name in required else ''}"
        yield f"| `{name}` | {kind} | {text(member.get('description', ''))} |"
    yield ""


def value(schema: Mapping[str, Any], member: Mapping[str, Any] | bool) -> str:
    """Return what can stand in a member, in a few words."""
    if isinstance(member, bool):
        return "anything"
    if "$ref" in member:
        return referred(schema, member["$ref"])
    if "const" in member:
        return f"`{json.dumps(member['const'])}`"
    if "enum" in member:
        return ", ".join(f"`{each}`" for each in member["enum"])
    for choice in ("oneOf", "anyOf"):
        if choice in member:
            return " or ".join(dict.fromkeys(value(schema, each) for each in member[choice]))
    if member.get("type") == "array":
        return f"list of {value(schema, member.get('items', True))}"
    kinds = member.get("type", "anything")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def referred(schema: Mapping[str, Any], reference: str) -> str:
    """Return what a reference leads to: a section of the page, or a value in the words of its title."""
    name, _, pointer = reference.partition("#")
    found = schemas()[name] if name else schema
    key = pointer.rpartition("/")[2]
    if not key:
        return linked(found["title"], found["title"])
    part: Any = found
    for step in pointer.split("/")[1:]:
        part = part[step]
    if "properties" in part and pointer != f"/$defs/{key}":
        return f"as `{key}` elsewhere here"
    if "properties" in part or "enum" in part:
        return linked(key.replace("_", " "), f"{found['title']}: {key.replace('_', ' ')}")
    return str(part["title"]) if "title" in part else value(found, part)


def linked(words: str, title: str) -> str:
    """Return a link to the section with a title."""
    return f"[{words.lower()}](#{make_id(title)})"


def text(words: str) -> str:
    """Return *words* as they can stand in a cell."""
    return words.replace("|", "\\|").replace("\n", " ")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("file-formats", FileFormats)
    return {"version": "1", "parallel_read_safe": True}
