"""One exchange: what the client sent, what the provider answered, what came out of the gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from decibill.case import ExchangeCase
from decibill.report.html.corpus import answered
from decibill.report.html.deciding import Line, is_list, is_object, lines_of, lines_of_json
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.words import counted, proper

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.html.corpus import Corpus
    from decibill.report.model import CaseRow

__all__ = ["answer_lines", "deciding_part", "exchange_part", "listing", "record_part"]

_METER: Final = re.compile("character-cost|cost|credit|usage|token|currency|tier|charge", re.IGNORECASE)
_TELLING: Final = re.compile("cost|credit|usage|token|currency|tier|charge|content-type|error", re.IGNORECASE)
_SPOKEN: Final = ("input", "text", "ssml")
_LOST: Final = ("usage", "usageMetadata")
"""Members that a client receives, and whose being null tells something."""

_WIDTH: Final = 400
"""Characters of a line of a body; a gateway may answer in one line of any length."""


def listing(lines: Sequence[Line]) -> Html:
    """Return lines as preformatted text, what decides marked."""
    parts: list[object] = []
    for (is_deciding, is_left_out), group in groupby(
        lines, key=lambda line: (line.is_deciding, line.is_left_out)
    ):
        text = "\n".join(clean(line.text, _WIDTH) for line in group) + "\n"
        parts.append(el("mark", text) if is_deciding else el("i", text) if is_left_out else text)
    return el("pre", el("code", *parts), tabindex=0)


def exchange_part(row: CaseRow, case: Case | None, corpus: Corpus, subject: str = "gateway") -> list[Html]:
    """Return the exchange of a case as blocks, in the order in which it happened."""
    blocks: list[Html] = []
    if isinstance(case, ExchangeCase):
        exchange = answered(case, row)
        blocks.append(_block("The client sends", listing(list(_sent(case, row.dialect)))))
        other = "" if exchange is case.exchange else " another call than the client sent"
        label = f"{proper(case.provider)} answers{other}"
        source = f"{row.answer or 'the case'}, {case.source.kind}"
        blocks.append(_block(label, listing(answer_lines(exchange, corpus)), clean(source, 200)))
    elif case is not None:
        blocks.append(record_part(case))
    received: Sequence[Any] = row.evidence.get("received", ())
    for index, each in enumerate(received):
        words = "The client receives" if subject == "gateway" else f"The {subject} says"
        label = words if len(received) == 1 else f"{words}, call {index + 1}"
        blocks.append(_block(label, listing(list(_received(each)))))
    passed_on = row.evidence.get("upstream", ())
    if passed_on:
        blocks.append(_folded("What the gateway passed on", listing(lines_of_json(list(passed_on)))))
    problems = row.evidence.get("problems", ())
    if problems:
        items = (el("li", clean(str(each), 500)) for each in problems)
        blocks.append(_block("What could not be read", el("ul", items)))
    return blocks


def record_part(case: Case) -> Html:
    """Return what a calculator is given."""
    given = {key: value for key, value in case.document["given"].items() if key != "prices"}
    return _block("Given", listing(lines_of_json(given)))


def _block(label: str, body: Html, source: str = "") -> Html:
    return el(
        "div", el("h4", label), el("p", source, class_="where") if source else None, body, class_="block"
    )


def _folded(label: str, body: Html) -> Html:
    return el("details", el("summary", label), body, class_="block small")


def _spoken(case: ExchangeCase) -> Iterable[str]:
    """Return the members of a request that decide: the text of speech, where characters are billed."""
    lines = case.charge.lines if case.charge else ()
    return _SPOKEN if any(line.quantity == "tts_characters" for line in lines) else ()


def _sent(case: ExchangeCase, dialect: str | None) -> Iterator[Line]:
    request = case.when.get(dialect or "") or next(iter(case.when.values()), None)
    about: Mapping[str, Any] = case.exchange.get("request", {})
    yield Line(f"{about.get('method', 'POST')} {about.get('path', '')}")
    if request is None:
        return
    yield from (Line(f"{name}: {value}") for name, value in request.headers.items())
    for body in (request.json, request.form):
        if body is not None:
            yield from lines_of_json(body, also=_spoken(case))
    if request.text is not None:
        yield from lines_of(request.text)
    if request.media is not None:
        yield from lines_of_json(request.media)
    for frame in request.frames or ():
        yield from lines_of_json(frame)
    if case.client.kind != "read_all":
        yield Line(f"... {case.client.kind.replace('_', ' ')} {case.client.number}", is_left_out=True)


def answer_lines(exchange: Mapping[str, Any], corpus: Corpus) -> list[Line]:
    """Return what the provider answers, as lines."""
    response: Mapping[str, Any] = exchange["response"]
    headers = [
        Line(f"{name}: {value}", bool(_METER.search(name)))
        for name, value in response.get("headers", {}).items()
        if _TELLING.search(name)
    ]
    return [Line(f"{response['status']}"), *headers, *lines_of(corpus.body(exchange))]


def deciding_part(case: ExchangeCase, row: CaseRow, corpus: Corpus, most: int = 9) -> Html | None:
    """Return the members that decide alone, at most so many lines; None where the answer has none."""
    exchange = answered(case, row)
    lines = [line for line in answer_lines(exchange, corpus) if line.is_deciding]
    if not lines:
        return None
    indent = min(len(line.text) - len(line.text.lstrip()) for line in lines)
    shown = [Line(line.text[indent:], is_deciding=True) for line in lines[:most]]
    more = (
        [Line(f"... {counted(len(lines) - most, 'more line')}", is_left_out=True)]
        if len(lines) > most
        else []
    )
    return listing([*shown, *more])


def _received(each: Any) -> Iterator[Line]:
    """Yield what came back: of a gateway a status, headers and a body; of a calculator its record."""
    if not is_object(each) or "status" not in each:
        yield from lines_of_json(each)
        return
    yield Line(str(each["status"]))
    headers = each.get("headers")
    for name, value in headers.items() if is_object(headers) else ():
        if _TELLING.search(str(name)):
            yield Line(f"{name}: {value}", bool(_METER.search(str(name))))
    before = each.get("frames_before", 0)
    if before:
        yield Line(f"... {before} messages before", is_left_out=True)
    frames = each.get("frames")
    for frame in frames if is_list(frames) else ():
        yield from lines_of(str(frame), also=_LOST)
    if "body" in each:
        yield from lines_of(str(each["body"]), also=_LOST)
    if each.get("error"):
        yield Line(json.dumps(str(each["error"]), ensure_ascii=False))
