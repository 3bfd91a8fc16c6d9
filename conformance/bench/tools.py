"""What is asked of a calculator: the ways in which it can price a payload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from bench.payloads import Payload

__all__ = ["STAGES", "Call", "CannotPriceError", "Stage", "Tool", "Ways"]

Stage: TypeAlias = Literal["bytes", "body", "own"]
STAGES: Final[Mapping[Stage, str]] = {
    "bytes": "from the bytes of the answer",
    "body": "from the parsed JSON",
    "own": "from the tool's own usage or response object",
}
Call: TypeAlias = Callable[[], Any]
"""One call: returns the cost, and None where the tool says that it cannot be known."""


class CannotPriceError(Exception):
    """The tool has no function for the payload; the message says what is missing."""


Ways: TypeAlias = Mapping[Stage, Call | CannotPriceError]


@dataclass(frozen=True, slots=True)
class Tool:
    """A calculator at one version, with the prices of the payloads put in."""

    name: str
    version: str
    calls: Mapping[Stage, str]
    """What is called, in words of code; for the page."""

    ways: Callable[[Payload], Ways]
    """Prepares a payload: whatever a user would do once for many answers is done here and not timed."""
