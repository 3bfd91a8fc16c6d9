"""Building the body of a call from a case: JSON with media in base64, multipart uploads, text, raw media.

``{model}`` standing alone is the name that the gateway has for the model; ``{"$base64": FILE}`` is the file's
bytes in base64; ``{"media_file": FILE}`` in a form is an upload.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from decibill._data import fixture_bytes
from decibill.case import Request
from decibill.template_tree import plain_json

__all__ = ["Body", "FormField", "build", "content_type_of", "frame_texts", "named_frames"]

_CONTENT_TYPES = {
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
}
_BOUNDARY = "decibill-form-boundary-6f1c0b9e"


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a multipart form; an upload has a file."""

    name: str
    value: str = ""
    file: str | None = None
    """Path of the upload, relative to the fixtures root."""

    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The body of one call."""

    content: bytes
    content_type: str | None
    fields: tuple[FormField, ...] = ()
    """The form, where it is one; for showing how to repeat the call."""

    shown: str | None = None
    """The body as text with its media still named, where it is JSON or text."""

    media: str | None = None
    """The file that is the whole body, where one is."""


def content_type_of(name: str) -> str:
    """Return the content type of a media file by the ending of its name."""
    return _CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def build(request: Request, model: str, root: Path) -> Body:
    """Return the body of *request*.

    Args:
        request: what the client of a case sends.
        model: the name by which the gateway knows the model.
        root: the fixtures root.

    Raises:
        HarnessError: a media file cannot be read.
    """
    if request.form is not None:
        return _form(request.form, model, root)
    if request.json is not None:
        named = _with_model(request.json, model)
        text = plain_json(_with_media(named, root), None)
        return Body(text.encode(), "application/json", shown=plain_json(named, None))
    if request.text is not None:
        return Body(request.text.encode(), "text/plain; charset=utf-8", shown=request.text)
    if request.media is not None:
        name = str(request.media["media_file"])
        kind = str(request.media.get("content_type", content_type_of(name)))
        return Body(fixture_bytes(root, name), kind, media=name)
    return Body(b"", None)


def frame_texts(request: Request, model: str, root: Path) -> tuple[str, ...]:
    """Return the messages that the client of a session sends; *model* stands inside texts too.

    Raises:
        HarnessError: a media file cannot be read.
    """
    return tuple(plain_json(_with_media(frame, root), None) for frame in named_frames(request, model))


def named_frames(request: Request, model: str) -> tuple[Any, ...]:
    """Return the frames of the client with the model's name, and with media still named by its file."""
    return tuple(_naming(frame, model) for frame in request.frames or ())


def _naming(value: Any, model: str) -> Any:
    if isinstance(value, str):
        return value.replace("{model}", model)
    if _is_list(value):
        return [_naming(item, model) for item in value]
    if _is_object(value):
        return {key: _naming(member, model) for key, member in value.items()}
    return value


def _form(form: Mapping[str, Any], model: str, root: Path) -> Body:
    fields = tuple(field for name, value in form.items() for field in _fields(name, value, model))
    chunks: list[bytes] = []
    for field in fields:
        head = f'Content-Disposition: form-data; name="{_quoted(field.name)}"'
        content = field.value.encode()
        if field.file is not None:
            head += f'; filename="{_quoted(field.filename or "")}"\r\nContent-Type: {field.content_type}'
            content = fixture_bytes(root, field.file)
        chunks.append(f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    chunks.append(f"--{_BOUNDARY}--\r\n".encode())
    return Body(b"".join(chunks), f"multipart/form-data; boundary={_BOUNDARY}", fields=fields)


def _fields(name: str, value: Any, model: str) -> tuple[FormField, ...]:
    if _is_list(value):
        return tuple(field for item in value for field in _fields(name, item, model))
    if _is_object(value):
        file = str(value["media_file"])
        return (
            FormField(
                name,
                file=file,
                filename=str(value.get("filename", PurePosixPath(file).name)),
                content_type=str(value.get("content_type", content_type_of(file))),
            ),
        )
    return (FormField(name, model if value == "{model}" else str(value)),)


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _with_model(value: Any, model: str) -> Any:
    if value == "{model}":
        return model
    if _is_list(value):
        return [_with_model(item, model) for item in value]
    if _is_object(value):
        return {key: _with_model(member, model) for key, member in value.items()}
    return value


def _with_media(value: Any, root: Path) -> Any:
    if _is_list(value):
        return [_with_media(item, root) for item in value]
    if _is_object(value):
        if set(value) == {"$base64"}:
            return base64.b64encode(fixture_bytes(root, str(value["$base64"]))).decode()
        return {key: _with_media(member, root) for key, member in value.items()}
    return value


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
