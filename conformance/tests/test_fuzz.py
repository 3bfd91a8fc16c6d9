"""What fuzzing has found stays found: seeds, kept inputs and a few new ones are read without the engine."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from decibill.errors import InvalidFileError
from decibill.template_tree import CaseScope, check_tree, render
from fuzz.targets import KEPT, TARGETS, kept, load
from fuzz.trees import changed_json, dumped
from hypothesis import given
from hypothesis import strategies as st

EACH = pytest.mark.parametrize("name", TARGETS)
INPUTS = [(name, path) for name in TARGETS for path in kept(name)]
_LARGEST = 20_000


@EACH
def test_every_seed_is_read(name: str) -> None:
    target = load(name)
    seeds = list(target.seeds())

    assert len(seeds) >= 5
    for seed in seeds:
        target.attempt(seed)


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=[f"{name}/{path.name}" for name, path in INPUTS])
def test_an_input_that_taught_something_is_read(name: str, path: Path) -> None:
    load(name).attempt(path.read_bytes())


@EACH
def test_what_is_like_a_seed_is_read(name: str) -> None:
    target, random = load(name), Random(7)
    seeds = list(target.seeds())
    made = 0
    for _ in range(150):
        new = target.changed(random.choice(seeds), random)
        if new is not None:
            target.attempt(new)
            made += 1

    assert made > 50


@EACH
def test_what_is_no_form_of_an_input_is_left_to_the_engine(name: str) -> None:
    target = load(name)
    for data in (b"", b"\xff\xfe", b"{", b"\x00" * 9):
        target.changed(data, Random(1))
        target.attempt(data)


def test_kept_inputs_are_small_and_each_belongs_to_a_target() -> None:
    files = [path for path in KEPT.rglob("*") if path.is_file()]

    assert {path.parent.name for path in files} == set(TARGETS)
    assert all(path.stat().st_size <= _LARGEST for path in files)
    assert sum(path.stat().st_size for path in files) <= 300_000


@given(
    st.recursive(st.none() | st.decimals(allow_nan=False, allow_infinity=False), st.lists), st.integers(0, 99)
)
def test_a_change_to_json_is_json(tree: Any, seed: int) -> None:
    made = changed_json(dumped(tree), Random(seed), ["a", "b"])

    assert made is not None
    assert changed_json(made, Random(seed), ["a"]) is not None


# Found by fuzzing

LOOPS = {"$for_map": "case", "key": "{case.model}", "value": 1}


@pytest.mark.parametrize(
    ("tree", "pointer"),
    [
        ({"$if": 7}, "/$if"),
        ({"$if": [0.5]}, "/$if"),
        ({"$if": [{"then": 7}]}, "/$if"),
        ({"$if": {"feature": ["speech"], "then": {}}}, "/$if"),
        ({**LOOPS, "key": 7}, "/key"),
        ({"$list": "model", "value": 7}, "/value"),
    ],
    ids=str,
)
def test_a_directive_of_a_wrong_type_is_refused_at_its_place(tree: Any, pointer: str) -> None:
    with pytest.raises(InvalidFileError) as refused:
        check_tree(tree, file="x.toml", at="", own=())

    assert refused.value.pointer == pointer


CASE = CaseScope({"case.model": "m"}, "openai", "chat", frozenset({"chat"}), "m", {})


def test_a_condition_whose_then_is_a_list_has_no_members_to_add() -> None:
    tree = {"$for_map": "case", "key": "a", "value": {"$if": {"then": {"$list": "model", "value": "x"}}}}
    with pytest.raises(InvalidFileError, match="has no members"):
        render(tree, {}, [CASE], "x.toml")


def test_a_condition_whose_then_is_not_recorded_adds_nothing() -> None:
    tree = {"$for_map": "case", "key": "a", "value": {"b": 1, "$if": {"then": {"$recorded": "region"}}}}

    assert render(tree, {}, [CASE], "x.toml") == {"a": {"b": 1}}


def test_a_file_that_is_not_recorded_has_no_value() -> None:
    with pytest.raises(InvalidFileError, match="has no value"):
        render({"$recorded": "region"}, {}, [CASE], "x.toml")
