"""What axe-core finds on a page, of which somebody could not use it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

__all__ = ["serious"]


def serious(page: Page) -> list[dict[str, Any]]:
    """Return what is serious or critical, each with its first places; skips where axe-core is not there."""
    source = os.environ.get("AXE_CORE")
    if source is None:
        pytest.skip("AXE_CORE names no axe.min.js; `nox -s browser` gets it from npm")
    page.evaluate(Path(source).read_text(encoding="utf-8"))
    # its preloading reads stylesheets again, which a page that loads nothing refuses
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    return [
        {"id": each["id"], "help": each["help"], "nodes": [node["html"][:160] for node in each["nodes"][:3]]}
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
