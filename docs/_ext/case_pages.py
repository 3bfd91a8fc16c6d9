"""The directive `case`: one case of the corpus, its picture, its arithmetic and where it is from."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from decibill.cases import load_cases
from decibill.report.html.flows import picture_of
from decibill.report.html.look import standalone
from decibill.report.html.svg_path import described, path_svg
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FIXTURES = Path(__file__).parents[2] / "fixtures"


class CaseDirective(SphinxDirective):
    """``{case} openai/transcription-4o-json``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the case as a figure; an unknown one is an error of the build."""
        name = self.arguments[0]
        self.env.note_dependency(str(FIXTURES / "cases" / f"{name}.json"))
        (case,) = [each for each in load_cases(FIXTURES) if each.id == name]
        title = nodes.paragraph("", "", nodes.strong("", case.title))
        drawn = base64.b64encode(standalone(path_svg(case)).encode()).decode()
        words = html.escape(described(picture_of(case)))
        tag = f'<img class="case" alt="{words}" src="data:image/svg+xml;base64,{drawn}" width="600">'
        picture = nodes.raw("", tag, format="html")
        why = nodes.paragraph("", case.why)
        source = nodes.paragraph("", "", nodes.literal("", case.id))
        return [title, picture, why, source]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("case", CaseDirective)
    return {"version": "1", "parallel_read_safe": True}
