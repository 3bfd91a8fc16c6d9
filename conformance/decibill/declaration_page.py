"""The tables of the reference page of declarations, made from the descriptions of the schema.

``python -m decibill.declaration_page`` renews them in ``conformance/gateways/README.md``; everything between
``<!-- members: NAME -->`` and ``<!-- end -->`` is replaced, the rest of the page is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from decibill import schemas
from decibill._data import data_directory

__all__ = ["page", "renewed", "rows", "sections"]

_BLOCK: Final = re.compile(r"<!-- members: (?P<name>[a-z_]+) -->\n.*?<!-- end -->", re.DOTALL)
_MANY_WORDS: Final = 8
_KINDS: Final[Mapping[str, str]] = {
    "name": "text",
    "pointer": "JSON pointer",
    "place": "JSON pointer, or a header's name",
    "number": "number",
    "mark": "[mark](#marks)",
    "one_or_more": "text or list",
    "price_field": "text or table",
    "quantity_name": "quantity",
}
_TYPES: Final[Mapping[str, str]] = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "object": "table",
    "string": "text",
}


def page() -> Path:
    """Return where the page is."""
    return data_directory("gateways") / "README.md"


def sections() -> dict[str, Mapping[str, Any]]:
    """Return the tables of a declaration that have members, by name: the schema of each."""
    whole = schemas.schema("gateway")
    found: dict[str, Mapping[str, Any]] = {}
    for name, member in {**whole["properties"], **whole["$defs"]}.items():
        table = member.get("items", member)
        if "properties" in table:
            found[name] = table
    return found


def rows(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield name, kind of value and description of each member, with those of tables inside it."""
    required = cast("Sequence[str]", table.get("required", ()))
    for name, member in cast("Mapping[str, Mapping[str, Any]]", table["properties"]).items():
        inner = member.get("items", member)
        kind = _kind(member) + (", required" if name in required else "")
        yield before + name, kind, str(member["description"])
        if "properties" in inner:
            yield from rows(inner, f"{before}{name}{'[]' if inner is not member else ''}.")


def _kind(member: Mapping[str, Any]) -> str:
    words = member.get("enum") or member.get("items", {}).get("enum")
    if words is not None:
        listed = ", ".join(f"`{word}`" for word in words) if len(words) <= _MANY_WORDS else "a known word"
        return f"list of {listed}" if "items" in member else listed
    if "const" in member:
        return f"`{member['const']}`"
    reference = str(member.get("$ref", "")).rpartition("/")[2]
    if reference:
        return _KINDS.get(reference, "table")
    if "items" in member:
        inner = str(member["items"].get("$ref", "")).rpartition("/")[2]
        return f"list of {_KINDS[inner]}s" if inner in {"pointer", "name"} else "list"
    kind = member.get("type", "anything")
    named = [kind] if isinstance(kind, str) else cast("list[str]", kind)
    return " or ".join(_TYPES.get(each, each) for each in named)


def renewed(text: str) -> str:
    """Return the page with its tables as the schema has them now."""
    known = sections()

    def table(match: re.Match[str]) -> str:
        lines = ["| member | value | |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {kind} | {_cell(text)} |" for name, kind, text in rows(known[match["name"]])]
        return f"<!-- members: {match['name']} -->\n" + "\n".join(lines) + "\n<!-- end -->"

    return _BLOCK.sub(table, text)


def _cell(text: str) -> str:
    return re.sub(r"(\{[^}]*\})", r"`\1`", text).replace("|", "\\|")


def main() -> None:
    """Renew the tables of the page."""
    path = page()
    text = path.read_text("utf-8")
    path.write_text(renewed(text), "utf-8", newline="\n")
    sys.stdout.write(f"{path}: {len(_BLOCK.findall(text))} tables\n")


if __name__ == "__main__":
    main()
