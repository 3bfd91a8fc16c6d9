"""Recorded observations and the reports on them: whatever a gateway said, there is a report, and it is sound.

The input is a file of observations: answers, headers, records and statements of a gateway, which nobody wrote
with care. It is refused with a place, or judged; then the report is one by its schema, shows nothing that
steers a terminal, and JUnit's XML can be read. Any other document is given to ``decibill check``, which must
have an answer too.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final, cast
from unicodedata import bidirectional, category
from xml.etree import ElementTree

from decibill import engine, jsonio, schemas
from decibill._data import data_directory
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.check import check_text
from decibill.engine import RunOptions
from decibill.errors import DecibillError, InvalidFileError
from decibill.observations import Replay
from decibill.observations_read import parse
from decibill.report.html.corpus import load_corpus
from decibill.report.html.page import render_html
from decibill.report.json import render_json
from decibill.report.junit import render_junit
from decibill.report.text import render_text
from decibill.specification import load_specification

from fuzz.trees import changed_json, strings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from decibill.case import Case
    from decibill.report.html.corpus import Corpus
    from decibill.specification import Specification

_SOURCES: Final[Sequence[Mapping[str, Any]]] = (
    {"id": "header", "from": "header", "cost": {"name": "x-cost"}, "estimate": "x-estimate"},
    {
        "id": "log",
        "from": "poll",
        "get": "/log",
        "rows": "/data",
        "identity": ["/id"],
        "cost": {"pointer": "/cost"},
        "usage": {"audio_input_tokens": "/audio", "input_tokens": "/in"},
        "status": "/status",
        "incomplete": "/incomplete",
    },
    {"id": "body", "from": "body", "usage": "dialect"},
    {"id": "function", "from": "stated", "cost": {}, "usage": ["audio_duration_seconds", "tts_characters"]},
)
_LARGEST: Final = 6000
_STEERING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


@cache
def cases() -> Sequence[Case]:
    """Return a few cases of every provider and operation."""
    found: dict[tuple[str, str, bool], Case] = {}
    for case in load_cases():
        if (
            isinstance(case, ExchangeCase)
            and case.when
            and len(json.dumps(case.exchange, default=str)) <= _LARGEST
        ):
            found.setdefault((case.provider, case.operation, case.stream), case)
    return tuple(found.values())


@cache
def specification() -> Specification:
    """Return the requirements."""
    return load_specification()


def seeds() -> Iterator[bytes]:
    """Yield a file of observations for each of these cases, all right, and one of every other document."""
    for case in cases():
        if isinstance(case, ExchangeCase):
            yield json.dumps(_recorded(case), default=str).encode()
    for example in sorted((data_directory("fixtures") / "invalid").glob("*.json")):
        faulty = json.loads(example.read_bytes())
        if example.stat().st_size <= _LARGEST:
            yield faulty["text"].encode() if "text" in faulty else json.dumps(faulty["document"]).encode()


def _recorded(case: ExchangeCase) -> dict[str, Any]:
    dialect = next(iter(case.when))
    total = format(case.charge.total, "f") if case.charge and case.charge.total is not None else "null"
    record = {"id": 1, "cost": total, "audio": 784, "in": 784, "status": "priced", "incomplete": False}
    stated = {"cost": total, "usage": {"audio_duration_seconds": "7.5"}}
    call = {
        "answer": _answer(case.exchange["response"], total),
        "records": {"log": [record]},
        "stated": {"function": stated},
        "attempts": 1,
    }
    return {
        "$schema": schemas.schema_id("observations"),
        "gateway": {"id": "tiny", "name": "Tiny gateway", "version": "1.0", "dialects": [dialect]},
        "providers": [case.provider],
        "features": {
            "operations": [case.operation],
            "stream": [case.operation],
            "price_scope": "alias",
            "charge_status": True,
            "estimate_mark": True,
            "component_prices": True,
        },
        "prices": {"how": "book"},
        "observe": list(_SOURCES),
        "instances": [{"case": case.id, "dialect": dialect, "calls": [call] * case.client.calls}],
    }


def _answer(response: Mapping[str, Any], total: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": response["status"], "headers": {"X-Cost": total}}
    for member, value in response.items():
        kind = member.removesuffix("_file")
        if kind not in {"json", "sse", "text", "events"}:
            continue
        raw = (data_directory("fixtures") / value).read_bytes() if kind != member else None
        body = value if raw is None else raw.decode() if kind in {"sse", "text"} else json.loads(raw)
        if kind == "events":
            frames = cast("Sequence[Mapping[str, Any]]", body)
            answer["frames"] = [
                each["frame"] for each in frames if each["from"] == "server" and "frame" in each
            ]
        else:
            answer[kind] = body
    return answer


def changed(data: bytes, random: Random) -> bytes | None:
    """Return another document."""
    return changed_json(data, random, words())


@cache
def words() -> tuple[str, ...]:
    """Return the vocabulary of observations."""
    found = {word for seed in seeds() for word in _strings(seed)}
    near = (
        "/",
        "/a~2",
        "http://example.org",
        "\x1b[2J",
        "<script>",
        "NaN",
        "Infinity",
        "1e999",
        "-0",
        "null",
    )
    return tuple(sorted(found.union(near, (case.id for case in cases()))))


def _strings(seed: bytes) -> Iterator[str]:
    try:
        yield from strings_of(json.loads(seed))
    except ValueError:
        return


def attempt(data: bytes) -> None:
    """Check one document, and judge it where it is a file of observations."""
    try:
        document = jsonio.loads(data, "input.json")
        kind = schemas.kind_of(document, "input.json")
        recorded = parse(document, "input.json", cases()) if kind == "observations" else None
    except InvalidFileError:
        return
    if recorded is None:
        assert check_text(data, "input.json").lines()
        return
    options = RunOptions(specification=specification(), clock=lambda: datetime(2026, 6, 1, tzinfo=UTC))
    named = {instance.case for instance in recorded.instances}
    asked = [case for case in cases() if case.id in named]
    try:
        report = engine.run(recorded.declaration, asked, options, driver=Replay(recorded))
    except DecibillError as refused:
        assert str(refused)
        return
    text = render_text(report, verbose=True)
    steering = [character for character in set(text) - {"\n"} if category(character) in _STEERING]
    assert not steering, ascii(steering)
    assert not {bidirectional(character) for character in text} & _TURNING
    document = jsonio.loads(render_json(report), "report.json")
    if zlib.crc32(data) % 8 == 0:
        assert not schemas.faults("report", document), schemas.faults("report", document)
    ElementTree.fromstring(render_junit(report).encode())  # noqa: S314 - our own text
    _safe(render_html(report, corpus()))


@cache
def corpus() -> Corpus:
    """Return the corpus, which the page takes recorded answers from."""
    return load_corpus()


class _Elements(HTMLParser):
    """The elements of a page, and the names of all attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count the element."""
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}


def _safe(page: str) -> None:
    """See that nothing a gateway said became an element that runs or loads."""
    found = _Elements()
    found.feed(page)
    found.close()
    assert found.tags["script"] == found.tags["style"] == 1
    assert not found.tags.keys() & {"img", "iframe", "object", "embed", "base", "link"}
    assert not [name for name in found.attributes if name.startswith("on") or name == "style"]
    assert not {bidirectional(character) for character in page} & _TURNING
