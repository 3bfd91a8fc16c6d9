"""What a calculator is asked: the lines that `decibill run --calculator` writes (AUB 0.1, chapter 8).

One line is one call of one case. What stands in files is put into the line, so that a calculator needs no
folder of ours. Media stays a file, and so does JSON that a reader may refuse, as where a key stands twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from decibill import jsonio
from decibill._data import data_directory, fixture_bytes
from decibill.case import Case, ExchangeCase, RecordCase
from decibill.errors import InvalidFileError

__all__ = ["Question", "RecordInstance", "questions"]

_FORMAT: Final = 1
_JSON: Final = frozenset({"events_file", "json_file"})
_TEXT: Final = frozenset({"sse_file", "text_file"})


@dataclass(frozen=True, slots=True)
class RecordInstance:
    """One case as a calculator is asked it; what `decibill.plan.Instance` is for a gateway."""

    id: str
    case: Case
    dialect: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One line: one call of a case."""

    id: str
    """The case's id, and ``#2`` and on for further calls of its client."""

    case: Case
    """The case as it is for this call."""

    line: str
    """JSON without a line break."""


def questions(cases: Sequence[Case], root: Path | None = None) -> tuple[Question, ...]:
    """Return what a calculator is asked for *cases*, in the order of their ids.

    Args:
        cases: the cases chosen.
        root: the fixtures; by default those that come with decibill.
    """
    fixtures = root or data_directory("fixtures")
    ordered = sorted(cases, key=lambda case: case.id)
    return tuple(question for case in ordered for question in _questions(case, fixtures))


def _questions(case: Case, root: Path) -> Iterator[Question]:
    if isinstance(case, ExchangeCase):
        for number in range(len(case.others) + 1):
            call = case.of_call(number)
            if number and call.usage is None:
                continue  # answered from a gateway's cache: no provider was asked, and there is no usage
            exchange = case.steps[-1].answers[number].exchange
            name = case.id if number == 0 else f"{case.id}#{number + 1}"
            yield _question(name, call, root, {"exchange": _inlined(exchange, root)})
    elif isinstance(case, RecordCase):
        if case.kind == "refund":
            members = {
                "charge": _text(case.given["charge"]),
                "refund": _text(case.when["refund"]),
                "earlier": _text(case.given.get("earlier", [])),
            }
        else:
            members = {"usage": _text(case.given["usage"])}
            at = case.when["price"].get("at")
            members |= {"at": _text(at)} if at is not None else {}
        yield _question(case.id, case, root, members)


def _question(name: str, case: Case, root: Path, members: Mapping[str, str]) -> Question:
    parts = {"format": _text(_FORMAT), "id": _text(name), **members}
    if case.book is not None:
        parts |= [_from_file("prices_file", case.book, root)]
    return Question(name, case, _object(parts))


def _inlined(value: Any, root: Path) -> str:
    """Return JSON text of *value* with the files that it names put in."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return _object(
            dict(
                _from_file(key, str(item), root) if key in _JSON | _TEXT else (key, _inlined(item, root))
                for key, item in members.items()
            )
        )
    return _text(value)


def _from_file(key: str, name: str, root: Path) -> tuple[str, str]:
    """Return the member that a file stands for, as a pair of its name and JSON text."""
    content, short = fixture_bytes(root, name), key.removesuffix("_file")
    try:
        if key in _TEXT:
            return short, _text(content.decode("utf-8"))
        jsonio.loads(content, name)
    except (InvalidFileError, UnicodeDecodeError):
        return key, _text(name)
    # As it stands, digits and all; a line break in JSON is only ever white space.
    return short, content.decode("utf-8-sig").replace("\r", " ").replace("\n", " ").strip()


def _object(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_text(key)}: {text}" for key, text in members.items()) + "}"


def _text(value: Any) -> str:
    """Return *value* as JSON text in ASCII, every number with the digits that it had."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return _object({key: _text(item) for key, item in members.items()})
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(item) for item in cast("Sequence[Any]", value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
