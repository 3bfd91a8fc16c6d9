"""The grammar of requirements in the Markdown of ``spec/``.

A requirement is one paragraph or one list item that opens with a marker::

    - <a id="AUB-EXT-3f1c" data-observable="wire" data-since="0.1" data-features="stream"></a>
      **AUB-EXT-3f1c** — Text with a key word.

with or without a line break after the anchor.

Rule 1: its level is the first BCP 14 key word of its text, never authored beside it.
Rule 2: a text that ends in a colon goes on in the table or tight list that follows; the hash covers both.
Rule 3: key words in code spans and fenced code do not count; anywhere else outside a requirement they are a
finding, so that nothing normative is without an id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["CHAPTER_OF_AREA", "Catalogue", "Finding", "Requirement", "read_catalogue"]

CHAPTER_OF_AREA: Final[Mapping[str, str]] = {
    "TRM": "01-terms.md",
    "USE": "02-usage-record.md",
    "EXT": "03-extraction.md",
    "PRC": "04-price-book.md",
    "CHG": "05-charge.md",
    "REF": "06-refund.md",
    "GWY": "07-gateway.md",
    "CNF": "08-conformance.md",
    "OAI": "providers/openai.md",
    "AZU": "providers/azure.md",
    "GEM": "providers/gemini.md",
    "ELV": "providers/elevenlabs.md",
}
"""Each area of ids lives in one file, so that an id says where it is explained."""

_OBSERVABLE: Final = ("wire", "record", "internal")
_LEVELS: Final = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
_ID: Final = re.compile(r"AUB-([A-Z]{3})-[0-9a-f]{4}")
_MARKER: Final = re.compile(
    r'(?:[-*] )?<a id="(?P<id>[^"]*)"(?P<attributes>[^>]*)></a>\s?\*\*(?P<shown>[^*]*)\*\* — (?P<text>.*)'
)
_ATTRIBUTE: Final = re.compile(r'\s*data-([a-z]+)="([^"]*)"')
_KEY_WORD: Final = re.compile(
    r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY|SHALL NOT|SHALL|NOT RECOMMENDED|RECOMMENDED|REQUIRED|OPTIONAL)\b"
)
_CODE_SPAN: Final = re.compile(r"`[^`]*`")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ITEM: Final = re.compile(r"\s*(?:[-*]|\d+\.)\s")
_FENCE: Final = re.compile(r"\s*(?:```|~~~)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One normative sentence of the specification, with its permanent id."""

    id: str
    level: str
    """``MUST``, ``MUST NOT``, ``SHOULD``, ``SHOULD NOT`` or ``MAY``."""

    text: str
    """The sentence as Markdown without links and bold."""

    href: str
    """File and anchor, from the root of the repository."""

    since: str
    observable: str
    """``wire``: shows on a gateway; ``record``: shows in a calculator's records; ``internal``: in neither."""

    features: tuple[str, ...]
    sha256: str
    """Of the text, spaces made single, and of the table or list that it goes on in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to put right before the specification holds together."""

    where: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The requirements of a spec tree in reading order, and what is wrong with its prose."""

    requirements: tuple[Requirement, ...]
    findings: tuple[Finding, ...]

    def by_id(self) -> dict[str, Requirement]:
        """Return the requirements by id."""
        return {requirement.id: requirement for requirement in self.requirements}


def read_catalogue(spec: Path) -> Catalogue:
    """Return the requirements that the prose below *spec* states, chapters first, then provider pages."""
    found = list[Requirement]()
    findings = list[Finding]()
    files = [*sorted(spec.glob("[0-9][0-9]-*.md")), *sorted(spec.glob("providers/*.md"))]
    if not files:
        findings.append(Finding(str(spec), "no chapter is here", "run this in a checkout of the repository"))
    for file in files:
        name = file.relative_to(spec).as_posix()
        for item in _parse(name, file.read_text(encoding="utf-8")):
            (found if isinstance(item, Requirement) else findings).append(item)  # type: ignore[arg-type]
    seen = set[str]()
    for requirement in found:
        if requirement.id in seen:
            findings.append(
                Finding(
                    requirement.href,
                    f"{requirement.id} is used twice",
                    "mint a new id for the newer sentence",
                )
            )
        seen.add(requirement.id)
    return Catalogue(tuple(found), tuple(findings))


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph, heading, list item or table: lines without a blank one between them."""

    line: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return _single_spaced("\n".join(self.lines))

    @property
    def end(self) -> int:
        return self.line + len(self.lines)


