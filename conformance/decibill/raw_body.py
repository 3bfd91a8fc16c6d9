"""What a raw answer of a provider is: its kind by its bytes, and what its members say of the call.

Nothing is guessed from a name. Where the bytes do not say who answered, the caller has to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeGuard

from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.observe_body import documents
from decibill.template_tree import is_list, plain_json

__all__ = ["Kind", "RawBody", "Told", "read_body", "told"]

Kind = Literal["json", "sse", "events", "text", "media"]

_MEDIA: Final = {
    b"RIFF": ".wav", b"ID3": ".mp3", b"\xff\xfb": ".mp3", b"\xff\xf3": ".mp3", b"\xff\xf2": ".mp3",
    b"OggS": ".ogg", b"fLaC": ".flac", b"\x1aE\xdf\xa3": ".webm",
}  # fmt: skip
"""First bytes of media, and the ending of its file."""

_SSE: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:data|event|id|retry|):")
_SENT: Final = {"client", "sent"}
_RECEIVED: Final = {"server", "received"}


@dataclass(frozen=True, slots=True)
class RawBody:
    """One raw answer."""

    kind: Kind
    ending: str
    """That of the file that it is kept in, with its point."""

    content: bytes
    """What is kept: the bytes as they came, but for frames, which become one array."""

    found: tuple[Any, ...]
    """The JSON documents in it: the body, the data of each event, the frames of the server."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a body says of its call; None where it does not say it."""

    provider: str | None = None
    surface: str | None = None
    operation: str | None = None
    model: str | None = None
    at: str | None = None


_GEMINI: Final = frozenset(
    {"usageMetadata", "usage_metadata", "candidates", "serverContent", "setupComplete", "setup"}
)
_BY_TYPE: Final[Mapping[str, Told]] = {
    "events session.": Told("openai", "api", "realtime"),
    "events response.": Told("openai", "api", "realtime"),
    "events conversation.": Told("openai", "api", "realtime"),
    "events transcription_session.": Told("openai", "api", "realtime"),
    "chat.completion": Told("openai", "api", "chat"),
    "transcript.text.": Told("openai", "api", "transcription"),
    "speech.audio.": Told("openai", "api", "speech"),
}
"""Whose answer it is, by how `type` or `object` begins; before it, where needed, the kind of the body."""

_BY_MEMBER: Final[tuple[tuple[frozenset[str], Told], ...]] = (
    (frozenset({"choices"}), Told("openai", "api", "chat")),
    (
        frozenset({"combinedPhrases", "combinedRecognizedPhrases", "RecognitionStatus"}),
        Told("azure", "azure_speech", "transcription"),
    ),
    (
        frozenset({"language_probability", "audio_duration_secs", "transcripts"}),
        Told("elevenlabs", "api", "transcription"),
    ),
    (frozenset({"audio_base64", "normalized_alignment"}), Told("elevenlabs", "api", "speech")),
    (frozenset({"conversation_id"}), Told("elevenlabs", "api", "agent_call")),
)
"""Whose answer it is, by members that only this answer has."""


def read_body(raw: bytes, name: str) -> RawBody:
    """Return the body in *raw*, called *name* in messages.

    Raises:
        InvalidFileError: it is empty, or JSON of which a line cannot be read.
    """
    if not raw.strip():
        raise InvalidFileError(name, "is empty", remedy="give the answer as the provider sent it")
    for first, ending in _MEDIA.items():
        if raw.startswith(first):
            return RawBody("media", ending, raw, ())
    if raw[4:8] == b"ftyp":
        return RawBody("media", ".m4a", raw, ())
    if _SSE.match(raw):
        return RawBody("sse", ".sse", raw, documents(raw, "text/event-stream")[0])
    if raw.lstrip()[:1] in {b"{", b"["}:
        return _json(raw, name)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return RawBody("media", ".pcm", raw, ())
    return RawBody("text", ".vtt" if raw.startswith(b"WEBVTT") else ".txt", raw, ())


def _json(raw: bytes, name: str) -> RawBody:
    lines = [(number, line) for number, line in enumerate(raw.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and all(line.strip()[:1] == b"{" and line.strip()[-1:] == b"}" for _, line in lines):
        frames = [_frame(jsonio.loads(line, f"{name} line {number}")) for number, line in lines]
        return _session(frames)
    document: Any = jsonio.loads(raw, name)
    entries: list[Any] = document if is_list(document) else []
    if entries and all(_is_object(each) and set(each) & {"frame", "direction"} for each in entries):
        return _session([_frame(each) for each in entries])
    return RawBody("json", ".json", raw, (document,))


def _frame(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return one frame with its sender; a line that names none is a frame that the server sent."""
    sender, frame = line.get("from", line.get("direction")), line.get("frame", line.get("data"))
    if sender in _SENT | _RECEIVED and frame is not None:
        return {"from": "client" if sender in _SENT else "server", "frame": frame}
    return dict(line) if "close" in line and "from" in line else {"from": "server", "frame": line}


def _session(entries: Sequence[Mapping[str, Any]]) -> RawBody:
    """Return a session as an array with one entry on each line."""
    lines = ",\n".join("  " + plain_json(entry, None) for entry in entries)
    frames = tuple(entry["frame"] for entry in entries if "frame" in entry)
    return RawBody("events", ".json", f"[\n{lines}\n]\n".encode(), frames)


def told(body: RawBody) -> Told:
    """Return what the documents of *body* say, the first that says something first."""
    found = [each for document in body.found for each in _objects(document)]
    of_call = next((each for each in (_of_call(document, body.kind) for document in found) if each), Told())
    return Told(
        of_call.provider,
        of_call.surface,
        of_call.operation,
        next((model for model in map(_model, found) if model), None),
        next((at for at in map(_at, found) if at), None),
    )


def _objects(document: Any) -> Iterator[Mapping[str, Any]]:
    if _is_object(document):
        yield document
    elif is_list(document):
        yield from filter(_is_object, document)


def _of_call(document: Mapping[str, Any], kind: Kind) -> Told | None:
    """Return whose answer a document is, by the members that only this provider's answer has."""
    if document.keys() & _GEMINI:
        usage = document.get("usageMetadata")
        vertex = _is_object(usage) and "trafficType" in usage
        return Told("gemini", "vertex" if vertex else "ai_studio", "realtime" if kind == "events" else "chat")
    words = f"{kind} {document.get('type', document.get('object', ''))}"
    for start, of_call in _BY_TYPE.items():
        if words.startswith(start) or words.partition(" ")[2].startswith(start):
            return of_call
    for members, of_call in _BY_MEMBER:
        if document.keys() & members:
            return of_call
    if "text" in document and document.keys() & {"usage", "segments", "task", "logprobs"}:
        translated = document.get("task") == "translate"
        return Told("openai", "api", "translation" if translated else "transcription")
    return None


def _model(document: Mapping[str, Any]) -> str | None:
    for place in (document, document.get("session"), document.get("setup"), document.get("response")):
        for name in ("model", "modelVersion", "model_version"):
            value = place.get(name) if _is_object(place) else None
            if isinstance(value, str) and value:
                return value.rpartition("/")[2]
    return None


def _at(document: Mapping[str, Any]) -> str | None:
    created = document.get("created", document.get("created_at"))
    if isinstance(created, int) and 0 < created < 2**33:
        return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
