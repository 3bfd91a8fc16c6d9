"""The one exception of the reference calculator.

Everything that the calculator refuses, it refuses with a code of the specification and an RFC 6901 pointer to
the place, so that a caller can count refusals and a person can find the fault.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["DecibillReferenceError", "ErrorCode"]

ErrorCode: TypeAlias = Literal[
    # extraction
    "inconsistent_usage",
    "invalid_number",
    "negative_quantity",
    "duplicate_key",
    "malformed_body",
    "unsupported_exchange",
    "missing_time",
    # prices
    "invalid_price_book",
    "ambiguous_price",
    # refunds
    "refund_exceeds_charge",
    "no_such_line",
    "invalid_amount",
    "refund_conflict",
]


_LONGEST: Final = 500
"""Characters of a message that are kept: what it quotes from a document can be of any length."""


class DecibillReferenceError(Exception):
    """A document that cannot be turned into usage, a charge or a refund.

    Args:
        code: what kind of fault it is, a word of the specification's closed list.
        pointer: RFC 6901 pointer to the fault in the document that was given; empty for the whole document.
        message: what is wrong and what to do about it, for a person.
    """

    def __init__(self, code: ErrorCode, pointer: str, message: str) -> None:
        self.code: ErrorCode = code
        self.pointer = pointer
        more = len(message) - _LONGEST
        self.message = message if more <= 0 else f"{message[:_LONGEST]} [and {more} more characters]"
        super().__init__(code, pointer, self.message)

    def __str__(self) -> str:
        return f"{self.code} at {self.pointer or '/'}: {self.message}"

    def to_json(self) -> dict[str, dict[str, str]]:
        """Return the shape that `decibill rate` prints for a refused exchange."""
        return {"error": {"code": self.code, "pointer": self.pointer, "message": self.message}}
