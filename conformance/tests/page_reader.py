"""A page as a reader sees it: its elements with their attributes and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Element", "read"]

EMPTY = {"area", "br", "col", "hr", "img", "input", "link", "meta"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str = "", **wanted: str) -> list[Element]:
        """Return what is inside, in order; ``class_`` is one of the classes."""
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                if (not tag or child.tag == tag) and child.fits(wanted):
                    found.append(child)
                found += child.all(tag, **wanted)
        return found

    def fits(self, wanted: dict[str, str]) -> bool:
        for name, value in wanted.items():
            stated = self.attributes.get(name.rstrip("_").replace("_", "-")) or ""
            if value not in (stated.split() if name == "class_" else [stated]):
                return False
        return True


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in EMPTY:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(page: str) -> Element:
    """Return the page; it is refused where an element is not closed."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is not closed"
    return reader.root
