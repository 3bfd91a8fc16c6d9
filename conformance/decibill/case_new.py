"""A case made of a raw answer: the exchange as far as the answer tells it, and what is left to fill in.

What only a person can say is a text that begins with ``to fill in``: where the payload is from, what the
client asked, what is right and why. `decibill.check` names each of these members. Nothing that is expected
is made here, least of all by a calculator: a case is worth something because its figures were worked out by
hand.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, cast

from decibill import jsonio
from decibill.errors import Fault, HarnessError, InvalidFileError, UsageError
from decibill.media import content_type_of
from decibill.media_length import media_seconds
from decibill.pointer import join
from decibill.raw_body import RawBody, Told
from decibill.template_tree import is_list

__all__ = ["TO_FILL_IN", "Headers", "Recorded", "Scaffold", "read_headers", "scaffold", "unfilled", "write"]

TO_FILL_IN: Final = "to fill in"

_TELLING: Final = re.compile(
    r"^content-type$|^request-id$|cost|credit|character|usage|token|tier|bill|charge|duration|model",
    re.IGNORECASE,
)
_SECRET: Final = re.compile(r"auth|cookie|key|secret", re.IGNORECASE)
_STATUS: Final = re.compile(r"^HTTP/[0-9.]+ ([1-5][0-9][0-9])\b")
_CONTENT_TYPES: Final = {
    "json": "application/json",
    "sse": "text/event-stream; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_PATHS: Final[Mapping[tuple[str, str], str]] = {
    **{
        (provider, operation): f"{base}{path}"
        for provider, base in (("openai", "/v1"), ("azure", "/openai/deployments/{model}"))
        for operation, path in {
            "transcription": "/audio/transcriptions",
            "translation": "/audio/translations",
            "speech": "/audio/speech",
            "chat": "/chat/completions",
        }.items()
    },
    ("gemini", "chat"): "/v1beta/models/{model}:generateContent",
    ("gemini", "speech"): "/v1beta/models/{model}:generateContent",
    ("openai", "realtime"): "/v1/realtime?model={model}",
}
_ASKS: Final = {
    "transcription": '{"form": {"model": "{model}", "file": {"media_file": "audio/..."}}}',
    "translation": '{"form": {"model": "{model}", "file": {"media_file": "audio/..."}}}',
    "speech": '{"json": {"model": "{model}", "input": "..."}}',
    "realtime": '{"frames": [...]}, the frames that the client sent',
}
_ASKS_ELEVENLABS: Final = {
    "transcription": '{"form": {"model_id": "{model}", "file": {"media_file": "audio/..."}}}',
    "speech": '{"json": {"model_id": "{model}", "text": "..."}}',
}


@dataclass(frozen=True, slots=True)
class Headers:
    """Headers of an answer as a file holds them."""

    kept: Mapping[str, str]
    """Those that can say something of type, usage or price; names in lower case."""

    left_out: tuple[str, ...] = ()
    status: int | None = None
    at: str | None = None
    """The instant that `date` names."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer, and what is known of its call."""

    body: RawBody
    told: Told
    headers: Headers
    request: Mapping[str, Any] | None = None
    """The JSON that the client sent."""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """A case to be, and the file that its exchange names."""

    document: Mapping[str, Any]
    body_file: str
    """Where the body is kept, relative to the fixtures root."""

    content: bytes


def read_headers(text: str, name: str) -> Headers:
    """Return the headers in *text*, one on each line as `curl -D` or `curl -v` writes them.

    Raises:
        InvalidFileError: a line is no header.
    """
    kept: dict[str, str] = {}
    left_out: list[str] = []
    status = at = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.removeprefix("< ").strip()
        if not line or line == "<":
            continue
        if found := _STATUS.match(line):
            status = int(found[1])
            continue
        header, colon, value = line.partition(":")
        if not colon or not header or " " in header.strip():
            raise InvalidFileError(
                name, f"line {number} is no header such as 'content-type: application/json'"
            )
        header, value = header.strip().lower(), value.strip()
        at = _instant(value) if header == "date" else at
        if _TELLING.search(header) and not _SECRET.search(header):
            kept[header] = value
        else:
            left_out.append(header)
    return Headers(kept, tuple(left_out), status, at)


def _instant(date: str) -> str | None:
    try:
        return parsedate_to_datetime(date).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None


def scaffold(case_id: str, answer: Recorded, books: Mapping[str, Any]) -> Scaffold:
    """Return the case of an *answer*.

    Args:
        case_id: its id.
        answer: what was recorded.
        books: the conformance price book, which says in which family the model is priced.

    Raises:
        UsageError: provider, operation or model is not known.
    """
    body, told = answer.body, answer.told
    missing = [member for member in ("provider", "operation", "model") if getattr(told, member) is None]
    if missing:
        options = " and ".join(f"--{member}" for member in missing)
        raise UsageError(f"the answer does not say its {' and '.join(missing)}: give {options}")
    folder, _, slug = case_id.partition("/")
    media = body.kind == "media"
    name = f"{'audio' if media else f'upstream/{folder}'}/{slug}{body.ending}"
    document = {
        "$schema": "urn:decibill:schema:case:0.1",
        "id": case_id,
        "title": _fill("the rule or the fact that the case shows, in at most 90 characters"),
        "requirements": [_fill("the keys of then.proves, sorted")],
        "features": _features(body, told, books),
        "since": "0.1",
        "why": _fill("the arithmetic of then.charge in words, and why it is right"),
        "source": {
            "kind": "recorded",
            "url": _fill("the public page, issue or file that the payload is from"),
            "read": _fill("the day on which it was read, such as 2026-11-21"),
            "changed": _fill("what you changed; texts, ids and names are written anew, numbers never"),
        },
        "given": {
            "prices": "price-books/conformance.json",
            "upstream": [{"answers": [{"exchange": _exchange(answer, name)}]}],
        },
        "when": {_dialect(told): _call(answer), "client": "read_all"},
        "then": {
            "usage": _fill(f"by hand, from the answer and spec/providers/{told.provider}.md"),
            "charge": _fill("by hand, from then.usage and the price book"),
            "proves": _fill("for each requirement the checks that fail when it is broken"),
        },
    }
    return Scaffold(document, name, body.content)


