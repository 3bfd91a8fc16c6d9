"""How the documentation is built: `nox -s docs`.

The source directory is the repository, so that every page is used where it stands and nothing is said twice.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs" / "_ext"), str(ROOT / "conformance"), str(ROOT / "reference_impl")]

project = "decibill"
root_doc = "docs/index"
language = "en"
smartquotes = False  # two hyphens are an option
extensions = ["myst_parser", "sphinx_click", "case_pages", "file_formats"]
include_patterns = [
    "docs/**",
    "spec/**.md",
    "fixtures/*.md",
    "fixtures/price-books/README.md",
    "conformance/*.md",
    "conformance/gateways/*.md",
    "conformance/calculators/*.md",
    "conformance/reports/**.md",
    "reference_impl/*.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = ["docs/_ext/**"]

myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing"]  # anchors of requirements; the links of what is built are checked
html_theme = "furo"
html_title = "decibill"
html_copy_source = False
html_static_path: list[str] = []
