"""What must not stand in a report or a message: secrets, media, characters that control a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

__all__ = ["REDACTED", "legible", "redact_headers", "redact_json", "without_folders"]

REDACTED = "[redacted]"

_SECRET = ("authorization", "cookie", "key", "secret", "token")
_LONGEST_TEXT = 2000
_DEEPEST = 50


def legible(text: str) -> str:
    """Return *text* with every character that cannot be printed, line ends apart, shown as U+FFFD."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


_FOLDER: Final = re.compile(
    r"""(?:[A-Za-z]:)?[/\\][^\s"'<>|]*[/\\](?=(?:site-packages|dist-packages|node_modules)[/\\])"""
)


def without_folders(text: str) -> str:
    """Return *text* without the folders of this machine in which a gateway's packages are.

    A gateway that answers with a traceback names them, and a report may be published.
    """
    return _FOLDER.sub("[...]/", text)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with lower-case names; keys, tokens and cookies are hidden."""
    return {
        name.lower(): REDACTED if any(word in name.lower() for word in _SECRET) else value
        for name, value in headers.items()
    }


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def redact_json(value: Any, depth: int = 0) -> Any:
    """Return *value* with every text longer than any prompt here, such as base64 media, cut and counted.

    What is nested deeper than any request, and half characters that no file can hold, are replaced too.
    """
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()
        more = len(text) - 40
        return f"{text[:40]}[and {more} more characters]" if len(text) > _LONGEST_TEXT else text
    if depth > _DEEPEST:
        return "[nested too deeply]"
    if _is_list(value):
        return [redact_json(item, depth + 1) for item in value]
    if _is_object(value):
        return {redact_json(key): redact_json(member, depth + 1) for key, member in value.items()}
    return value
