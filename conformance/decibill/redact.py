"""What must not stand in a report or a message: secrets, media, characters that control a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["REDACTED", "legible", "redact_headers", "redact_json"]

REDACTED = "[redacted]"

_SECRET = ("authorization", "cookie", "key", "secret", "token")
_LONGEST_TEXT = 2000


def legible(text: str) -> str:
    """Return *text* with every character that cannot be printed, line ends apart, shown as U+FFFD."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


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


def redact_json(value: Any) -> Any:
    """Return *value* with every text longer than any prompt here, such as base64 media, cut and counted."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:40]}[and {len(value) - 40} more characters]"
    if _is_list(value):
        return [redact_json(item) for item in value]
    if _is_object(value):
        return {key: redact_json(member) for key, member in value.items()}
    return value
