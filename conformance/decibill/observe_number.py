"""From a value that a gateway wrote to a statement: a number, unknown, or nothing (AUB 0.1, chapter 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Context, Decimal
from typing import Any

from decibill.pointer import MISSING
from decibill.redact import legible
from decibill.statements import Kind, Statement

__all__ = ["inclusive", "marked", "scaled", "statement"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST_EXPONENT = 40
_EXACT = Context(prec=200)


def statement(value: Any, where: str, *, text_is_float: bool = False) -> tuple[Statement, str | None]:
    """Return what *value* states, and why it states nothing although something is there.

    null is unknown; an absent member and an empty string are nothing; 0 is the number 0.

    Args:
        value: a JSON value, `MISSING`, or the text of a header.
        where: where it was looked for.
        text_is_float: whether a number in text is forgiven float residue, as in headers.
    """
    if value is MISSING or value == "":
        return Statement(Kind.NOTHING, where), None
    if value is None:
        return Statement(Kind.UNKNOWN, where), None
    if isinstance(value, str):
        text = value.strip()
        number = Decimal(text) if _NUMBER.fullmatch(text) else None
        is_float = text_is_float
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        number, text, is_float = Decimal(value), _shown(value), isinstance(value, Decimal)
    else:
        number, text, is_float = None, _shown(value), False
    if number is None or (number and abs(number.adjusted()) > _LARGEST_EXPONENT):
        shown = legible(text[:80])
        return Statement(Kind.NOTHING, where, text=shown), f"{where} is {shown}, not a usable number"
    return Statement(Kind.NUMBER, where, value=number, text=text, is_float=is_float), None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # a number with thousands of digits has no decimal text in Python; its size says enough
        return str(value) if value.bit_length() < 4000 else f"an integer of {value.bit_length()} bits"
    return str(value) if isinstance(value, (str, Decimal)) else type(value).__name__


def scaled(stated: Statement, per_usd: Decimal) -> Statement:
    """Return *stated* in US dollars, *per_usd* of its units making one."""
    if stated.value is None or per_usd == 1:
        return stated
    return replace(stated, value=_EXACT.divide(stated.value, per_usd))


def marked(value: Any, among: tuple[str, ...] | None) -> bool:
    """Return whether a mark is set: any value but null, false, 0 and "", or one of *among*."""
    if value is MISSING:
        return False
    if among is not None:
        return _shown(value) in among
    return bool(value)


_PARTS: Mapping[str, tuple[str, ...]] = {
    "input_tokens": (
        "text_input_tokens",
        "audio_input_tokens",
        "image_input_tokens",
        "video_input_tokens",
        "unattributed_input_tokens",
        "cached_input_tokens",
    ),
    "cached_input_tokens": (),
    **{
        f"{modality}_input_tokens": (f"cached_{modality}_input_tokens",)
        for modality in ("text", "audio", "image", "video")
    },
    "output_tokens": ("text_output_tokens", "audio_output_tokens", "unattributed_output_tokens"),
    "text_output_tokens": ("reasoning_output_tokens",),
}


def inclusive(stated: Mapping[str, Statement]) -> dict[str, Statement]:
    """Return disjoint statements made inclusive: every whole with its stated parts added.

    A whole with an unknown part is unknown. Parts that state nothing add nothing.
    """
    return {name: _whole(name, stated) for name in stated}


def _whole(name: str, stated: Mapping[str, Statement]) -> Statement:
    own = stated[name]
    parts = [stated[part] for part in _within(name) if part in stated]
    if own.kind is not Kind.NUMBER or any(part.kind is Kind.UNKNOWN for part in parts):
        return own if own.kind is not Kind.NUMBER else replace(own, kind=Kind.UNKNOWN, value=None)
    total = Decimal(0)
    for part in (own, *parts):
        total = _EXACT.add(total, part.value or Decimal(0))
    return replace(own, value=total)


def _within(name: str) -> Iterable[str]:
    for part in _PARTS.get(name, ()):
        yield part
        yield from _within(part)
