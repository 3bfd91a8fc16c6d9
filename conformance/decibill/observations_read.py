"""Reading recorded observations (schema ``observations``): a gateway's answers and records, from a file.

Such a file is a declaration without what it takes to reach the gateway, and with what was seen instead.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, cast

from decibill import declaration_read, schemas
from decibill.case import Case, ExchangeCase
from decibill.declaration import Declaration
from decibill.errors import InvalidFileError, UnknownNameError
from decibill.pointer import join
from decibill.statements import Delivery
from decibill.template_tree import plain_json

__all__ = ["Recorded", "RecordedCall", "RecordedInstance", "parse"]

_CONTENT_TYPES: Final[Mapping[str, str]] = {
    "json": "application/json",
    "sse": "text/event-stream; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "base64": "application/octet-stream",
}
_HERE: Final = "http://127.0.0.1:9"
"""Stands where a declaration names the gateway's address; nothing is sent there."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call and what came of it."""

    delivery: Delivery | None
    """None: nothing was written down of it."""

    documents: Mapping[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])
    """Source to the documents in which its values stand: records, or what it states."""

    attempts: int | Sequence[Mapping[str, Any]] | None = None
    """How often the provider was asked, or the requests that reached it; None: as the case plans."""


@dataclass(frozen=True, slots=True)
class RecordedInstance:
    """What was seen of one case in one dialect."""

    case: str
    dialect: str | None
    """None: the only one that case and gateway share."""

    calls: tuple[RecordedCall, ...]
    at: str
    """JSON pointer to it in the file."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file of observations."""

    file: str
    """The file as the user named it, for messages."""

    declaration: Declaration
    instances: tuple[RecordedInstance, ...]
    stated: frozenset[str]
    """Ids of the sources whose values stand in the file under decibill's own names."""


def parse(document: Any, file: str, cases: Iterable[Case]) -> Recorded:
    """Return the observations in *document*, called *file* in messages.

    Args:
        document: the JSON value.
        file: its name.
        cases: every case that there is.

    Raises:
        InvalidFileError: with the pointer of the first fault.
    """
    schemas.validate("observations", document, file)
    sources = cast("Sequence[Mapping[str, Any]]", document["observe"])
    declaration = declaration_read.parse(_declaration(document), file)
    for index, source in enumerate(sources):
        if source["from"] == "metrics":
            raise InvalidFileError(
                file,
                "the change of a metric cannot be written down as a record",
                pointer=join("observe", index, "from"),
                remedy='state it in a source of the kind "stated"',
            )
    stated = frozenset(str(source["id"]) for source in sources if source["from"] == "stated")
    known = {case.id: case for case in cases}
    for index, given in enumerate(document["instances"]):
        _check(given, known, declaration, stated, join("instances", index))
    instances = tuple(_instance(each, index) for index, each in enumerate(document["instances"]))
    return Recorded(file, declaration, instances, stated)


def _declaration(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration of the gateway, in which every source that is stated is one of records."""
    gateway, features = document["gateway"], document["features"]
    routes = dict.fromkeys(features["operations"], "/recorded")
    return {
        "format": 1,
        "gateway": {**gateway, "url": _HERE},
        "features": features,
        "model": {"name": "{case.model}"},
        "upstream": {
            "how": "manual",
            "select": "armed",
            "base": dict.fromkeys(document["providers"], "{upstream}"),
        },
        **({"prices": document["prices"]} if "prices" in document else {}),
        "routes": dict.fromkeys(gateway["dialects"], routes),
        "correlate": {"send_header": "x-recorded"},  # records stand with their call, whatever named it
        "observe": [_source(source) for source in document["observe"]],
    }


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    if source["from"] != "stated":
        return dict(source)
    made = {
        **source,
        "from": "poll",
        "get": f"/{source['id']}",
        "status": "/status",
        "estimate": "/estimate",
        "incomplete": "/incomplete",
    }
    if "cost" in source:
        made["cost"] = {**source["cost"], "pointer": "/cost"}
    if "usage" in source:
        made["usage"] = {name: f"/usage/{name}" for name in source["usage"]}
    return made


def _instance(given: Mapping[str, Any], index: int) -> RecordedInstance:
    return RecordedInstance(
        case=given["case"],
        dialect=given.get("dialect"),
        calls=tuple(_call(call) for call in given["calls"]),
        at=join("instances", index),
    )


def _call(given: Mapping[str, Any]) -> RecordedCall:
    stated = {source: [document] for source, document in given.get("stated", {}).items()}
    return RecordedCall(
        delivery=_delivery(given["answer"]) if "answer" in given else None,
        documents={**given.get("records", {}), **stated},
        attempts=given.get("attempts"),
    )


def _delivery(answer: Mapping[str, Any]) -> Delivery:
    headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
    body = b""
    for kind, content_type in _CONTENT_TYPES.items():
        if kind in answer:
            headers.setdefault("content-type", content_type)
            body = _body(kind, answer[kind])
    error = answer.get("error")
    frames = tuple(plain_json(frame, None) for frame in answer["frames"]) if "frames" in answer else None
    usual = None if error else 200 if frames is None else 101
    return Delivery(answer.get("status", usual), headers, body, error, frames=frames)


def _body(kind: str, value: Any) -> bytes:
    if kind == "json":
        return _bytes(plain_json(value, None))
    return base64.b64decode(value) if kind == "base64" else _bytes(str(value))


def _bytes(text: str) -> bytes:
    """Return *text* in UTF-8; half a character, which that cannot hold, as JSON escapes it."""
    return text.encode("utf-8", "backslashreplace")


def _check(
    given: Mapping[str, Any],
    known: Mapping[str, Case],
    declaration: Declaration,
    stated: frozenset[str],
    at: str,
) -> None:
    """Refuse what no schema can see: names that nothing has, and calls that the case does not make."""

    def refuse(problem: object, member: str) -> NoReturn:
        raise InvalidFileError(declaration.file, str(problem), pointer=f"{at}/{member}")

    name, case = given["case"], known.get(given["case"])
    if case is None:
        refuse(UnknownNameError("case", name, known), "case")
    if not isinstance(case, ExchangeCase):
        refuse(f"{name} is a case for calculators: no gateway is called in it", "case")
    if "dialect" in given and given["dialect"] not in declaration.dialects:
        refuse(f"{given['dialect']} is none of the dialects of the gateway", "dialect")
    if len(given["calls"]) != case.client.calls:
        made = f"{case.client.calls} call{'' if case.client.calls == 1 else 's'}"
        refuse(f"the case makes {made}, and {len(given['calls'])} stand here", "calls")
    for number, call in enumerate(given["calls"]):
        _check_call(call, declaration, stated, f"{at}/calls/{number}")


def _check_call(call: Mapping[str, Any], declaration: Declaration, stated: frozenset[str], at: str) -> None:
    keeping = {source.id for source in declaration.observe if source.origin not in _IN_ANSWER}
    for member, ids in (("records", keeping - stated), ("stated", stated)):
        for name in call.get(member, {}):
            if name not in ids:
                problem = str(UnknownNameError(f"source of {member}", name, ids))
                raise InvalidFileError(declaration.file, problem, pointer=at + join(member, name))
    if not _is_base64(call.get("answer", {}).get("base64", "")):
        raise InvalidFileError(declaration.file, "is not base64", pointer=f"{at}/answer/base64")


_IN_ANSWER: Final = ("body", "header")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
