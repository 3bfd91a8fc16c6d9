"""What a calculator answered: one line of JSON for each line that it was asked (AUB 0.1, chapter 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from decibill import jsonio
from decibill.errors import HarnessError, InvalidFileError
from decibill.redact import legible

if TYPE_CHECKING:
    from decibill.calculator import Question

__all__ = ["RECORDS", "SUMS", "Answer", "read_answers"]

RECORDS: Final = ("usage", "charge", "refund")
"""Whole records, which are compared member by member."""

SUMS: Final = ("cost", "quantities")
"""What a tool states that knows no records: judged as the same statements of a gateway are."""

_MEMBERS: Final = (*RECORDS, *SUMS, "error", "not_declared")
_LONGEST: Final = 80
_DEEPEST: Final = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """One line, read."""

    members: Mapping[str, Any]
    """Those of the protocol that are there and not null, but for `cost`, which may be null."""

    number: int
    """The line, counted from 1."""

    name: str | None = None
    version: str | None = None
    """What the calculator says that it is, if it does."""

    @property
    def not_declared(self) -> str | None:
        """What the calculator cannot be asked, in its own words."""
        return self.members.get("not_declared")

    @property
    def error(self) -> Mapping[str, Any] | None:
        """Its refusal, with ``code`` and perhaps ``pointer``."""
        return self.members.get("error")


def read_answers(asked: Sequence[Question], lines: Sequence[bytes]) -> tuple[Answer, ...]:
    """Return the answers to the questions *asked*, in their order.

    Raises:
        HarnessError: a line is not what the protocol says.
    """
    return tuple(
        _read(question, line, number)
        for number, (question, line) in enumerate(zip(asked, lines, strict=True), 1)
    )


def _read(question: Question, line: bytes, number: int) -> Answer:
    where = f"line {number} of the calculator, the answer to {question.id}"
    try:
        value = jsonio.loads(line, where)
    except InvalidFileError as error:
        shown = legible(line[:_LONGEST].decode("utf-8", "replace"))
        raise HarnessError(f"{where}, is not one JSON object: {error.problem}; it begins {shown!r}") from None
    if not isinstance(value, Mapping):
        raise HarnessError(f"{where}, is not a JSON object")
    data = cast("Mapping[str, Any]", value)
    if data.get("id") != question.id:
        said = legible(str(data.get("id"))[:_LONGEST])
        raise HarnessError(f"{where}, has the id {said!r}; answers have the ids of the lines, in their order")
    if _is_deep(data):
        raise HarnessError(f"{where}, is nested too deeply")
    members = {
        name: data[name] for name in _MEMBERS if name in data and (name == "cost" or data[name] is not None)
    }
    if not members:
        raise HarnessError(f"{where}, has none of {', '.join(_MEMBERS)}")
    for name, item in members.items():
        wanted = str if name == "not_declared" else None if name == "cost" else Mapping
        if wanted is not None and not isinstance(item, wanted):
            raise HarnessError(f"{where}: {name} must be {'a text' if wanted is str else 'an object'}")
    if "error" in members and not isinstance(members["error"].get("code"), str):
        raise HarnessError(f"{where}: error has no code")
    about = data.get("calculator")
    told: Mapping[str, Any] = cast("Mapping[str, Any]", about) if isinstance(about, Mapping) else {}
    return Answer(members, number, _word(told, "name"), _word(told, "version"))


def _is_deep(value: object) -> bool:
    """Say whether *value* is nested more deeply than any record, so that comparing it could fail."""
    level = [value]
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for item in level:
            if isinstance(item, Mapping):
                inner += cast("Mapping[str, object]", item).values()
            elif isinstance(item, list):
                inner += cast("list[object]", item)
        if not inner:
            return False
        level = inner
    return True


def _word(told: Mapping[str, Any], member: str) -> str | None:
    word = told.get(member)
    return legible(word[:_LONGEST]) if isinstance(word, str) and word.strip() else None
