"""Which recording answers the request that really arrived at the replay upstream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.pointer import MISSING, resolve
from decibill.redact import redact_headers, redact_json

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from decibill.case import Answer, Step

__all__ = ["Arrived", "Choice", "arrived", "choose"]

_ENDPOINTS: Mapping[str, Mapping[str, str]] = {
    provider: {
        "transcription": "/audio/transcriptions",
        "translation": "/audio/translations",
        "speech": "/audio/speech",
        "chat": "/chat/completions",
    }
    for provider in ("openai", "azure")
}
_VERSION: Final = re.compile(r"^(/openai)?(/v\d+)?(?=/)")
"""What stands before the name of a session's endpoint."""

_VOICE: Final = re.compile(r"(/(?:text-to-speech|speech-to-speech|voice-changer))/[^/]+")
"""The part of a path of ElevenLabs that names a voice."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request as it reached the upstream."""

    document: Mapping[str, Any]
    """What pointers resolve in: method, path, query, headers (names in lower case), and json or form."""

    shown: Mapping[str, Any]
    """The same without secrets and media."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The recording that answers a request, or the members for which there is none."""

    answer: Answer | None
    unmatched: tuple[str, ...] = ()


def arrived(request: Request, path: str) -> Arrived:
    """Return the *request* as a document; *path* is its path below the case's base address."""
    document: dict[str, Any] = {
        "method": request.method,
        "path": path,
        "query": {name: _one(values) for name, values in request.args.lists()},
        "headers": {name.lower(): value for name, value in request.headers.items()},
    }
    shown: dict[str, Any] = {**document, "headers": redact_headers(document["headers"])}
    kind = request.mimetype
    if kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        form: dict[str, Any] = {name: _one(values) for name, values in request.form.lists()}
        for name, upload in request.files.items(multi=True):
            size = len(upload.stream.read())
            form[name] = {"filename": upload.filename, "content_type": upload.mimetype, "bytes": size}
            upload.close()
        document["form"] = form
        shown["form"] = redact_json(form)
    elif body := request.get_data(cache=True):
        try:
            document["json"] = jsonio.loads(body, "the request")
            shown["json"] = redact_json(document["json"])
        except InvalidFileError as error:
            # what cannot be read matches no condition on its members; the record says why
            shown["body"] = f"{len(body)} bytes of {kind or 'no content type'}: {error.problem}"
    return Arrived(document, shown)


def _one(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def choose(step: Step, request: Arrived) -> Choice:
    """Return the first answer of *step* whose conditions hold for *request*.

    Where none holds, the choice names the members that stand in the way of the answer that came closest.
    """
    closest: tuple[str, ...] | None = None
    for answer in step.answers:
        failing = _failing(answer, request.document)
        if not failing:
            return Choice(answer)
        if closest is None or len(failing) < len(closest):
            closest = failing
    return Choice(None, closest or ())


def _failing(answer: Answer, document: Mapping[str, Any]) -> tuple[str, ...]:
    failing = [
        pointer
        for pointer, wanted in answer.condition.items()
        if not _equal(resolve(document, pointer), wanted)
    ]
    endpoint = _endpoint(answer.exchange)
    if endpoint is not None and not _of_any_voice(str(document["path"])).endswith(endpoint):
        failing.append("/path")
    usual = "GET" if answer.exchange["operation"] == "realtime" else "POST"
    recorded = cast("Mapping[str, Any]", answer.exchange.get("request", {})).get("method", usual)
    if document["method"] != recorded:
        failing.append("/method")
    return tuple(failing)


def _endpoint(exchange: Mapping[str, Any]) -> str | None:
    """Return how the path of the request ends to which *exchange* is the answer; None where any will do."""
    if exchange["operation"] == "realtime":
        return _session_endpoint(exchange)
    azure_speech = exchange.get("surface") == "azure_speech"
    if exchange["provider"] not in {"gemini", "elevenlabs"} and not azure_speech:
        return _ENDPOINTS.get(exchange["provider"], {}).get(exchange["operation"])
    # One operation has several endpoints there, so the recorded request says which it was.
    path = str(cast("Mapping[str, Any]", exchange.get("request", {})).get("path", "")).partition("?")[0]
    if azure_speech:
        return path or None
    if exchange["provider"] == "elevenlabs":
        return _of_any_voice(path) or None
    resource, colon, method = path.rpartition(":")
    return f":{method}" if colon and resource else "/chat/completions" if path else None


def _of_any_voice(path: str) -> str:
    """Return *path* without the voice that stands in it: which one speaks decides nothing here."""
    return _VOICE.sub(r"\1/*", path)


def _session_endpoint(exchange: Mapping[str, Any]) -> str | None:
    """Return how the path of a session ends, in whatever version of the interface it is asked for."""
    path = str(cast("Mapping[str, Any]", exchange.get("request", {})).get("path", "")).partition("?")[0]
    if exchange["provider"] == "gemini":
        return re.split("[./]", path)[-1] or None
    return _VERSION.sub("", path, count=1) or None


def _equal(value: Any, wanted: Any) -> bool:
    """Return whether a member of the request is what a condition wants; null wants it absent."""
    if wanted is None:
        return value is MISSING or value is None
    if isinstance(value, Decimal) or isinstance(wanted, Decimal):
        return isinstance(value, (int, Decimal)) and value == wanted
    return type(value) is type(wanted) and bool(value == wanted)
