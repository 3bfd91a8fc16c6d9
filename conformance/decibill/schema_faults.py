"""Turns validation errors into faults that a person can act on: one for each cause, in words.

The rules: an unknown member is reported at itself, a missing one at the object that lacks it; a misspelt
member is one fault, not an unknown and a missing one; a value of the wrong type has no further faults; a
choice between alternatives names the alternatives.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from decibill.errors import Fault
from decibill.pointer import join

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = ["explain"]

_TYPES: Final = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_LIST_LIMIT: Final = 16
"""Alternatives are listed up to this many; of more, only close ones are named."""

_NUMBER: Final = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?")
_LIMITS: Final = re.compile(r"\[1-9\]\[0-9\]\{0,(\d+)\}.*?(?:\{0,(\d+)\}\[1-9\]|\{1,(\d+)\})")
"""How many digits the pattern of a decimal string allows before the point and after it, one less each."""

_ALIKE: Final = 0.6
"""How alike two names must be for one to be the other misspelt (difflib's ratio)."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A fault and what is needed to weigh it against its neighbours."""

    path: tuple[str | int, ...]
    problem: str
    rank: int
    """Lower wins where two faults have one place."""

    missing: str | None = None
    is_unknown: bool = False
    """Whether the member at the path is not one of the schema's."""

    @property
    def pointer(self) -> str:
        return join(*self.path)


def explain(errors: Iterable[ValidationError]) -> tuple[Fault, ...]:
    """Return the faults behind *errors*, one for each cause, the most telling one first."""
    found = _without_echoes([fault for error in errors for fault in _read(error)])
    return tuple(Fault(fault.pointer, fault.problem) for fault in sorted(found, key=_weight))


def _weight(fault: _Found) -> tuple[int, int, list[str]]:
    # What is at the top explains what is below it; at one depth a wrong value says more than a broken choice.
    return len(fault.path), fault.rank, [f"{token:>6}" for token in fault.path]


def _read(error: ValidationError) -> Iterator[_Found]:
    path = tuple(error.absolute_path)
    keyword = str(error.validator)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if _is_name(error):
        path = (*path, cast("str", error.instance))
        yield _Found(path, _wrong_name(error), 0, is_unknown=True)
    elif keyword == "required":
        missing = [name for name in _value(error) if name not in cast("Mapping[str, object]", error.instance)]
        # The stock validator reports each missing member by itself and names it only in its message.
        name = next((name for name in missing if repr(name) in error.message), missing[0])
        yield _Found(path, f"lacks the member {_quote(name)}{_about(error, name)}", 1, missing=name)
    elif keyword in ("unevaluatedProperties", "additionalProperties"):
        yield _Found(path, _unknown_member(error, str(path[-1])), 0, is_unknown=True)
    elif keyword in ("oneOf", "anyOf"):
        yield _Found(path, _choice(error), 3)
    else:
        rank = 0 if keyword == "type" else 2
        yield _Found(path, _PROBLEMS.get(keyword, _other)(error), rank)


def _is_name(error: ValidationError) -> bool:
    """Whether the error is about a member's name, which has no path of its own."""
    where = [str(part) for part in error.absolute_schema_path]
    return "propertyNames" in where


def _without_echoes(found: list[_Found]) -> list[_Found]:
    best: dict[tuple[str, str | None], _Found] = {}
    for fault in sorted(found, key=lambda fault: fault.rank):
        best.setdefault((fault.pointer, fault.missing), fault)
    unknown = {(fault.path[:-1], str(fault.path[-1])) for fault in best.values() if fault.is_unknown}

    def is_echo(fault: _Found) -> bool:
        if fault.is_unknown:
            return False
        # An unknown member's value has no schema of its own to be at odds with.
        if any((fault.path[:n], fault.path[n]) in unknown for n in range(len(fault.path))):
            return True
        siblings = [name for place, name in unknown if place == fault.path]
        return fault.missing is not None and bool(
            difflib.get_close_matches(fault.missing, siblings, n=1, cutoff=_ALIKE)
        )

    return [fault for fault in best.values() if not is_echo(fault)]


def _value(error: ValidationError) -> Any:
    return error.validator_value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _schema(error: ValidationError) -> Mapping[str, Any]:
    contents: Any = error.schema  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return cast("Mapping[str, Any]", contents) if isinstance(contents, Mapping) else {}


def _quote(value: object) -> str:
    """Return *value* as it stands in the file, shortened."""
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _about(error: ValidationError, name: str) -> str:
    """Return what the missing member is for, from its description."""
    member: Any = _schema(error).get("properties", {}).get(name)
    text = member.get("description") if isinstance(member, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return f" ({_phrase(str(text))})" if text else ""  # pyright: ignore[reportUnknownArgumentType]


def _phrase(text: str) -> str:
    first = re.split(r"[;.] ", text, maxsplit=1)[0].rstrip(".")
    return first if first[1:2].isupper() else first[:1].lower() + first[1:]


def _listed(names: Sequence[object]) -> str:
    return ", ".join(name if isinstance(name, str) else _quote(name) for name in names)


def _suggestion(name: object, known: Sequence[object]) -> str:
    words = [word for word in known if isinstance(word, str)]
    close = difflib.get_close_matches(str(name), words, n=2, cutoff=_ALIKE)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; known are {_listed(words)}" if words and len(words) <= _LIST_LIMIT else ""


def _unknown_member(error: ValidationError, name: str) -> str:
    known = list(_schema(error).get("properties", {}))
    return f"unknown member {_quote(name)}{_suggestion(name, known)}"


def _wrong_name(error: ValidationError) -> str:
    name, contents = cast("str", error.instance), _schema(error)
    if str(error.validator) == "enum":  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        what = contents.get("description", "a known name")
        return f"{_quote(name)} is not {_phrase(str(what))}{_suggestion(name, _value(error))}"
    return f"the name {_quote(name)} must be {contents.get('title', 'another')}"


def _choice(error: ValidationError) -> str:
    branches: Any = _value(error)
    members = [_lone_member(branch) for branch in branches]
    named = [member for member in members if member is not None]
    if len(named) >= len(members) - 1 and named:
        held = [name for name in named if name in _members(error.instance)]
        rule = "at most" if len(named) < len(members) else "exactly"
        if str(error.validator) == "anyOf":  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            rule = "at least"
        if held:
            return f"has {' and '.join(held)} side by side; {rule} one of {_listed(named)} is allowed"
        return f"needs {rule} one of {_listed(named)}, and has none"
    return str(_schema(error).get("description", "fits none of the allowed forms"))


def _members(instance: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", instance) if isinstance(instance, Mapping) else {}


def _lone_member(branch: Any) -> str | None:
    """Return the one member that a branch of a choice requires, where that is all it says."""
    required = branch.get("required") if isinstance(branch, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return str(required[0]) if isinstance(required, list) and len(required) == 1 else None  # pyright: ignore[reportUnknownArgumentType]


def _type(error: ValidationError) -> str:
    value: Any = _value(error)
    wanted: list[str] = [value] if isinstance(value, str) else list(value)
    title = _schema(error).get("title")
    instance: object = error.instance
    words = str(title) if title else " or ".join(_TYPES[name] for name in wanted)
    return f"must be {words}, not {_found_type(instance)}"


def _found_type(instance: object) -> str:
    if isinstance(instance, bool) or instance is None:
        return _quote(instance)
    if isinstance(instance, (int, Decimal, float)):
        return f"the number {_quote(instance)}"
    if isinstance(instance, str):
        return f"the string {_quote(instance)}"
    return _TYPES["object" if isinstance(instance, Mapping) else "array"]


def _pattern(error: ValidationError) -> str:
    number, limits = _NUMBER.fullmatch(str(error.instance)), _LIMITS.search(str(_value(error)))
    if number is not None and limits is not None:
        before, after = int(limits[1]) + 1, int(limits[2]) + 1 if limits[2] else int(limits[3])
        if len(number[1]) > before or len(number[2] or "") > after:
            more = f"more than {before} digits before the point or {after} after it"
            return f"has {more}: {_quote(error.instance)}"
    title = _schema(error).get("title", f"of the form {_value(error)}")
    return f"must be {title}, not {_quote(error.instance)}"


def _enum(error: ValidationError) -> str:
    known: list[object] = _value(error)
    hint = _suggestion(error.instance, known)
    if not hint or hint.startswith("; known"):
        listed = _listed(known) if len(known) <= _LIST_LIMIT else "the known names"
        return f"must be one of {listed}, not {_quote(error.instance)}"
    return f"{_quote(error.instance)} is not known{hint}"


def _const(error: ValidationError) -> str:
    return f"must be {_quote(_value(error))}, not {_quote(error.instance)}"


def _minimum(error: ValidationError) -> str:
    least: Any = _value(error)
    rule = "must not be negative" if least == 0 else f"must be at least {least}"
    return f"{rule}, and is {_quote(error.instance)}"


def _size(words: str) -> Callable[[ValidationError], str]:
    return lambda error: words.format(_value(error), _quote(error.instance))


def _unique(error: ValidationError) -> str:
    items = cast("list[object]", error.instance)
    twice = next((item for n, item in enumerate(items) if item in items[:n]), None)
    return f"holds {_quote(twice)} twice"


def _empty(error: ValidationError) -> str:
    contents, least = _schema(error), _value(error)
    if "title" in contents:
        return f"must be {contents['title']}"
    return "must not be empty" if least == 1 else f"must have at least {least} characters"


def _few(error: ValidationError) -> str:
    return f"must not be empty{_reason(error)}"


def _many(error: ValidationError) -> str:
    return f"must be empty{_reason(error)}"


def _reason(error: ValidationError) -> str:
    """Return why, where the rule is a conditional one: its subschema says so and has no type of its own."""
    contents = _schema(error)
    return (
        f": {_phrase(contents['description'])}"
        if "description" in contents and "type" not in contents
        else ""
    )


def _not(error: ValidationError) -> str:
    reason = _schema(error).get("description")
    return _phrase(str(reason)) if reason else "is not allowed here"


def _other(error: ValidationError) -> str:
    return str(_schema(error).get("description", error.message))


_PROBLEMS: Final[Mapping[str, Callable[[ValidationError], str]]] = {
    "const": _const,
    "enum": _enum,
    "exclusiveMinimum": _size("must be greater than {0}, and is {1}"),
    "maxItems": _many,
    "maxLength": lambda error: (
        f"must have at most {_value(error)} characters, and has {len(str(error.instance))}"
    ),
    "maximum": _size("must be at most {0}, and is {1}"),
    "minItems": _few,
    "minLength": _empty,
    "minProperties": lambda _: "must not be empty",
    "minimum": _minimum,
    "not": _not,
    "pattern": _pattern,
    "type": _type,
    "uniqueItems": _unique,
}