def _fill(what: str) -> str:
    return f"{TO_FILL_IN}: {what}"


def _dialect(told: Told) -> str:
    return "azure_speech" if told.surface == "azure_speech" else str(told.provider)


def _features(body: RawBody, told: Told, books: Mapping[str, Any]) -> list[str]:
    features = [str(told.operation)]
    if body.kind == "sse":
        features.append("stream")
    fitting = (
        entry["pricing_model"]
        for entry in books["entries"]
        if entry["provider"] == told.provider and told.model in entry["models"]
    )
    family = next(fitting, None)
    unknown = _fill("price. and the family of the price; the model is not in the price book yet")
    features.append(f"price.{family}" if family else unknown)
    return features + (["provider.azure"] if told.provider == "azure" else [])


def _exchange(answer: Recorded, name: str) -> dict[str, Any]:
    body, told, headers = answer.body, answer.told, answer.headers
    session = body.kind == "events"
    path = _PATHS.get((str(told.provider), str(told.operation)), _fill("/ and the path of the endpoint"))
    path = path.replace("{model}", str(told.model))
    if told.provider == "gemini" and body.kind == "sse":
        path = path.replace(":generateContent", ":streamGenerateContent")
    asked: dict[str, Any] = {"method": "GET" if session else "POST", "path": path}
    if answer.request is not None:
        asked["json"] = _with_model(answer.request, str(told.model))
    kind = headers.kept.get("content-type", _CONTENT_TYPES.get(body.kind) or content_type_of(name))
    response: dict[str, Any] = {
        "status": headers.status or (101 if session else 200),
        "headers": {} if session else {"content-type": kind, **headers.kept},
    }
    if body.kind == "media":
        response["media"] = {"content_type": kind, "media_file": name, "media_seconds": _fill("its length")}
    else:
        response[f"{body.kind}_file"] = name
    return {
        "provider": told.provider,
        "surface": told.surface or _fill("the provider's interface, such as vertex"),
        "operation": told.operation,
        "model": told.model,
        "at": headers.at or told.at or _fill("when the call was made, such as 2026-11-21T12:00:00Z"),
        "request": asked,
        "response": response,
    }


def _call(answer: Recorded) -> Any:
    if answer.request is not None:
        return {"json": _with_model(answer.request, "{model}")}
    own = _ASKS_ELEVENLABS if answer.told.provider == "elevenlabs" else {}
    operation = str(answer.told.operation)
    shape = own.get(operation) or _ASKS.get(operation, '{"json": {...}}')
    return _fill(f"what the client asked: {shape}")


def _with_model(request: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the request with another name for its model, where it names one."""
    return {name: model if name in {"model", "model_id"} else value for name, value in request.items()}


def write(made: Scaffold, root: Path) -> tuple[Path, Path]:
    """Write the case and its body below *root*; return both paths.

    Raises:
        UsageError: one of them is there already.
        HarnessError: they cannot be written.
    """
    case, body = root / "cases" / f"{made.document['id']}.json", root / made.body_file
    for path in (case, body):
        if path.exists():
            raise UsageError(f"{path} is there already; choose another --id")
    try:
        for path in (case, body):
            path.parent.mkdir(parents=True, exist_ok=True)
        body.write_bytes(made.content)
        case.write_text(jsonio.dumps(_measured(made, body)), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{error.filename} cannot be written: {error.strerror}") from None
    return case, body


def _measured(made: Scaffold, body: Path) -> Mapping[str, Any]:
    """Return the document with the length of its media, where that can be measured."""
    document = copy.deepcopy(dict(made.document))
    answer = document["given"]["upstream"][0]["answers"][0]["exchange"]["response"]
    if "media" in answer:
        try:
            seconds = media_seconds(body, made.body_file)
        except InvalidFileError:
            seconds = None
        if seconds is not None and (seconds * 10**9).denominator == 1:
            text = f"{seconds.numerator * 10**9 // seconds.denominator:010d}"
            answer["media"]["media_seconds"] = f"{text[:-9]}.{text[-9:]}".rstrip("0").rstrip(".")
    return document


def unfilled(value: Any, at: Sequence[str | int] = ()) -> Iterator[Fault]:
    """Yield every member of a case that still says that it has to be filled in."""
    if isinstance(value, str):
        if value.startswith(TO_FILL_IN):
            yield Fault(join(*at), f"is still {value}")
    elif isinstance(value, Mapping):
        for key, member in cast("Mapping[str, Any]", value).items():
            yield from unfilled(member, (*at, key))
    elif is_list(value):
        for index, member in enumerate(value):
            yield from unfilled(member, (*at, index))
