"""The reference page of declarations is current: every member is on it, with an example that is valid."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill import declaration_page, schemas, template, template_tree
from decibill.declaration_page import page, renewed, rows, sections
from decibill.declaration_read import declared_names, load, parse
from decibill.errors import InvalidFileError
from tests.test_docs import broken_links

TEXT = page().read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
TITLES = [f"{number} {text.splitlines()[0]}" for number, text in enumerate(EXAMPLES, 1)]
BASE = tomllib.loads(EXAMPLES[0])
"""The smallest whole file of the page, which the other examples are parts of."""


def whole(example: str) -> dict[str, Any]:
    """Return an example as a part of the smallest file, with what it refers to."""
    part = tomllib.loads(example, parse_float=Decimal)
    document = copy.deepcopy(BASE)
    document["start"] = {"argv": ["gateway"], "ready": {"get": "/health"}, "secrets": {"GATEWAY_KEY": "k-"}}
    document["gateway"]["url"] = "http://127.0.0.1:{port}"
    document["files"] = {"config": {"path": "config.json", "content": {}}}
    for name, value in part.items():
        is_table = isinstance(value, dict) and isinstance(document.get(name), dict)
        document[name] = {**document[name], **value} if is_table else value
    if "azure" in document["gateway"]["dialects"]:
        document["routes"].setdefault("azure", {"chat": "/chat"})
    if document["features"].get("price_scope", "none") != "none":
        document.setdefault("prices", {"how": "book"})
    document["features"].setdefault("operations", ["chat"])
    return document


@pytest.mark.parametrize("example", EXAMPLES, ids=TITLES)
def test_every_example_is_a_part_of_a_valid_file(example: str) -> None:
    document = whole(example)

    parse(document, "example.toml")
    schemas.validate("gateway", document, "example.toml")


def test_an_example_with_a_fault_would_be_refused() -> None:
    with pytest.raises(InvalidFileError):
        parse(whole('[upstream]\nselect = "pahts"'), "example.toml")


def covered(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    """Yield the places in the schema of the members that *value* has."""
    reference = str(schema.get("$ref", ""))
    if reference.startswith("#/"):
        name = reference.rpartition("/")[2]
        yield from covered(schemas.schema("gateway")["$defs"][name], value, name)
    for branch in ("then", "else"):
        if branch in schema:
            yield from covered(schema[branch], value, at)
    if isinstance(value, list):
        for item in value:
            yield from covered(schema.get("items", {}), item, at)
    if isinstance(value, dict):
        for name, member in value.items():
            if name in schema.get("properties", {}):
                yield f"{at}.{name}"
                yield from covered(schema["properties"][name], member, f"{at}.{name}")
            else:
                yield from covered(schema.get("additionalProperties", {}), member, at)


def members(schema: Any, at: str) -> Iterator[str]:
    """Yield the places of all members that a schema has."""
    for name, member in schema.get("properties", {}).items():
        yield f"{at}.{name}"
        yield from members(member, f"{at}.{name}")
        yield from members(member.get("items", {}), f"{at}.{name}")


def test_every_member_of_the_schema_has_an_example() -> None:
    schema = schemas.schema("gateway")
    shown = {place for text in EXAMPLES for place in covered(schema, tomllib.loads(text), "")}
    wanted = {*members(schema, "")}
    wanted |= {place for name, part in schema["$defs"].items() for place in members(part, name)}

    assert wanted - shown == set(), "show each in a TOML block of conformance/gateways/README.md"


def test_the_tables_are_those_of_the_schema() -> None:
    assert renewed(TEXT) == TEXT, "renew them: python -m decibill.declaration_page"


def test_every_table_of_the_schema_is_on_the_page() -> None:
    assert set(re.findall(r"<!-- members: (\w+) -->", TEXT)) == set(sections())


def test_a_table_shows_what_is_inside_a_member_too() -> None:
    found = {name: kind for name, kind, _ in rows(sections()["upstream"])}

    assert found["probes[].path"] == "text, required"
    assert found["select"] == "`path`, `key`, `armed`, required"


def test_every_template_name_and_directive_is_on_the_page() -> None:
    names = template.RUN_NAMES | template.CASE_NAMES | template.CALL_NAMES

    assert {name for name in names if f"`{{{name}}}`" not in TEXT} == set()
    assert {word for word in template_tree.DIRECTIVES if f'"{word}"' not in TEXT} == set()


def test_every_declaration_is_listed() -> None:
    assert {name for name in declared_names() if f"| `{name}.toml` |" not in TEXT} == set()


@pytest.mark.parametrize("name", ["README.md", "TUTORIAL.md", "../OBSERVATIONS.md"])
def test_links_lead_somewhere(name: str) -> None:
    assert list(broken_links(page().parent / name)) == []


def test_the_command_renews_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "README.md"
    old.write_text("Before.\n<!-- members: model -->\nstale\n<!-- end -->\nAfter.\n")
    monkeypatch.setattr(declaration_page, "page", lambda: old)
    declaration_page.main()

    text = old.read_text()
    assert text.startswith("Before.\n<!-- members: model -->\n| member |")
    assert "| `name` | text, required | Template, such as `{case.alias}`. |\n<!-- end -->\nAfter.\n" in text
    assert "1 tables" in capsys.readouterr().out


# The tutorial


def merged(into: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file to which lines are added; sources take the place of those before."""
    for name, value in part.items():
        into[name] = merged(into.get(name, {}), value) if isinstance(value, dict) else value
    return into


def test_the_files_of_the_tutorial_are_valid_after_each_step() -> None:
    text = (page().parent / "TUTORIAL.md").read_text("utf-8")
    document: dict[str, Any] = {}
    steps = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    for step in steps:
        document = merged(document, tomllib.loads(step, parse_float=Decimal))
        declared = parse(document, "my-ferrogw.toml")
        schemas.validate("gateway", document, "my-ferrogw.toml")

    assert len(steps) == 3
    assert [source.id for source in declared.observe] == ["ledger", "body"]


def test_the_tutorial_differs_from_the_declaration_that_comes_along_in_little() -> None:
    """What it teaches is how the gateway is really judged."""
    text = (page().parent / "TUTORIAL.md").read_text("utf-8")
    document: dict[str, Any] = {}
    for step in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        document = merged(document, tomllib.loads(step, parse_float=Decimal))
    taught, ours = parse(document, "my-ferrogw.toml"), load("ferrogw")

    assert taught.routes == ours.routes
    assert taught.features == replace(ours.features, extra=frozenset())  # one provider is enough to learn it
    assert set(taught.prices.fields.items()) <= set(ours.prices.fields.items())
