"""What must not stand in a report: secrets in headers, media in bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["REDACTED", "redact_headers", "redact_json"]

REDACTED = "[redacted]"

_SECRET = ("authorization", "cookie", "key", "secret", "token")
_LONGEST_TEXT = 2000


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
