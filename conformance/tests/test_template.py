"""Templates put values in and nothing else; structured files come out as JSON with exact numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from decibill import template
from decibill.errors import InvalidFileError
from decibill.template_tree import CaseScope, check_tree, plain_json, render
from hypothesis import given
from hypothesis import strategies as st


def test_every_name_is_replaced_once_and_not_looked_at_again() -> None:
    values = {"upstream": "{port}", "port": "80"}
    assert template.fill("a {upstream} b {port}", values) == "a {port} b 80"


@pytest.mark.parametrize("text", ["{}", "{ port }", '{"a": 1}', "{A}", "{case.}", "}{", "{1}"])
def test_braces_around_anything_else_are_text(text: str) -> None:
    assert template.fill(text, {}) == text
    assert template.names(text) == ()


def test_a_name_without_a_value_is_an_error_with_close_matches() -> None:
    with pytest.raises(InvalidFileError, match=r"no template name 'prot'; did you mean port\?"):
        template.fill("{prot}", {"port": "80"})


def test_an_environment_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(
        InvalidFileError, match=r"mine\.toml: the environment variable ACME_KEY is not set; set"
    ):
        template.fill("Bearer {env.ACME_KEY}", {"env.OTHER": "x"}, "mine.toml")


@given(st.dictionaries(st.sampled_from(["port", "upstream", "case.id"]), st.text(), min_size=3))
def test_values_of_any_kind_come_through_unchanged(values: Mapping[str, str]) -> None:
    filled = template.fill("{port}|{upstream}|{case.id}", values)
    assert filled == f"{values['port']}|{values['upstream']}|{values['case.id']}"


def scope(alias: str, model: str = "whisper-1", **changes: Any) -> CaseScope:
    facts: dict[str, Any] = {
        "values": {"case.alias": alias, "case.model": model},
        "provider": "openai",
        "operation": "chat",
        "features": frozenset({"chat"}),
        "model": model,
        "prices": {"per_minute": Decimal("0.0102")},
    }
    return CaseScope(**{**facts, **changes})


TWO = [scope("a", exchange={"region": "eu"}), scope("b")]


BOTH = [{"feature": "chat", "then": {"a": 1}}, {"operation": "chat", "then": {"b": 2}}]
NEITHER = {"provider": "openai", "operation": "speech", "then": {"a": 1}}
BY_REGION = {"$for_map": "case", "key": "{case.alias}", "value": {"region": {"$recorded": "region"}}}
BY_ALIAS = {"$for_map": "case", "key": "{case.alias}", "value": ["{case.model}"]}


@pytest.mark.parametrize(
    ("tree", "result"),
    [
        pytest.param({"x": "{port}", "n": 1, "no": None}, {"x": "80", "n": 1, "no": None}, id="text"),
        pytest.param({"{port}": "key"}, {"80": "key"}, id="key"),
        pytest.param([{"$for": "case", "n": "{case.alias}"}], [{"n": "a"}, {"n": "b"}], id="for case"),
        pytest.param([1, {"$for": "model", "m": "{case.model}"}], [1, {"m": "whisper-1"}], id="for model"),
        pytest.param(BY_ALIAS, {"a": ["whisper-1"], "b": ["whisper-1"]}, id="for_map"),
        pytest.param({"m": {"$list": "case", "value": "{case.model}"}}, {"m": ["whisper-1"]}, id="list"),
        pytest.param([{"$for": "model", "$prices": True}], [{"per_minute": Decimal("0.0102")}], id="prices"),
        pytest.param([{"$for": "model", "$prices": False}], [{}], id="no prices"),
        pytest.param(BY_REGION, {"a": {"region": "eu"}, "b": {}}, id="recorded"),
        pytest.param({"r": {"$recorded": "region"}}, {}, id="recorded of no case"),
        pytest.param([{"$for": "model", "$if": BOTH}], [{"a": 1, "b": 2}], id="two ifs"),
        pytest.param([{"$for": "model", "$if": NEITHER}], [{}], id="half an if"),
    ],
)
def test_directives(tree: Any, result: Any) -> None:
    check_tree(tree, file="mine.toml", at="", own=())
    assert render(tree, {"port": "80"}, TWO, "mine.toml") == result


def test_two_cases_cannot_need_one_member_with_different_contents() -> None:
    tree = {"$for_map": "case", "key": "{case.model}", "value": "{case.alias}"}
    with pytest.raises(InvalidFileError, match="two cases need 'whisper-1' with different contents"):
        render(tree, {}, TWO, "mine.toml")


@pytest.mark.parametrize(
    ("tree", "pointer", "says"),
    [
        ({"a": [{"$each": "case"}]}, "/a/0/$each", "no directive"),
        ({"$for": "cases"}, "/$for", "one of case, model"),
        ({"$for_map": "case", "key": "x"}, "", "goes with key and value alone"),
        ({"$list": "case", "value": "x", "more": 1}, "", "goes with value alone"),
        ({"$if": {"provider": "openai"}}, "/$if", "a table then"),
        ({"$if": {"dialect": "openai", "then": {}}}, "/$if", "takes provider, operation, feature"),
        ({"a": "{case.modle}"}, "/a", "did you mean case.model"),
        ({"{prot}": 1}, "/{prot}", "did you mean port"),
        ({"a": "{file.conf}"}, "/a", "did you mean file.config"),
    ],
)
def test_a_tree_that_cannot_be_carried_out_is_refused_with_its_place(
    tree: Any, pointer: str, says: str
) -> None:
    with pytest.raises(InvalidFileError) as caught:
        check_tree(tree, file="mine.toml", at="", own=("file.config",))
    assert (caught.value.pointer or "") == pointer
    assert says in str(caught.value)


def test_numbers_are_written_in_plain_digits() -> None:
    value = {"small": Decimal("4E-9"), "big": Decimal("1E+3"), "kept": Decimal("1.50"), "n": 3, "t": True}
    text = plain_json(value, None)
    assert text == '{"small": 0.000000004, "big": 1000, "kept": 1.50, "n": 3, "t": true}'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    assert json.loads(plain_json(value)) == value
    assert json.loads(plain_json(value, None)) == value
    assert "\n" not in plain_json(value, None) or "\n" in json.dumps(value)
