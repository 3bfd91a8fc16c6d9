"""What a report holds. Every rendering is made from this value, so no two of them can disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from decibill.outcome import CheckResult, Outcome
from decibill.verdict import Word

__all__ = [
    "Area",
    "BaselineUse",
    "CaseRow",
    "GatewayInfo",
    "Report",
    "RequirementRow",
    "Selection",
    "Spread",
    "SuiteInfo",
    "Timing",
    "VerdictInfo",
]


@dataclass(frozen=True, slots=True)
class SuiteInfo:
    """What judged."""

    version: str
    spec: str
    requirements: int
    cases: int
    """Cases chosen for this run."""

    fixtures_sha256: str | None = None
    """Of the fixtures' manifest; None where there is no manifest."""


@dataclass(frozen=True, slots=True)
class GatewayInfo:
    """What was judged."""

    id: str
    name: str
    version: str
    url: str
    """Address; a host other than this machine is not named."""

    declared: Mapping[str, tuple[str, ...]]
    """``operations``, ``streams``, ``providers``, ``dialects``, ``modifiers``, ``marks``."""

    not_declared: Mapping[str, int]
    """What cases of this run needed and the gateway does not declare → how many cases, most first."""

    kind: Literal["gateway", "calculator"] = "gateway"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases were chosen; empty: all."""

    only: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictInfo:
    """The verdict."""

    word: Word
    exit_code: int
    scope: str
    """``usage and cost``, ``usage only`` or ``cost only``."""

    strict: bool
    sentence: str
    """The verdict in one sentence, with what it is for."""


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """One requirement and what came of it."""

    id: str
    level: str
    text: str
    href: str
    outcome: Outcome
    cases: tuple[tuple[str, Outcome], ...]
    """Instances with a check of it."""

    known: tuple[str, ...] = ()
    """Ids of the baseline's entries that cover what does not pass."""

    is_known: bool = False
    """Whether the baseline covers all of what does not pass."""

    reason: str = ""
    """Why it was not judged."""

    hidden_by: tuple[str, ...] = ()
    """Requirements that its failing cases speak against in its place, if that is why it is not testable."""

    is_excluded: bool = False
    """Whether no case of the corpus can show it."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One instance, or one case that was not asked."""

    id: str
    case: str
    title: str
    area: str
    dialect: str | None
    outcome: Outcome
    is_recommendation: bool = False
    """Whether only a recommendation is behind an outcome other than pass."""

    reason: str = ""
    """What the gateway does not declare, where the case was not asked."""

    checks: tuple[CheckResult, ...] = ()
    is_known: bool = False
    """Whether the baseline covers everything that does not pass."""

    why: str = ""
    """The right arithmetic in words, as the case has it."""

    again: str = ""
    """The command that repeats it with decibill."""

    by_hand: str = ""
    """The command line that repeats it without: curl, or websocat for a session."""

    answer: str = ""
    """What the upstream answers: a file of the fixtures, or what kind of answer the case itself holds."""

    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was received and what reached the upstream, without secrets and media; empty where it passed."""


@dataclass(frozen=True, slots=True)
class Area:
    """How the instances of one area came out."""

    name: str
    ok: int = 0
    failed: int = 0
    known: int = 0
    recommendations: int = 0
    not_testable: int = 0
    error: int = 0
    not_declared: int = 0


@dataclass(frozen=True, slots=True)
class BaselineUse:
    """What the baseline did."""

    file: str
    known: tuple[str, ...]
    stale: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a time differs from case to case, in microseconds."""

    median: int
    p95: int
    """At most so much in 95 of 100 cases."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a run went: each case's own is decibill's, or the gateway's (chapter 08)."""

    cases: int
    """Cases whose time can be told apart."""

    at_once: int
    """Cases that were in flight at once."""

    run_us: int
    """Microseconds from the start of the run to its verdict, with all waiting."""

    overhead_us: Spread
    gateway_us: Spread


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run found."""

    suite: SuiteInfo
    started: str
    """UTC; with `timing` the only values of a clock in a report."""

    gateway: GatewayInfo
    upstream: str
    selection: Selection
    verdict: VerdictInfo
    levels: Mapping[str, Mapping[str, int]]
    """Level → outcome → how many requirements; known failures are counted as ``known``."""

    areas: tuple[Area, ...]
    requirements: tuple[RequirementRow, ...]
    """Sorted by id."""

    cases: tuple[CaseRow, ...]
    """Sorted by id."""

    baseline: BaselineUse | None = None
    notes: tuple[str, ...] = ()
    """What a reader should know, such as what the preflight could not check."""

    timing: Timing | None = None
    """None where no call was timed: its statements come from a file, or its subject is no gateway."""
