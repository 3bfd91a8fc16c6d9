"""A verdict from recorded observations: what stands in the file takes the place of what a run would see.

Plan, judge, report and baseline are those of a run; nothing is sent and nothing is started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decibill._data import data_directory
from decibill.case import ExchangeCase, Step
from decibill.declaration import Declaration, Source
from decibill.drive import Driven, DriveOptions
from decibill.errors import InvalidFileError
from decibill.observations_read import Recorded, RecordedCall, RecordedInstance
from decibill.observe import applies, observe_caller, observe_ledger
from decibill.observe_ledger import Record
from decibill.plan import Instance, Plan
from decibill.pointer import MISSING, resolve
from decibill.redact import redact_headers, redact_json
from decibill.statements import Attempt, Delivery, Observation, SourceObservation
from decibill.template_tree import plain_json
from decibill.upstream_match import Arrived, choose

__all__ = ["Replay"]

_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Replay:
    """Carries out a plan by looking up what was recorded; a `decibill.engine.Driver`."""

    recorded: Recorded
    fixtures: Path | None = None

    def __call__(self, planned: Plan, declaration: Declaration, options: DriveOptions) -> Driven:  # noqa: ARG002 - a driver's signature
        """Return the observation of every instance of the plan.

        Raises:
            InvalidFileError: an instance stands twice in the file, or could be of several dialects.
        """
        found = _assigned(self.recorded, planned)
        root = self.fixtures or data_directory("fixtures")
        missing = f"{self.recorded.file} holds no observation of it"
        observations = {
            instance.id: _observation(instance, found[instance.id], self.recorded, root)
            if instance.id in found
            else Observation((), (), (), missing=missing)
            for instance in planned.instances
        }
        return Driven(
            observations,
            f"(recorded in {self.recorded.file})",
            f"(recorded in {self.recorded.file})",
            tuple(_notes(self.recorded, planned, set(observations) - set(found))),
        )


def _assigned(recorded: Recorded, planned: Plan) -> dict[str, RecordedInstance]:
    """Return the recorded instances by the ids of the planned ones; what was not chosen is left out."""
    found: dict[str, RecordedInstance] = {}
    for given in recorded.instances:
        fitting = [each for each in planned.instances if _is_of(given, each)]
        if len(fitting) > 1:
            dialects = " or ".join(each.dialect for each in fitting)
            raise InvalidFileError(
                recorded.file,
                f"must say which dialect it is of: {dialects}",
                pointer=f"{given.at}/dialect",
            )
        for instance in fitting:
            first = found.setdefault(instance.id, given)
            if first is not given:
                raise InvalidFileError(
                    recorded.file, f"{instance.id} stands at {first.at} already", pointer=given.at
                )
    return found


def _is_of(given: RecordedInstance, instance: Instance) -> bool:
    return given.case == instance.case.id and given.dialect in {None, instance.dialect}


def _notes(recorded: Recorded, planned: Plan, missing: set[str]) -> list[str]:
    notes = ["nothing was sent: the answers and records were written down by someone else"]
    if missing:
        notes.append(
            f"{_some(sorted(missing))} {'is' if len(missing) == 1 else 'are'} not in {recorded.file}, and so "
            "not testable; choose what is there with --only or --feature"
        )
    given = {each.case for each in recorded.instances}
    notes += [
        f"what {recorded.file} holds of {item.case.id} was not judged: not declared, it needs {item.reason}"
        for item in planned.not_declared
        if item.case.id in given
    ]
    return notes


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _observation(instance: Instance, given: RecordedInstance, recorded: Recorded, root: Path) -> Observation:
    cases = [instance.case.of_call(number) for number in range(len(given.calls))]
    planned = [len(case.steps) * (n < instance.case.upstream_calls) for n, case in enumerate(cases)]
    served = [_served(*each) for each in zip(cases, given.calls, planned, strict=True)]
    return Observation(
        deliveries=tuple(_delivery(case, call) for case, call in zip(cases, given.calls, strict=True)),
        attempts=tuple(attempt for attempts, _ in served for attempt in attempts),
        sources=tuple(
            tuple(
                _source(source, case, call, exchange, recorded, root)
                for source in recorded.declaration.observe
            )
            for case, call, (_, exchange) in zip(cases, given.calls, served, strict=True)
        ),
    )


def _delivery(case: ExchangeCase, call: RecordedCall) -> Delivery:
    return call.delivery or Delivery(int(case.exchange["response"]["status"]))


def _served(
    case: ExchangeCase, call: RecordedCall, planned: int
) -> tuple[tuple[Attempt, ...], Mapping[str, Any] | None]:
    """Return the attempts of one call, *planned* where none are given, and the last one's exchange."""
    given = planned if call.attempts is None else call.attempts
    attempts: list[Attempt] = []
    exchange: Mapping[str, Any] | None = None
    for number in range(given if isinstance(given, int) else len(given)):
        index = min(number, len(case.steps) - 1)
        if isinstance(given, int):
            attempts.append(Attempt("POST", "(as recorded)", {}, index))
            exchange = case.steps[index].answers[0].exchange
        else:
            attempt, exchange = _attempt(given[number], index, case.steps[index])
            attempts.append(attempt)
    return tuple(attempts), exchange


def _attempt(request: Mapping[str, Any], index: int, step: Step) -> tuple[Attempt, Mapping[str, Any] | None]:
    """Return one attempt with the recording that answers it, found as the replay upstream would find it."""
    headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
    document: dict[str, Any] = {"method": "POST", "query": {}, **request, "headers": headers}
    shown = {name: redact_json(value) for name, value in document.items()}
    shown["headers"] = redact_headers(headers)
    choice = choose(step, Arrived(document, shown))
    attempt = Attempt(document["method"], document["path"], shown, index, choice.unmatched)
    return attempt, choice.answer.exchange if choice.answer is not None else None


def _source(  # noqa: PLR0913, PLR0917 - what a source says of one call depends on all of them
    source: Source,
    case: ExchangeCase,
    call: RecordedCall,
    exchange: Mapping[str, Any] | None,
    recorded: Recorded,
    root: Path,
) -> SourceObservation:
    if not applies(source, case.operation, stream=case.stream):
        return SourceObservation(source.id, source.place)
    if source.origin in {"body", "header"}:
        return observe_caller(source, _delivery(case, call), exchange, root)
    documents = call.documents.get(source.id, ())
    if source.id in recorded.stated:
        where = f"what {source.id} states"
        return observe_ledger(source, [Record("", document, where) for document in documents], None)
    records = [
        Record(_identity(source, document), document, f"record {number} of {source.id}")
        for number, document in enumerate(documents, 1)
    ]
    return observe_ledger(source, records, None)


def _identity(source: Source, document: Any) -> str:
    parts = (resolve(document, pointer) for pointer in source.identity)
    return plain_json([None if part is MISSING else part for part in parts], None)
