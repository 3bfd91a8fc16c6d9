"""Building a report from what a run found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from decibill import SPEC_VERSION, __version__
from decibill.outcome import Outcome
from decibill.redact import redact_headers, redact_json, without_folders
from decibill.report.counts import area_counts, level_counts
from decibill.report.model import (
    BaselineUse,
    CaseRow,
    GatewayInfo,
    Report,
    RequirementRow,
    Selection,
    SuiteInfo,
    Timing,
    VerdictInfo,
)
from decibill.report.passed_on import passed_on_note
from decibill.secrets_hidden import Secrets
from decibill.upstream_match import Arrived, choose
from decibill.verdict import instance_outcome, is_known

if TYPE_CHECKING:
    from decibill.baseline import Baseline
    from decibill.case import Case, ExchangeCase
    from decibill.declaration import Declaration
    from decibill.outcome import CheckResult
    from decibill.plan import NotDeclared, Plan
    from decibill.specification import Specification
    from decibill.statements import Attempt, Delivery, Observation
    from decibill.verdict import InstanceResult, Verdict

__all__ = [
    "Found",
    "asked_words",
    "baseline_use",
    "build_report",
    "hide_host",
    "not_asked",
    "requirement_rows",
    "shortened",
    "verdict_info",
]

_TEXT_TYPES: Final = ("json", "text/", "event-stream", "xml")
_LONGEST_BODY: Final = 2000
_MOST_FRAMES: Final = 20
"""So many of the last messages of a session are shown: they hold its usage."""

_TELLING: Final = re.compile(
    "attempt|charge|content-type|cost|credit|error|model|price|provider|request-id|usage"
)
_METERS: Final = frozenset(
    {"character-cost", "fiat-cost-before-overages", "fiat-currency", "x-gemini-service-tier"}
)
"""Headers of provider answers that usage, a stated cost or the tier of a price is read from."""

_CLOCK: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{120,}={0,2}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that a run found, before it is a report."""

    declaration: Declaration
    specification: Specification
    cases: Sequence[Case]
    """The cases chosen."""

    plan: Plan
    results: Sequence[InstanceResult]
    observations: Mapping[str, Observation]
    verdict: Verdict
    started: str
    gateway_url: str
    upstream_url: str
    gateway_option: str
    """How the command line names the gateway, such as ``--gateway ferrogw``; empty for the reference."""

    selection: Selection = field(default_factory=Selection)
    baseline: Baseline | None = None
    notes: tuple[str, ...] = ()
    fixtures_sha256: str | None = None
    timing: Timing | None = None
    secrets: Secrets = field(default_factory=Secrets)
    """What the gateway was given and may have repeated anywhere."""


def build_report(found: Found) -> Report:
    """Return the report of a run."""
    # twice: before texts are cut, which could cut a secret in two, and after words have been made of them
    found = replace(found, observations=found.secrets.hide_in(found.observations))
    return found.secrets.hide_in(_built(found))


def _built(found: Found) -> Report:
    rows = _cases(found)
    requirements = requirement_rows(found.verdict, found.specification)
    return Report(
        suite=SuiteInfo(
            version=__version__,
            spec=SPEC_VERSION,
            requirements=len(found.specification.requirements),
            cases=len(found.cases),
            fixtures_sha256=found.fixtures_sha256,
        ),
        started=found.started,
        gateway=_gateway(found),
        upstream=hide_host(found.upstream_url),
        selection=found.selection,
        verdict=verdict_info(
            found.verdict,
            _scope(found),
            asked_words([each.instance.case for each in found.results]),
            judged=len(found.cases) if found.selection != Selection() else None,
        ),
        levels=level_counts(requirements),
        areas=area_counts(rows),
        requirements=requirements,
        cases=rows,
        baseline=baseline_use(found.baseline, found.verdict),
        notes=(*found.notes, *passed_on_note((each.instance, _seen(found, each)) for each in found.results)),
        timing=found.timing,
    )


def _seen(found: Found, result: InstanceResult) -> Observation:
    return found.observations[result.instance.id]


def hide_host(text: str) -> str:
    """Return an address with its host hidden, unless it is this machine itself: a report may be published."""
    parts = urlsplit(text)
    if not parts.hostname or parts.hostname in _LOOPBACK:
        # a password may stand before the host
        return text.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)
    return f"{parts.scheme}://[host]{parts.path}"


