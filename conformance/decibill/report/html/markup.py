"""HTML built from values: everything is escaped, and what could mislead a reader becomes visible.

A report quotes what a gateway answered. Nothing of that may become markup, reorder the text around it, or
make the page too long to open, so there is one way to put text into a page and it does all three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

__all__ = ["Html", "clean", "el", "joined", "short"]

LONGEST: Final = 20_000
"""Characters of one text; the report itself has the rest."""

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_EMPTY: Final = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta"})


class Html(str):
    """Markup: text of any other type is escaped before it gets into a page."""

    __slots__ = ()


def clean(text: str, longest: int = LONGEST) -> str:
    """Return *text* with every character that steers or hides shown by its number, cut at *longest*."""
    return _HIDDEN.sub(_named, short(text, longest))


def short(text: str, longest: int) -> str:
    """Return *text*, or its beginning with the number of characters that are left out."""
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}[and {more} more characters]"


def _named(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"\u27e8U+{code:04X}\u27e9"


def joined(children: Iterable[object], between: str = "") -> Html:
    """Return the children one after another, text escaped; None is nothing."""
    return Html(between.join(_child(child) for child in children if child is not None))


def _child(child: object) -> str:
    if isinstance(child, Html):
        return child
    if isinstance(child, str) or not isinstance(child, Iterable):
        return escape(clean(str(child)))
    return joined(child)  # pyright: ignore[reportUnknownArgumentType] - whatever it holds is escaped


def el(tag: str, *children: object, **attributes: object) -> Html:
    """Return one element.

    Args:
        tag: its name.
        children: markup, or text to escape; lists are flattened, None is left out.
        attributes: ``class_`` is ``class`` and ``data_x`` is ``data-x``; False and None are left out, True is
            an attribute without a value.
    """
    parts: list[str] = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        name = key.rstrip("_").replace("_", "-")
        parts.append(f" {name}" if value is True else f' {name}="{escape(clean(str(value)), quote=True)}"')
    opening = f"<{tag}{''.join(parts)}>"
    return Html(opening if tag in _EMPTY else f"{opening}{joined(children)}</{tag}>")