def _blocks(markdown: str) -> list[_Block]:
    blocks = list[_Block]()
    lines = list[str]()
    in_fence = False
    for number, line in enumerate([*markdown.splitlines(), ""], 1):
        fence = _FENCE.match(line) is not None
        ends = fence or in_fence or not line.strip()
        opens = (
            line.startswith("#")
            or _ITEM.match(line)
            or _is_table(line) != _is_table(lines[-1] if lines else "")
        )
        if lines and (ends or opens):
            blocks.append(_Block(number - len(lines), tuple(lines)))
            lines = []
        if not ends:
            lines.append(line)
        in_fence ^= fence
    return blocks


def _is_table(line: str) -> bool:
    return line.lstrip().startswith("|")


def _single_spaced(text: str) -> str:
    return " ".join(text.split())


def _key_words(text: str) -> list[str]:
    return _KEY_WORD.findall(_CODE_SPAN.sub("", text))


def _parse(name: str, markdown: str) -> Iterator[Requirement | Finding]:
    blocks = _blocks(markdown)
    for index, block in enumerate(blocks):
        where = f"spec/{name}:{block.line}"
        marker = _MARKER.fullmatch(block.text)
        if marker is not None:
            yield from _requirement(name, where, marker, _continuation(blocks[index:]))
            continue
        if '<a id="AUB-' in block.text:
            yield Finding(
                where,
                "a requirement marker does not open its paragraph or list item, or is misspelt",
                'write <a id="ID" data-observable="…" data-since="…"></a>**ID** — text',
            )
        for word in _key_words(block.text):
            yield Finding(
                where,
                f"the key word {word} stands outside a requirement",
                "mint an id for it, or say it in other words",
            )


def _continuation(blocks: list[_Block]) -> str:
    """Return the table or tight list after the first block, rows and items on lines of their own."""
    follower = blocks[1] if len(blocks) > 1 else None
    if follower is None or not (_is_table(follower.lines[0]) or _ITEM.match(follower.lines[0])):
        return ""
    taken = [follower]
    for block in blocks[2:]:
        if block.line != taken[-1].end or not _ITEM.match(block.lines[0]):
            break
        taken.append(block)
    if _is_table(follower.lines[0]):
        return "\n".join(_single_spaced(row) for row in follower.lines)
    return "\n".join(item.text for item in taken)


def _requirement(
    name: str, where: str, marker: re.Match[str], follower: str
) -> Iterator[Requirement | Finding]:
    identity, text = marker["id"], _LINK.sub(r"\1", marker["text"]).replace("**", "")
    attributes = dict(_ATTRIBUTE.findall(marker["attributes"]))
    words = _key_words(text)
    area = _ID.fullmatch(identity)
    for fault, problem, remedy in (
        (
            area is None or CHAPTER_OF_AREA.get(area[1]) != name,
            f"{identity} is not an id of this file",
            "mint one with the area of this chapter",
        ),
        (
            marker["shown"] != identity,
            f"the anchor says {identity}, the text {marker['shown']}",
            "make them one",
        ),
        (
            _ATTRIBUTE.sub("", marker["attributes"]) != ""
            or not attributes.keys() <= {"observable", "since", "features"},
            f"{identity} has an attribute that nothing reads",
            "use data-observable, data-since and data-features",
        ),
        (
            attributes.get("observable") not in _OBSERVABLE,
            f"{identity} does not say where it is observable",
            "set data-observable to wire, record or internal",
        ),
        ("since" not in attributes, f"{identity} does not say since when", "set data-since"),
        (
            not words or not set(words) <= set(_LEVELS),
            f"{identity} has no level, or an unused key word ({', '.join(words) or 'none'})",
            "say MUST, SHOULD or MAY, with NOT where needed",
        ),
        (
            text.endswith(":") and not follower,
            f"{identity} ends in a colon and neither table nor list follows",
            "end it in a full stop, or add them",
        ),
    ):
        if fault:
            yield Finding(where, problem, remedy)
    hashed = f"{text}\n{follower}" if text.endswith(":") else text
    yield Requirement(
        id=identity,
        level=words[0] if words else "",
        text=text,
        href=f"spec/{name}#{identity}",
        since=attributes.get("since", ""),
        observable=attributes.get("observable", ""),
        features=tuple(attributes.get("features", "").split()),
        sha256=hashlib.sha256(hashed.encode()).hexdigest(),
    )
