"""The JSON Schemas of decibill: validation with faults a person can act on, and detection of kinds.

Every schema has the id ``urn:decibill:schema:<name>:0.1`` and refers to others by that id alone, so that
validation never needs a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from decibill import SPEC_VERSION, jsonio
from decibill._data import data_directory
from decibill.errors import Fault, InvalidDataError, InvalidFileError, UnknownNameError
from decibill.schema_faults import explain

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["NAMES", "definition", "faults", "kind_of", "schema", "schema_id", "validate"]

NAMES: Final = (
    "baseline",
    "calculator-answer",
    "calculator-question",
    "case",
    "charge",
    "exchange",
    "gateway",
    "manifest",
    "observations",
    "price-book",
    "refund",
    "report",
    "requirements",
    "usage-record",
)
"""The documents that decibill reads or writes."""


def schema_id(name: str) -> str:
    """Return the id of the schema called *name*, such as ``urn:decibill:schema:charge:0.1``."""
    return f"urn:decibill:schema:{name}:{SPEC_VERSION}"


@cache
def schema(name: str) -> Mapping[str, Any]:
    """Return the schema called *name*.

    Raises:
        UnknownNameError: there is no such schema.
    """
    if name not in NAMES:
        raise UnknownNameError("schema", name, NAMES)
    contents: Mapping[str, Any] = jsonio.load_file(
        data_directory("schemas") / f"{name}.schema.json", f"schemas/{name}.schema.json"
    )
    return contents


def validate(name: str, document: Any, where: str) -> None:
    """Do nothing if *document* is what the schema *name* says; *where* names it in messages.

    Raises:
        InvalidDataError: it is not; with every fault, the most telling one first.
    """
    found = faults(name, document)
    if found:
        raise InvalidDataError(where, found)


def faults(name: str, document: Any) -> tuple[Fault, ...]:
    """Return every place where *document* is at odds with the schema *name*, the most telling one first."""
    return explain(_validator(schema_id(name)).iter_errors(document))


def definition(name: str, part: str) -> Callable[[Any], tuple[Fault, ...]]:
    """Return the check of one definition of a schema, such as ``("refund", "request")``."""
    validator = _validator(f"{schema_id(name)}#/$defs/{part}")
    return lambda document: explain(validator.iter_errors(document))


def kind_of(document: Any, where: str) -> str:
    """Return the name of the schema that *document* is meant for: by ``$schema``, else by its members.

    Raises:
        InvalidFileError: it is none of decibill's documents.
    """
    if not isinstance(document, Mapping):
        raise InvalidFileError(where, f"must be a JSON object, not {_json_type(document)}", pointer="/")
    members = cast("Mapping[str, object]", document)
    declared = members.get("$schema")
    if declared is not None:
        for name in NAMES:
            if declared == schema_id(name):
                return name
        raise InvalidFileError(
            where,
            f"{declared!r} is not a schema of decibill {SPEC_VERSION}",
            pointer="/$schema",
            remedy=f"use one of {', '.join(schema_id(name) for name in NAMES)}, or leave the member out",
        )
    share, name = max((_likeness(name, members), name) for name in NAMES)
    if share < _ENOUGH:
        raise InvalidFileError(
            where,
            "is none of decibill's documents by its members",
            pointer="/",
            remedy=f'say which by "$schema": "{schema_id("usage-record")}", or another of {", ".join(NAMES)}',
        )
    return name


_ENOUGH: Final = 0.5
"""Share of a schema's required members by which a document without ``$schema`` is taken for it."""


def _likeness(name: str, members: Mapping[str, object]) -> float:
    contents = schema(name)
    required: list[str] = [member for member in contents.get("required", ()) if member != "$schema"]
    if not required:
        return 0.0
    hits = sum(member in members for member in required)
    known: Mapping[str, object] = contents["properties"]
    strangers = sum(member not in known for member in members)
    return hits / (len(required) + strangers)


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        return "a string"
    return "a boolean" if isinstance(value, bool) else "a number"


@cache
def _registry() -> Registry[Any]:
    empty: Registry[Any] = Registry()
    # Crawled once, or every reference would be resolved by a search through all schemas.
    return empty.with_resources([(schema_id(name), _resource(name)) for name in NAMES]).crawl()


def _resource(name: str) -> Resource[Any]:
    # Without `$schema`, or the library would go on with its stock validator below the reference.
    contents = {key: value for key, value in schema(name).items() if key != "$schema"}
    return DRAFT202012.create_resource(contents)


@cache
def _validator(reference: str) -> Validator:
    return _Validator({"$ref": reference}, registry=_registry())


# Two keywords differ from the stock validator, neither in what our schemas mean (a test compares them over
# all examples and invalid documents): faults name each member by itself, and a line break at the end does not
# pass a pattern that ends in "$", as it would with Python's reading of "$".


def _unevaluated_properties(
    validator: Any, subschema: object, instance: object, parent: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """Yield one error for each member that the schema beside the keyword does not name."""
    del subschema
    if not validator.is_type(instance, "object"):
        return
    known: Mapping[str, object] = parent.get("properties", {})
    for member in cast("Mapping[str, object]", instance):
        if member not in known:
            yield ValidationError("unknown member", path=[member])


def _pattern(
    validator: Any, pattern: str, instance: object, parent: Mapping[str, Any]
) -> Iterator[ValidationError]:
    del parent
    if not validator.is_type(instance, "string"):
        return
    expression = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if not re.search(expression, cast("str", instance)):
        yield ValidationError("does not match")


_extend: Any = cast("Any", validators).extend  # the library has no types for it
_Validator: type[Validator] = _extend(
    Draft202012Validator,
    {"unevaluatedProperties": _unevaluated_properties, "pattern": _pattern},
)