def _gateway(found: Found) -> GatewayInfo:
    declaration, features = found.declaration, found.declaration.features
    marks = (("charge status", features.charge_status), ("estimate mark", features.estimate_mark))
    needed = Counter(item.reason for item in found.plan.not_declared)
    return GatewayInfo(
        id=declaration.id,
        name=declaration.name,
        version=declaration.version,
        url=hide_host(found.gateway_url),
        declared={
            "operations": tuple(sorted(features.operations)),
            "streams": tuple(sorted(features.stream)),
            "providers": tuple(sorted(declaration.providers)),
            "dialects": tuple(sorted(declaration.dialects)),
            "modifiers": tuple(sorted(features.modifiers)),
            "marks": tuple(word for word, on in marks if on),
        },
        not_declared=dict(sorted(needed.items(), key=lambda item: (-item[1], item[0]))),
    )


def _scope(found: Found) -> str:
    declaration = found.declaration
    priced = declaration.prices.how != "none" and declaration.features.price_scope != "none"
    cost = priced and declaration.states_cost
    usage = any(source.usage is not None for source in declaration.observe)
    return "usage and cost" if cost and usage else "cost only" if cost else "usage only"


def verdict_info(verdict: Verdict, scope: str, asked: str, *, judged: int | None = None) -> VerdictInfo:
    """Return the verdict as a report words it.

    Args:
        verdict: the verdict.
        scope: what was judged, such as ``usage and cost``.
        asked: the operations that were judged.
        judged: the number of cases, where they were chosen.
    """
    words = f"spec {SPEC_VERSION} for {scope} of: {asked}"
    some = "" if judged is None else f"; judged by {judged} chosen case{_s(judged)} only"
    rest = some + ("; the baseline is out of date" if verdict.stale else "")
    if verdict.word == "not conformant":
        count = len(verdict.failed)
        sentence = f"Not conformant to {words} ({count} requirement{_s(count)} not met){rest}"
    elif verdict.word == "inconclusive":
        count = len(verdict.undecided)
        because = f"{count} requirement{_s(count)} could not be judged" if count else "nothing passed"
        sentence = f"Inconclusive on {words} ({because}){rest}"
    else:
        count = len(verdict.known)
        known = f", but for {count} known failure{_s(count)}" if count else ""
        sentence = f"Conformant to {words}{known}{rest}"
    return VerdictInfo(verdict.word, verdict.exit_code, scope, verdict.strict, sentence)


def asked_words(cases: Sequence[ExchangeCase]) -> str:
    """Return what was judged of the declared features (AUB-CNF-a732)."""
    operations = sorted({case.operation for case in cases})
    streams = sorted({case.operation for case in cases if case.stream})
    words = ", ".join(operations) or "nothing"
    return f"{words}; streams of {', '.join(streams)}" if streams else words


def baseline_use(baseline: Baseline | None, verdict: Verdict) -> BaselineUse | None:
    """Return what the baseline did, if there is one."""
    if baseline is None:
        return None
    return BaselineUse(baseline.file, verdict.known, verdict.stale, verdict.unused)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def requirement_rows(verdict: Verdict, specification: Specification) -> tuple[RequirementRow, ...]:
    """Return what came of every requirement, sorted by id."""
    rows = [
        RequirementRow(
            id=row.requirement.id,
            level=row.requirement.level,
            text=row.requirement.text,
            href=row.requirement.href,
            outcome=row.outcome,
            cases=row.instances,
            known=tuple(entry.id for entry in row.known),
            is_known=bool(row.known) and row.open in {Outcome.PASS, Outcome.NOT_DECLARED},
            reason=row.reason,
            hidden_by=row.hidden_by,
            is_excluded=row.requirement.id in specification.exclusions and not row.instances,
        )
        for row in verdict.requirements
    ]
    return tuple(sorted(rows, key=lambda row: row.id))


def _cases(found: Found) -> tuple[CaseRow, ...]:
    rows: list[CaseRow] = []
    entries = found.baseline.entries if found.baseline else ()
    for result in found.results:
        outcome, is_must = instance_outcome(result, found.specification.requirements)
        instance, case = result.instance, result.instance.case
        observation = _seen(found, result)
        flawed = outcome not in {Outcome.PASS, Outcome.NOT_DECLARED}
        rows.append(
            CaseRow(
                id=instance.id,
                case=case.id,
                title=case.title,
                area=case.area,
                dialect=instance.dialect,
                outcome=outcome,
                is_recommendation=flawed and not is_must,
                is_known=is_known(result, entries, found.verdict.attribution),
                why=case.why,
                answer=_answer(_answered(case, observation)["response"]),
                checks=tuple(_without_clock(check) for check in sorted(result.checks, key=lambda c: c.check)),
                again=f"decibill run {found.gateway_option} --only {case.id} -v".replace("  ", " "),
                by_hand=_hide_in(observation.curl, found.gateway_url),
                evidence=_evidence(observation) if flawed else {},
            )
        )
    rows += not_asked(found.plan.not_declared)
    return tuple(sorted(rows, key=lambda row: row.id))


