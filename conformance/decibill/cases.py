"""Loading and choosing cases: ``fixtures/cases/**`` becomes the values of `decibill.case`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

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
    OtherCall,
    RecordCase,
    Request,
    Source,
    Step,
)
from decibill.casefile import CaseFile
from decibill.errors import UnknownNameError

__all__ = ["DEPRECATED", "Case", "ExchangeCase", "RecordCase", "load_cases", "parse_case", "select_cases"]

DEPRECATED: Final = "deprecated"
"""The feature of a case that is no longer right; its ``why`` names what takes its place."""

_NO_DIALECTS: Final = frozenset({"client", "others"})
"""Members of ``when`` that are no call."""


def load_cases(root: Path | None = None) -> tuple[Case, ...]:
    """Return every case under ``cases/`` of the fixtures root, sorted by id.

    Args:
        root: the fixtures root; by default the fixtures that come with decibill.

    Raises:
        InvalidFileError: a file is not a case, or its id is not its path.
    """
    own = data_directory("fixtures")
    return _own_cases(own) if root is None or root == own else _load(root)


@cache
def _own_cases(root: Path) -> tuple[Case, ...]:
    """Return the cases that come with decibill: they are read once, however often they are asked for."""
    return _load(root)


def _load(root: Path) -> tuple[Case, ...]:
    base = root / "cases"
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
    with_deprecated: bool = False,
) -> tuple[Case, ...]:
    """Return the cases that fit at least one value of every option given.

    Nobody is judged by a case that is no longer right: a deprecated one is chosen by its id or by the feature
    ``deprecated`` alone.

    Args:
        cases: all cases.
        only: globs over case ids, or ids of requirements that a case must prove.
        features: features of a case, such as ``stream``.
        providers: providers, such as ``azure``.
        with_deprecated: take deprecated cases like any other.

    Raises:
        UnknownNameError: a value that fits no case at all.
    """
    only, features = tuple(only), tuple(features)
    named = with_deprecated or DEPRECATED in features
    chosen = [case for case in cases if named or DEPRECATED not in case.features or case.id in only]
    for pattern in only:
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
    client = _client(file)
    return ExchangeCase(
        **common,
        steps=_steps(file),
        when={dialect: _request(file, f"/when/{dialect}") for dialect in when if dialect not in _NO_DIALECTS},
        client=client,
        usage=_usage(file) if "usage" in then else None,
        accepted=tuple(_accepted(file, i) for i in range(len(file.array("/then/accepted", optional=True)))),
        others=tuple(_others(file, client)),
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


def _request(file: CaseFile, at: str) -> Request:
    body = file.object(at)
    known = ("json", "form", "text", "media", "query", "headers")
    frames = tuple(file.array(f"{at}/frames")) if "frames" in body else None
    return Request(**{key: body[key] for key in known if key in body}, frames=frames)


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


def _others(file: CaseFile, client: Client) -> Iterator[OtherCall]:
    """Yield the calls after the first, where something else is sent or right."""
    sent, right = (file.array(f"/{part}/others", optional=True) for part in ("when", "then"))
    if (sent or right) and len(right) != client.calls - 1:
        raise file.fault("/then/others", f"{len(right)} calls are here, and the client makes {client.calls}")
    if sent and len(sent) != len(right):
        raise file.fault("/when/others", f"{len(sent)} calls are here, and /then/others has {len(right)}")
    for n in range(len(right)):
        then = f"/then/others/{n}"
        calls: Mapping[str, Any] = file.object(f"/when/others/{n}") if sent else {}
        yield OtherCall(
            when={dialect: _request(file, f"/when/others/{n}/{dialect}") for dialect in calls},
            usage=_usage(file, then) if "usage" in file.object(then) else None,
            charge=_charge(file, then),
        )


def _usage(file: CaseFile, then: str = "/then") -> ExpectedUsage:
    at = f"{then}/usage"
    record = file.object(at)
    return ExpectedUsage(
        quantities={key: file.number(f"{at}/quantities/{key}") for key in file.object(f"{at}/quantities")},
        unknown=file.texts(f"{at}/unknown", optional=True),
        flags=file.texts(f"{at}/flags", optional=True),
        record=record,
    )


def _charge(file: CaseFile, then: str = "/then") -> ExpectedCharge:
    charge = f"{then}/charge"
    record = file.object(charge)
    lines: list[ExpectedLine] = []
    for n in range(len(file.array(f"{charge}/lines", optional=True))):
        at = f"{charge}/lines/{n}"
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
        status=file.text(f"{charge}/status"),
        currency=record.get("currency"),
        total=None if total is None else Decimal(file.number(f"{charge}/total")),
        entry=record.get("entry"),
        lines=tuple(lines),
        unpriced=tuple(file.array(f"{charge}/unpriced", optional=True)),
        flags=file.texts(f"{charge}/flags", optional=True),
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
