"""The one exception tree of the suite.

::

    DecibillError
    ├── UsageError           wrong usage of the command line (exit 2)
    ├── InvalidFileError     a file that is not what it should be (exit 2)
    │   └── InvalidDataError     a document at odds with its schema, with JSON pointers
    ├── UnknownNameError     an id, gateway or option value that does not exist, with close matches (exit 2)
    └── InconclusiveError    nothing could be judged (exit 3)
        ├── PreflightError       the gateway is not ready to be judged
        └── HarnessError         the suite itself failed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

__all__ = [
    "DecibillError",
    "Fault",
    "HarnessError",
    "InconclusiveError",
    "InvalidDataError",
    "InvalidFileError",
    "PreflightError",
    "UnknownNameError",
    "UsageError",
]

_FEW: Final = 12
"""Names that fit in one line."""


class DecibillError(Exception):
    """Anything that decibill reports to its user without a traceback."""

    exit_code: ClassVar[int] = 2


class UsageError(DecibillError):
    """The command line was used in a way that cannot work."""


class InvalidFileError(DecibillError):
    """A file cannot be read as what it should be.

    Args:
        file: the file, as the user would name it.
        problem: what is wrong, one sentence without a full stop.
        pointer: RFC 6901 pointer to the place, where there is one.
        remedy: what to do about it.
    """

    def __init__(
        self, file: str, problem: str, *, pointer: str | None = None, remedy: str | None = None
    ) -> None:
        self.file = file
        self.problem = problem
        self.pointer = pointer
        self.remedy = remedy
        super().__init__(file, problem, pointer, remedy)

    def __str__(self) -> str:
        where = f"{self.file}{f' at {self.pointer}' if self.pointer else ''}"
        return f"{where}: {self.problem}{f'; {self.remedy}' if self.remedy else ''}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a document is at odds with its schema."""

    pointer: str
    """RFC 6901 pointer into the document; empty for the whole document."""

    problem: str
    """What is wrong there, in words."""


class InvalidDataError(InvalidFileError):
    """A document is at odds with its schema or with a rule that no schema can say."""

    def __init__(self, file: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        more = len(self.faults) - 1
        super().__init__(
            file,
            first.problem + (f" ({more} more fault{'s' if more > 1 else ''})" if more else ""),
            pointer=first.pointer or "/",
        )


class UnknownNameError(DecibillError):
    """A name that nothing has; the message says which are close or, where there are few, which there are."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        self.kind = kind
        self.name = name
        self.close = tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5))
        self.known = tuple(names) if len(names) <= _FEW else ()
        super().__init__(kind, name, self.close)

    def __str__(self) -> str:
        hint = f"; known are {', '.join(self.known)}" if self.known else ""
        if self.close:
            hint = f"; did you mean {', '.join(self.close)}?"
        return f"there is no {self.kind} {self.name!r}{hint}"


class InconclusiveError(DecibillError):
    """The run cannot come to a verdict."""

    exit_code: ClassVar[int] = 3


class PreflightError(InconclusiveError):
    """The gateway is not ready: unreachable, unauthorised, not aimed at the upstream, or not priced."""


class HarnessError(InconclusiveError):
    """The suite failed, not the gateway."""
