"""Every file of ``fixtures/invalid`` has exactly one fault, and the validator complains exactly there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio, schemas
from decibill._data import data_directory
from decibill.errors import InvalidDataError, InvalidFileError
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FILES = sorted((data_directory("fixtures") / "invalid").glob("*.json"))
MEMBERS = ({"schema", "fault", "pointer", "document"}, {"schema", "fault", "pointer", "text"})


def load(path: Path) -> dict[str, Any]:
    contents: dict[str, Any] = jsonio.load_file(path)
    return contents


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_validator_complains_exactly_at_the_pointer(path: Path) -> None:
    invalid = load(path)

    if "text" in invalid:
        with pytest.raises(InvalidFileError) as refusal:
            schemas.validate(invalid["schema"], jsonio.loads(invalid["text"], "given"), "given")
        pointers = [refusal.value.pointer or ""]
    else:
        with pytest.raises(InvalidDataError) as fault:
            schemas.validate(invalid["schema"], invalid["document"], "given")
        pointers = [found.pointer for found in fault.value.faults]

    assert pointers == [invalid["pointer"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_says_what_is_wrong_and_for_which_schema(path: Path) -> None:
    invalid = load(path)

    assert set(invalid) in MEMBERS
    assert path.stem.startswith(invalid["schema"] + "-")
    assert invalid["fault"].endswith(".")
    assert 20 <= len(invalid["fault"]) <= 120


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_stock_validator_refuses_it_too(path: Path) -> None:
    invalid = load(path)
    try:
        document = invalid["document"] if "document" in invalid else jsonio.loads(invalid["text"], "given")
    except InvalidFileError:
        return  # not JSON at all, so no validator ever sees it
    registry: Registry[Any] = Registry().with_resources(
        [(schemas.schema_id(name), Resource.from_contents(schemas.schema(name))) for name in schemas.NAMES]
    )

    stock = Draft202012Validator(schemas.schema(invalid["schema"]), registry=registry)

    assert not stock.is_valid(document)


def test_there_is_an_invalid_document_of_most_schemas() -> None:
    covered = {load(path)["schema"] for path in FILES}

    assert len(FILES) >= 20
    assert set(schemas.NAMES) - covered <= {"report"}
