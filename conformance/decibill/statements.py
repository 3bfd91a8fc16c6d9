"""What was seen of a gateway: statements, attempts, deliveries. Facts only; `judge` says what they mean.

A *source* (a place of the declaration where usage or cost is observed) states a number, states that the
value is unknown, or states nothing (AUB 0.1, chapter 8). Zero is the number zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias

__all__ = ["Attempt", "Cut", "Delivery", "Kind", "Observation", "SourceObservation", "Spent", "Statement"]


Cut: TypeAlias = Literal["coding", "size", "time"]
"""Why decibill itself stopped reading an answer."""


class Kind(StrEnum):
    """What a source says about one value."""

    NUMBER = "number"
    UNKNOWN = "unknown"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Statement:
    """What one source says about one quantity or about the cost."""

    kind: Kind
    where: str
    """Where it was looked for, such as ``/cost of GET /v1/usage/3f`` or ``header x-cost``."""

    value: Decimal | None = None
    """The number, in decibill's units (USD, tokens, seconds, characters), inclusive."""

    text: str | None = None
    """The number as the gateway wrote it."""

    is_float: bool = False
    """Whether it came as a JSON number, a header or a metric, so that float residue is forgiven."""


@dataclass(frozen=True, slots=True)
class SourceObservation:
    """What one declared source says about one instance of a case."""

    source: str
    """Id of the source in the declaration."""

    place: str
    """``caller`` for what the client received, ``ledger`` for the gateway's own records."""

    cost: Statement | None = None
    """None where the source declares no cost."""

    usage: Mapping[str, Statement] = field(default_factory=dict[str, Statement])
    """One statement for every quantity that the source declares a place for."""

    sent: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """For the usage object of a dialect: the quantities that the provider's own answer states."""

    status: str | None = None
    """The charge status as the gateway words it, where the source declares one and states one."""

    estimate: bool = False
    """Whether the source marks the figures as an estimate."""

    incomplete: bool = False
    """Whether the source marks the cost as incomplete (a lower bound)."""

    records: tuple[str, ...] = ()
    """Identities of the records found for this call; for sources that keep records."""

    keeps_records: bool = False
    """Whether the source keeps records that are told apart by identity."""

    problem: str | None = None
    """Why the source could not be read, in words."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that reached the replay upstream."""

    method: str
    path: str
    request: Mapping[str, Any]
    """The request as the upstream saw it: method, path, query, headers (redacted), json or form."""

    step: int
    """Which step of ``given.upstream`` answered."""

    unmatched: tuple[str, ...] = ()
    """Pointers into the request for which the case holds no recording; empty when it was answered."""

    problem: str | None = None
    """Why a recorded session could not be played to its end; never the gateway's answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the client received from the gateway, or why it received nothing."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in lower case."""

    body: bytes = b""
    error: str | None = None
    """Why there is no complete answer, in words."""

    seconds: float = 0.0
    """From when the connection is opened to the end of the answer; for the report, never for a verdict."""

    frames: tuple[str, ...] | None = None
    """What came in a session, message by message; None where there was no session."""

    cut: Cut | None = None
    """Set where the answer was too large, took too long or cannot be unpacked; `error` has the words."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all came of the call."""
        return self.status is None or (self.frames == () and self.error is not None)


@dataclass(frozen=True, slots=True)
class Spent:
    """Where the time of one instance went, in seconds; for the report, never for a verdict."""

    overhead: float
    """What decibill took: to prepare the calls, to answer the gateway, to find out and to judge."""

    gateway: float
    """What the gateway took: the time of the calls, without what the upstream took to answer it."""

    def with_more(self, overhead: float) -> Spent:
        """Return the same with more of decibill's own."""
        return replace(self, overhead=self.overhead + overhead)


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that was seen of one instance: one case in one dialect."""

    deliveries: tuple[Delivery, ...]
    """One for every call of the client (``repeat`` and ``parallel`` make several)."""

    attempts: tuple[Attempt, ...]
    sources: tuple[tuple[SourceObservation, ...], ...]
    """For every call, one observation for every declared source, in declared order."""

    curl: str = ""
    """A curl line that repeats the call, secrets by environment variable name."""

    missing: str | None = None
    """Why nothing was observed at all, where that is so; never the gateway's doing."""

    spent: Spent | None = None
    """Where the time of the instance went, where that can be told."""
