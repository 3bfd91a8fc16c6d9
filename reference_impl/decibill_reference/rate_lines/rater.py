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

    from decibill_reference.prices import PriceBook
    from decibill_reference.rate_lines.chunks import Chunk

__all__ = ["TOLD", "Done", "Rater", "Refused"]

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)
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
        output: list[str] = []
        for number, line in enumerate(chunk.content.split(b"\n"), chunk.first):
            if not line or line.isspace():
                continue
            identity: dict[str, Any] = {}
            try:
                answer = self._answer(line, identity, done.summary)
            except DecibillReferenceError as error:
                answer = {**identity, "line": number, **error.to_json()}
                done.summary.refuse(error.code)
                if len(done.refused) < TOLD:
                    done.refused.append(Refused(number, error))
            output.append(_text(answer))
            if self.strict and done.refused:
                break
        output.append("")
        done.output = "\n".join(output).encode()
        return done

    def _answer(self, line: bytes, identity: dict[str, Any], summary: Summary) -> dict[str, Any]:
        """Return the answer to a line; *identity* takes what it is called, even if it is refused."""
        if len(line) > LONGEST:
            raise _malformed(f"the line has more than {LONGEST:,} bytes")
        members: Any = jsonio.loads(line)
        if not isinstance(members, dict):
            raise _malformed(_UNKNOWN)
        identity.update(_identity(cast("dict[str, Any]", members)))
        is_exchange, document, place = _found(cast("dict[str, Any]", members))
        try:
            usage = extract(document, root=self.root) if is_exchange else UsageRecord.from_json(document)
            charge = rate(usage, self.book, self.at)
        except DecibillReferenceError as error:
            raise DecibillReferenceError(error.code, place + error.pointer, error.message) from None
        summary.add(usage.provider, usage.model, charge)
        answer = {**identity, "usage": usage.to_json()} if is_exchange else identity
        return {**answer, "charge": charge.to_json()}


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
