"""The page of the price books names every public entry, and the models that it prices."""

from __future__ import annotations

import re

from decibill import jsonio
from decibill._data import data_directory

FOLDER = data_directory("fixtures") / "price-books"
ENTRIES = {entry["id"]: entry for entry in jsonio.load_file(FOLDER / "public-2026-11.json")["entries"]}
WORD = re.compile(r"`([^`]+)`")
ROWS = [
    (WORD.findall(models), WORD.findall(entries))
    for models, entries in re.findall(
        r"^\| ([^|]+) \| (`[^|]+) \| [^|]+ \|$",
        (FOLDER / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    if "public-2026-11.json" not in entries
]


def test_every_public_entry_is_on_the_page_once() -> None:
    assert sorted(name for _, entries in ROWS for name in entries) == sorted(ENTRIES)


def test_every_model_on_the_page_is_priced_by_an_entry_of_its_row() -> None:
    unpriced = [
        model
        for models, entries in ROWS
        for model in models
        if not any(model in ENTRIES[name]["models"] for name in entries if name in ENTRIES)
    ]
    assert unpriced == []


def test_every_entry_on_the_page_prices_a_model_of_its_row() -> None:
    foreign = [
        name
        for models, entries in ROWS
        for name in entries
        if models and name in ENTRIES and not set(models) & set(ENTRIES[name]["models"])
    ]
    assert foreign == []
