"""The one exception of the reference calculator.

Everything that the calculator refuses, it refuses with a code of the specification and an RFC 6901 pointer to
the place, so that a caller can count refusals and a person can find the fault.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

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
        self.message = message
        super().__init__(code, pointer, message)

    def __str__(self) -> str:
        return f"{self.code} at {self.pointer or '/'}: {self.message}"

    def to_json(self) -> dict[str, dict[str, str]]:
        """Return the shape that `decibill rate` prints for a refused exchange."""
        return {"error": {"code": self.code, "pointer": self.pointer, "message": self.message}}
