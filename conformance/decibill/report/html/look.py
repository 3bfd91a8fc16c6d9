"""The look of the pages: one stylesheet, one script, and a document that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files

from decibill.report.html.markup import Html, el, joined

__all__ = ["document", "script", "standalone", "style"]


@lru_cache(maxsize=8)
def _file(name: str) -> str:
    return (files("decibill.report.html") / name).read_text(encoding="utf-8")


def style() -> str:
    """Return the stylesheet of every page, with that of the pictures."""
    return f"{_file('svg.css')}\n{_file('style.css')}"


def script() -> str:
    """Return the script of a report: filters and folding. A page says everything without it."""
    return _file("page.js")


def document(title: str, body: Html, *, style_text: str | None = None, script_text: str = "") -> str:
    """Return a whole page that loads nothing from anywhere and runs no script but its own.

    Args:
        title: of the page.
        body: what is in it.
        style_text: its stylesheet; by default `style`.
        script_text: its script, if any.
    """
    css = style() if style_text is None else style_text
    running_policy = f"'{_digest(script_text)}'" if script_text else "'none'"
    policy = (
        f"default-src 'none'; style-src '{_digest(css)}'; script-src {running_policy}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        Html(f"<style>{css}</style>"),
    )
    running = Html(f"<script>{script_text}</script>") if script_text else None
    return f"<!doctype html>\n{el('html', head, el('body', joined([body, running])), lang='en')}\n"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def standalone(svg: Html) -> str:
    """Return a picture as a file of its own, in the colours of the page, light or dark."""
    opening, _, rest = svg.partition(">")
    return f"{opening}><style>{_file('svg.css')}svg{{background:var(--background)}}</style>{rest}\n"
