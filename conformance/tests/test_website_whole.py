"""The site of the published reports: everything that was judged is on it, and every link leads somewhere."""

from __future__ import annotations

from pathlib import Path

from website.build import pages
from website.links import broken
from website.subjects import PUBLISHED, load_site

ROOT = Path(__file__).resolve().parents[2]


def test_the_published_site_is_whole() -> None:
    site = load_site(ROOT)
    found = pages(site)

    published = [path.parent.name for path in (ROOT / PUBLISHED).rglob("report.json")]
    assert sorted(each.slug for each in site.subjects) == sorted(published)
    for each in site.subjects:
        assert f'href="{each.folder}/index.html"' in found["index.html"]
        assert (each.folder + "/report.html") in found
    assert {f"cases/{name}.html" for name in site.corpus.cases} <= found.keys()
    assert {f"requirements/{name}.html" for name in site.specification.requirements} <= found.keys()
    assert list(broken(found)) == []