def not_asked(items: Iterable[NotDeclared]) -> list[CaseRow]:
    """Return the rows of cases that were not asked."""
    return [
        CaseRow(
            item.case.id,
            item.case.id,
            item.case.title,
            item.case.area,
            None,
            Outcome.NOT_DECLARED,
            reason=item.reason,
        )
        for item in items
    ]


def _without_clock(check: CheckResult) -> CheckResult:
    """Return the check without the run's start in its place: two runs that found the same say the same."""
    return replace(check, where=_CLOCK.sub("{started}", check.where))


def _answered(case: ExchangeCase, observation: Observation) -> Mapping[str, Any]:
    """Return the exchange that answered the gateway's last attempt; without one, what the case is about."""
    if not observation.attempts:
        return case.exchange
    last = observation.attempts[-1]
    request = {"method": last.method, "path": last.path, **last.request}
    answer = choose(case.steps[last.step], Arrived(request, request)).answer
    return answer.exchange if answer is not None else case.exchange


def _answer(response: Mapping[str, Any]) -> str:
    """Return where the upstream's answer can be read, with what its headers state of usage."""
    headers: Mapping[str, str] = response.get("headers", {})
    stated = ", ".join(f"{name}: {value}" for name, value in headers.items() if name.lower() in _METERS)
    return _body(response) + (f" with {stated}" if stated else "")


def _body(response: Mapping[str, Any]) -> str:
    for key, value in response.items():
        if key.endswith("_file"):
            return f"fixtures/{value}"
    media: Mapping[str, Any] = response.get("media", {})
    if "media_file" in media:
        return f"fixtures/{media['media_file']}"
    return f"status {response['status']} and the body in the case"


def _hide_in(text: str, url: str) -> str:
    if hide_host(url) == url:
        return text
    return text.replace(url, "$GATEWAY_URL").replace("ws" + url.removeprefix("http"), "$GATEWAY_URL")


def _evidence(observation: Observation) -> dict[str, Any]:
    """Return what was seen of an instance, without secrets, media and clocks."""
    return {
        "received": [_delivery(delivery) for delivery in observation.deliveries],
        "upstream": [_attempt(attempt) for attempt in observation.attempts],
        "problems": sorted(
            {
                f"{source.source}: {source.problem}"
                for call in observation.sources
                for source in call
                if source.problem
            }
        ),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    kind = delivery.headers.get("content-type", "")
    headers = {name: value for name, value in delivery.headers.items() if _TELLING.search(name)}
    received: dict[str, Any] = {"status": delivery.status, "headers": redact_headers(headers)}
    if delivery.frames is not None:
        received["frames"] = [shortened(frame) for frame in delivery.frames[-_MOST_FRAMES:]]
        received["frames_before"] = max(0, len(delivery.frames) - _MOST_FRAMES)
    elif any(word in kind for word in _TEXT_TYPES):
        received["body"] = shortened(delivery.body.decode("utf-8", "replace"))
    else:
        received["body"] = f"[{len(delivery.body)} bytes]"
    if delivery.error:
        received["error"] = delivery.error
    return received


def shortened(text: str) -> str:
    """Return *text* without the folders of this machine, long runs of base64 and what is too much to read."""
    text = _BASE64.sub(_cut, without_folders(text))
    more = len(text) - _LONGEST_BODY
    return text if more <= 0 else f"{text[:_LONGEST_BODY]}[and {more} more characters]"


def _cut(match: re.Match[str]) -> str:
    return f"[base64, {len(match[0])} characters]"


def _attempt(attempt: Attempt) -> dict[str, Any]:
    shown = {key: redact_json(value) for key, value in attempt.request.items() if key != "headers"}
    told = {"step": attempt.step, "unmatched": list(attempt.unmatched), "request": shown}
    return {**told, "problem": attempt.problem} if attempt.problem else told
