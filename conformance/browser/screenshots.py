"""The pictures of the documentation: ``python -m browser.screenshots FOLDER`` makes them anew."""

from __future__ import annotations

import os
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from decibill.report.html.corpus import load_corpus
from PIL import Image
from playwright.sync_api import sync_playwright

from browser.conftest import chromium
from browser.pages import published_page

CASE = "#openai/transcription-4o-stream"
WINDOW: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "device_scale_factor": 2,
}
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "report": ("", WINDOW),
    "report-dark": ("", {**WINDOW, "color_scheme": "dark"}),
    "report-case": (CASE, {"viewport": {"width": 1280, "height": 1100}}),
    "report-phone": ("", PHONE),
}


def _smaller(picture: bytes) -> Image.Image:
    """Return a picture with 256 colours, which a page has not, and a third of the bytes."""
    return Image.open(BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE)


def main(folder: Path) -> int:
    """Write the pictures, each of the published report of a gateway; 1 where there is no browser."""
    program = chromium()
    if program is None:
        print("no chromium; Debian and Ubuntu have it as a package", file=sys.stderr)  # noqa: T201
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "report.html"
    file.write_text(published_page("litellm", load_corpus()), encoding="utf-8", newline="\n")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        for name, (fragment, window) in PICTURES.items():
            page = browser.new_page(**window)
            page.goto(file.absolute().as_uri() + fragment)
            _smaller(page.screenshot()).save(folder / f"{name}.png", optimize=True)
            page.close()
        browser.close()
    file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
