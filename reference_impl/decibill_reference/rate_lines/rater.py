"""What one line of a log comes to, and what a chunk of lines does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from decibill_reference import jsonio
from decibill_reference.charge import rate
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.rate_lines.chunks import LONGEST
from decibill_reference.rate_lines.summary import Summary
from decibill_reference.talk import json_text
from decibill_reference.usage import UsageRecord

if TYPE_CHECKING:
    from pathlib import Path

    from decibill_reference.charge_record import Charge
    from decibill_reference.prices import PriceBook
    from decibill_reference.rate_lines.chunks import Chunk

__all__ = ["TOLD", "Done", "Rater", "Refused"]

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)
_TOGETHER: Final = 64
"""Lines that take one step before any takes the next: a processor keeps the code of a step at hand, and
needs a quarter less time than if each line went the whole way alone."""

_UNKNOWN: Final = (
    "neither an exchange (with a response), nor a usage record (with quantities), "
    "nor an object that has one as its member exchange or usage"
)


TOLD: Final = 20
"""Refused lines that are told one by one; all of them are in the output."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line without a charge."""

    line: int
    error: DecibillReferenceError


@dataclass(slots=True)
class Done:
    """What a chunk came to."""

    output: bytes = b""
    """One line of JSON for each line that was not empty, in order."""

    summary: Summary = field(default_factory=Summary)
    refused: list[Refused] = field(default_factory=list[Refused])
    """The first refused lines, at most `TOLD`."""

    read: int = 0
    """Bytes of the input."""


@dataclass(frozen=True, slots=True)
class Rater:
    """Rates lines: exchanges, usage records, and whatever carries one of them as a member.

    Attributes:
        book: the prices.
        at: the instant whose prices are used, or None for each record's own.
        root: the folder of the files that exchanges name.
        strict: whether a chunk ends with its first bad line.
    """

    book: PriceBook
    at: str | None = None
    root: Path | None = None
    strict: bool = False

    def chunk(self, chunk: Chunk) -> Done:
        """Return what the lines of a chunk come to."""
        done = Done(read=len(chunk.content))
        texts = enumerate(chunk.content.split(b"\n"), chunk.first)
        full = [(number, text) for number, text in texts if text and not text.isspace()]
        output: list[str] = []
        for start in range(0, len(full), _TOGETHER):
            output += self._answers([_Line(*line) for line in full[start : start + _TOGETHER]], done)
            if self.strict and done.refused:
                break
        output.append("")
        done.output = "\n".join(output).encode()
        return done

    def _answers(self, lines: list[_Line], done: Done) -> list[str]:
        """Return the answers to some lines, which take each step together."""
        for line in lines:
            line.parse()
        for line in lines:
            line.extract(self.root)
        for line in lines:
            line.rate(self.book, self.at)
        answers: list[str] = []
        for line in lines:
            if line.error is None:
                done.summary.add(line.usage.provider, line.usage.model, line.charge)
            else:
                done.summary.refuse(line.error.code)
                if len(done.refused) < TOLD:
                    done.refused.append(Refused(line.number, line.error))
            answers.append(_text(line.answer()))
            if self.strict and line.error is not None:
                break
        return answers


class _Line:
    """One line on its way from text to charge; the first step that refuses it is the last."""

    __slots__ = ("charge", "document", "error", "identity", "is_exchange", "number", "place", "text", "usage")

    document: Any
    """The exchange or usage record, which stands at *place* in the line."""

    place: str
    is_exchange: bool
    usage: UsageRecord
    charge: Charge

    def __init__(self, number: int, text: bytes) -> None:
        self.number = number
        self.text = text
        self.identity: Mapping[str, Any] = {}
        self.error: DecibillReferenceError | None = None

    def parse(self) -> None:
        """Find what the line holds."""
        try:
            if len(self.text) > LONGEST:
                raise _malformed(f"the line has more than {LONGEST:,} bytes")
            members: Any = jsonio.loads(self.text)
            if not isinstance(members, dict):
                raise _malformed(_UNKNOWN)
            self.identity = _identity(cast("dict[str, Any]", members))
            self.is_exchange, self.document, self.place = _found(cast("dict[str, Any]", members))
        except DecibillReferenceError as error:
            self.error = error

    def extract(self, root: Path | None) -> None:
        """Read what was used."""
        if self.error is None:
            try:
                self.usage = (
                    extract(self.document, root=root)
                    if self.is_exchange
                    else UsageRecord.from_json(self.document)
                )
            except DecibillReferenceError as error:
                self._refuse(error)

    def rate(self, book: PriceBook, at: str | None) -> None:
        """Price what was used."""
        if self.error is None:
            try:
                self.charge = rate(self.usage, book, at)
            except DecibillReferenceError as error:
                self._refuse(error)

    def _refuse(self, error: DecibillReferenceError) -> None:
        self.error = DecibillReferenceError(error.code, self.place + error.pointer, error.message)

    def answer(self) -> dict[str, Any]:
        """Return what the output says of the line."""
        if self.error is not None:
            return {**self.identity, "line": self.number, **self.error.to_json()}
        usage = {"usage": self.usage.to_json()} if self.is_exchange else {}
        return {**self.identity, **usage, "charge": self.charge.to_json()}


def _identity(members: Mapping[str, Any]) -> Mapping[str, Any]:
    name: object = members.get("id")
    return {"id": name} if isinstance(name, str | int) and not isinstance(name, bool) else {}


def _found(members: Mapping[str, Any]) -> tuple[bool, Any, str]:
    """Return whether a line holds an exchange or a usage record, that, and where it stands."""
    if "response" in members:
        return True, members, ""
    if "quantities" in members:
        return False, members, ""
    if "exchange" in members:
        return True, members["exchange"], "/exchange"
    if "usage" in members:  # a row of the ledger, or what `decibill rate` printed
        return False, members["usage"], "/usage"
    raise _malformed(_UNKNOWN)


def _text(answer: Mapping[str, Any]) -> str:
    text = _ENCODER.encode(answer)
    # The slower way is for what UTF-8 cannot hold or a terminal obeys, all of it beyond ASCII, or DEL.
    return text if text.isascii() and "\x7f" not in text else json_text(answer)


def _malformed(problem: str) -> DecibillReferenceError:
    return DecibillReferenceError("malformed_body", "", problem)
