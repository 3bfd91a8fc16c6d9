"""An answer without its exchange: a body as it was saved, or with the head that `curl -i` prints before it.

The head matters where a provider states what a call cost in a header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bare_answer"]

_HEAD: Final = re.compile(rb"HTTP/[\d.]+ (?P<status>\d{3})[^\r\n]*\r?\n(?P<fields>(?:[^\r\n]+\r?\n)*)\r?\n")
_MEDIA: Final = ("audio/", "video/", "application/octet-stream")


def bare_answer(content: bytes, document: Callable[[bytes], Any]) -> dict[str, Any]:
    """Return what was saved of an answer as the response of an exchange.

    Args:
        content: the bytes of the file. Of several heads, as of a redirection, the last counts.
        document: reads JSON, and refuses in its own way what is none.
    """
    response: dict[str, Any] = {"status": 200}
    while head := _HEAD.match(content):
        lines = head["fields"].decode("utf-8", "replace").splitlines()
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        response = {"status": int(head["status"]), "headers": headers}
        content = content[head.end() :]
    kind: str = response.get("headers", {}).get("content-type", "")
    return {**response, **_body(content, kind, document)}


def _body(content: bytes, content_type: str, document: Callable[[bytes], Any]) -> dict[str, Any]:
    """Return a body as the member of a response that it says it is, or else looks like."""
    if content_type.startswith(_MEDIA):
        return {"media": {"content_type": content_type}}
    text = content.decode("utf-8", "replace")
    if content_type.startswith("text/event-stream"):
        return {"sse": text}
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:6]
    if start.startswith((b"{", b"[")):
        return {"json": document(content)}
    if start.startswith((b"data:", b"event:", b":", b"id:", b"retry:")):
        return {"sse": text}
    if "\0" in text:
        return {"media": {}}
    return {"text": text}
