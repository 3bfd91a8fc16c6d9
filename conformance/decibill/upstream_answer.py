"""The bytes that a recorded exchange puts on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from decibill._data import fixture_bytes
from decibill.errors import HarnessError
from decibill.template_tree import plain_json

__all__ = ["Wire", "wire"]

_CONTENT_TYPES = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "sse": "text/event-stream; charset=utf-8",
    "media": "application/octet-stream",
}
# the server frames the body itself, and the recorded bytes are the decoded ones
_FRAMING = frozenset({"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"})
_EVENT_END = re.compile(rb"(?<=\r\n\r\n)|(?<=\n\n)|(?<=\r\r)")


@dataclass(frozen=True, slots=True)
class Wire:
    """One answer, ready to be sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    parts: tuple[bytes, ...]
    """The body; a stream of events has one part for each event."""

    stream: bool = False
    """Whether it is sent in chunks of unknown number."""

    cut: bool = False
    """Whether the connection breaks off after the last part: the recorded stream stops within an event."""


def wire(exchange: Mapping[str, Any], root: Path) -> Wire:
    """Return what the provider sent in *exchange*, byte for byte.

    Args:
        exchange: data-model section 1.
        root: the fixtures root, below which its files are.

    Raises:
        HarnessError: a file cannot be read, or the answer is one that HTTP cannot carry.
    """
    response = cast("Mapping[str, Any]", exchange["response"])
    kind, body, content_type = _body(response, root)
    headers = {
        str(name).lower(): str(value)
        for name, value in cast("Mapping[str, Any]", response.get("headers", {})).items()
        if str(name).lower() not in _FRAMING and value != ""
    }
    headers.setdefault("content-type", content_type)
    status = int(response["status"])
    if kind != "sse":
        return Wire(status, tuple(headers.items()), (body,))
    parts = tuple(part for part in _EVENT_END.split(body) if part)
    cut = bool(parts) and not parts[-1].endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
    return Wire(status, tuple(headers.items()), parts, stream=True, cut=cut)


def _body(response: Mapping[str, Any], root: Path) -> tuple[str, bytes, str]:
    for kind, content_type in _CONTENT_TYPES.items():
        if f"{kind}_file" in response:
            return kind, fixture_bytes(root, response[f"{kind}_file"]), content_type
        if kind not in response:
            continue
        value = response[kind]
        if kind == "json":
            return kind, plain_json(value, None).encode(), content_type
        if kind == "media":
            media = cast("Mapping[str, Any]", value)
            body = fixture_bytes(root, media["media_file"]) if "media_file" in media else b""
            return kind, body, str(media.get("content_type", content_type))
        return kind, str(value).encode(), content_type
    raise HarnessError("the recorded answer has no body that HTTP can carry")
