"""Loading and choosing cases: ``fixtures/cases/**`` becomes the values of `decibill.case`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from decibill import jsonio
from decibill._data import data_directory
from decibill.case import (
    Accepted,
    Answer,
    Case,
    Client,
    ExchangeCase,
    ExpectedCharge,
    ExpectedError,
    ExpectedLine,
    ExpectedUsage,
    Flag,
    RecordCase,
    Request,
    Source,
    Step,
)
from decibill.casefile import CaseFile
from decibill.errors import UnknownNameError

__all__ = ["Case", "ExchangeCase", "RecordCase", "load_cases", "parse_case", "select_cases"]


def load_cases(root: Path | None = None) -> tuple[Case, ...]:
    """Return every case under ``cases/`` of the fixtures root, sorted by id.

    Args:
        root: the fixtures root; by default the fixtures that come with decibill.

    Raises:
        InvalidFileError: a file is not a case, or its id is not its path.
    """
    base = (root or data_directory("fixtures")) / "cases"
    cases: list[Case] = []
    for path in sorted(base.rglob("*.json")):
        relative = path.relative_to(base).as_posix()
        name = f"cases/{relative}"
        case = parse_case(jsonio.load_file(path, name), name)
        if case.id != relative.removesuffix(".json"):
            raise CaseFile(name, case.document).fault("/id", f"the id {case.id!r} is not the file's path")
        cases.append(case)
    return tuple(sorted(cases, key=lambda case: case.id))


def select_cases(
    cases: Sequence[Case],
    *,
    only: Iterable[str] = (),
    features: Iterable[str] = (),
    providers: Iterable[str] = (),
) -> tuple[Case, ...]:
    """Return the cases that fit at least one value of every option given.

    Args:
        cases: all cases.
        only: globs over case ids, or ids of requirements that a case must prove.
        features: features of a case, such as ``stream``.
        providers: providers, such as ``azure``.

    Raises:
        UnknownNameError: a value that fits no case at all.
    """
    chosen = list(cases)
    for pattern in (only := tuple(only)):
        if not any(_fits(case, pattern) for case in cases):
            known = [case.id for case in cases] + sorted({i for case in cases for i in case.requirements})
            raise UnknownNameError("case", pattern, known)
    if only:
        chosen = [case for case in chosen if any(_fits(case, pattern) for pattern in only)]
    wanted = _known("feature", features, {name for case in cases for name in case.features})
    if wanted:
        chosen = [case for case in chosen if wanted & set(case.features)]
    wanted = _known("provider", providers, {case.provider for case in cases if case.provider})
    if wanted:
        chosen = [case for case in chosen if case.provider in wanted]
    return tuple(chosen)


def _fits(case: Case, pattern: str) -> bool:
    return fnmatchcase(case.id, pattern) or pattern in case.requirements


def _known(kind: str, names: Iterable[str], known: set[str]) -> set[str]:
    wanted = set(names)
    for name in sorted(wanted - known):
        raise UnknownNameError(kind, name, sorted(known))
    return wanted


def parse_case(document: Any, name: str) -> Case:
    """Return the case in *document*, called *name* in messages.

    Raises:
        InvalidFileError: a member is missing or of the wrong type, with its JSON pointer.
    """
    file = CaseFile(name, document)
    given, when, then = file.object("/given"), file.object("/when"), file.object("/then")
    source = file.object("/source")
    common: dict[str, Any] = {
        "id": file.text("/id"),
        "title": file.text("/title"),
        "requirements": file.texts("/requirements"),
        "features": file.texts("/features"),
        "since": file.text("/since"),
        "why": file.text("/why"),
        "source": Source(
            file.text("/source/kind"),
            file.text("/source/url"),
            file.text("/source/read"),
            source.get("changed"),
        ),
        "flags": tuple(
            Flag(file.text(f"/flags/{i}/bug"), file.text(f"/flags/{i}/effect"))
            for i in range(len(file.array("/flags", optional=True)))
        ),
        "book": file.text("/given/prices") if "prices" in given else None,
        "charge": _charge(file) if "charge" in then else None,
        "error": _error(file) if "error" in then else None,
        "proves": {key: file.texts(f"/then/proves/{key}") for key in file.object("/then/proves")},
        "document": file.document,
    }
    if "upstream" not in given:
        kind: Literal["price", "refund"] = "refund" if "refund" in when else "price"
        return RecordCase(**common, kind=kind, given=given, when=when, refund=then.get("refund"))
    return ExchangeCase(
        **common,
        steps=_steps(file),
        when={dialect: _request(file, dialect) for dialect in when if dialect != "client"},
        client=_client(file),
        usage=_usage(file) if "usage" in then else None,
        accepted=tuple(_accepted(file, i) for i in range(len(file.array("/then/accepted", optional=True)))),
    )


def _steps(file: CaseFile) -> tuple[Step, ...]:
    steps: list[Step] = []
    for n in range(len(file.array("/given/upstream"))):
        answers: list[Answer] = []
        for m in range(len(file.array(f"/given/upstream/{n}/answers"))):
            at = f"/given/upstream/{n}/answers/{m}"
            condition = file.object(at).get("if", {})
            exchange = file.object(f"{at}/exchange")
            for member in ("provider", "operation", "model"):
                file.text(f"{at}/exchange/{member}")
            answers.append(Answer(condition, exchange))
        if not answers:
            raise file.fault(f"/given/upstream/{n}/answers", "a step has no answer")
        steps.append(Step(tuple(answers)))
    if not steps:
        raise file.fault("/given/upstream", "the upstream has no step")
    return tuple(steps)


def _request(file: CaseFile, dialect: str) -> Request:
    body = file.object(f"/when/{dialect}")
    known = ("json", "form", "text", "media", "query", "headers")
    return Request(**{key: body[key] for key in known if key in body})


def _client(file: CaseFile) -> Client:
    client = file.object("/when").get("client", "read_all")
    if client == "read_all":
        return Client()
    behaviour = file.object("/when/client")
    for kind in ("disconnect_after", "repeat", "parallel"):
        number = behaviour.get(kind)
        if isinstance(number, int):
            return Client(kind, number)
    raise file.fault("/when/client", "not a known behaviour of a client")


def _usage(file: CaseFile) -> ExpectedUsage:
    record = file.object("/then/usage")
    return ExpectedUsage(
        quantities={
            key: file.number(f"/then/usage/quantities/{key}") for key in file.object("/then/usage/quantities")
        },
        unknown=file.texts("/then/usage/unknown", optional=True),
        flags=file.texts("/then/usage/flags", optional=True),
        record=record,
    )


def _charge(file: CaseFile) -> ExpectedCharge:
    record = file.object("/then/charge")
    lines: list[ExpectedLine] = []
    for n in range(len(file.array("/then/charge/lines", optional=True))):
        at = f"/then/charge/lines/{n}"
        line = file.object(at)
        keys = ("billed", "amount", "per", "subtotal", "multiplier")
        numbers = {
            key: Decimal(file.number(f"{at}/{key}")) for key in keys if key != "multiplier" or key in line
        }
        addon = line.get("addon")
        lines.append(
            ExpectedLine(file.text(f"{at}/model"), file.text(f"{at}/quantity"), **numbers, addon=addon)
        )
    total = record.get("total")
    return ExpectedCharge(
        status=file.text("/then/charge/status"),
        currency=record.get("currency"),
        total=None if total is None else Decimal(file.number("/then/charge/total")),
        entry=record.get("entry"),
        lines=tuple(lines),
        unpriced=tuple(file.array("/then/charge/unpriced", optional=True)),
        flags=file.texts("/then/charge/flags", optional=True),
        record=record,
    )


def _error(file: CaseFile) -> ExpectedError:
    return ExpectedError(file.text("/then/error/code"), file.object("/then/error").get("pointer"))


def _accepted(file: CaseFile, n: int) -> Accepted:
    at = f"/then/accepted/{n}"
    answer = file.object(at)
    return Accepted(
        reason=file.text(f"{at}/reason"),
        arithmetic=file.text(f"{at}/arithmetic"),
        total=Decimal(file.number(f"{at}/total")) if "total" in answer else None,
        status=answer.get("status"),
    )
