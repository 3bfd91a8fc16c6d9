"""The wrong costs that well-known mistakes give for a case, each with the sentence that names the mistake.

Every mistake here is one that a public report describes. They explain a failure; they never decide one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from decibill.judge_call import exact_text, join_words, noun, plain
from decibill.plan_prices import case_entries, list_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill.case import ExchangeCase, ExpectedLine

__all__ = [
    "AT_TEXT_RATE",
    "CACHED_AS_FRESH",
    "CACHED_TWICE",
    "COMPONENT_AT_SESSION_PRICE",
    "COMPONENT_LOST",
    "LIST_PRICE",
    "OTHER_CHARACTERS",
    "OTHER_DURATION",
    "OTHER_UNIT",
    "REASONING_TWICE",
    "Mistake",
    "recognise",
]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One way to be wrong about a case."""

    cost: Fraction
    """What the call then costs."""

    cause: str
    """The mistake in a few words, the same for every case."""

    words: str
    """The mistake in this case."""


_CLAIMED: Final = re.compile(r"-header-says-([0-9.]+)s\.")
"""In the name of an upload whose header lies: what it says."""

_NEAR: Final = Fraction(1, 10**6)
"""How near to the result of a mistake a number must be to be explained by it, relative to that result."""

AT_TEXT_RATE: Final = "audio is billed at the text rate"
CACHED_AS_FRESH: Final = "cached tokens are billed as fresh"
CACHED_TWICE: Final = "cached tokens are billed twice, as cached and as fresh"
REASONING_TWICE: Final = "reasoning tokens are billed twice"
_DOUBLE: Final = "usage is billed twice"
_MISSING: Final = "part of the usage is not billed"
OTHER_CHARACTERS: Final = "characters are counted in another way"
OTHER_DURATION: Final = "the duration is not the billable one"
OTHER_UNIT: Final = "a price is used for another unit"
COMPONENT_LOST: Final = "what another model did in a session is not billed"
COMPONENT_AT_SESSION_PRICE: Final = "what another model did in a session is billed at the session's prices"
LIST_PRICE: Final = "a public list price is used, not the configured one"
_FACTORS: Final = (
    (Fraction(60), "60 times the right cost: a price per minute was used per second"),
    (Fraction(1, 60), "a sixtieth of the right cost: seconds were divided by 60 once too often"),
    (Fraction(1000), "1000 times the right cost: prices per thousand and per unit are confused"),
    (Fraction(1, 1000), "a thousandth of the right cost: prices per thousand and per unit are confused"),
    (Fraction(10**6), "a million times the right cost: the price per million was used per unit"),
    (Fraction(1, 10**6), "a millionth of the right cost: the price was divided by a million twice"),
    (Fraction(100), "100 times the right cost: cents and dollars are confused"),
    (Fraction(1, 100), "a hundredth of the right cost: cents and dollars are confused"),
)
_OF_TIME: Final = (
    (Fraction(1000), "1000 times the right cost: milliseconds were taken for seconds"),
    (Fraction(1, 1000), "a thousandth of the right cost: seconds were taken for milliseconds"),
)


def recognise(case: ExchangeCase, cost: Fraction) -> Mistake | None:
    """Return the likeliest mistake that gives *cost*, or None where none does."""
    for mistake in _mistakes(case):
        if mistake.cost > 0 and abs(mistake.cost - cost) <= mistake.cost * _NEAR:
            return mistake
    return None


def _mistakes(case: ExchangeCase) -> Iterator[Mistake]:
    """Yield each mistake that can be made on the case, the likeliest first."""
    if case.charge is None:
        return
    total = case.charge.exact_total
    lines = [line for line in case.charge.lines if not line.addon]
    rates = _rates(case)
    by_model = {line.model: _rates_of(case, line.model) for line in lines}
    yield from _components(case, lines, rates, total)
    yield from _wrong_rate(lines, by_model, total)
    yield from _all_at_text(case, rates)
    yield from _cached_audio_at_text(case, rates, total)
    yield from _audio_lines_at_text(lines, by_model, total)
    yield from _reasoning_twice(case, rates, total)
    yield from _wrong_count(case, lines, total)
    for times, word in ((2, "twice"), (3, "three times")):
        yield Mistake(total * times, _DOUBLE, f"exactly {word} the right cost: the call was charged {word}")
    if len(lines) > 1:
        for line in lines:
            name, amount = _named(line), exact_text(line.exact)
            words = f"the {name} are not in it: their {amount} is missing"
            yield Mistake(total - line.exact, _MISSING, words)
            yield Mistake(line.exact, _MISSING, f"only the {name} are in it: the rest of the call is missing")
    of_time = all(line.quantity.endswith("_seconds") for line in lines)
    for factor, sentence in (*(_OF_TIME if of_time else ()), *_FACTORS):
        yield Mistake(total * factor, OTHER_UNIT, sentence)
    yield from _at_list_price(case, lines)


def _components(
    case: ExchangeCase, lines: list[ExpectedLine], rates: _Rates, total: Fraction
) -> Iterator[Mistake]:
    """Yield what a session costs without its other models, or with them at the session's own prices."""
    others = [line for line in lines if line.model != case.model]
    if not others or len(others) == len(lines):
        return
    models = join_words(list(dict.fromkeys(line.model for line in others)))
    used = join_words([_named(line) for line in others])
    theirs = sum((line.exact for line in others), Fraction(0))
    lost = f"the {used} of {models} are not in it: their {exact_text(theirs)} is missing"
    yield Mistake(total - theirs, COMPONENT_LOST, lost)
    here = [(line, _at(rates, line.quantity) or Fraction(0)) for line in others]
    at_session = sum((Fraction(line.billed) * rate for line, rate in here), Fraction(0))
    if at_session:
        words = f"the {used} of {models} are billed at the prices of {case.model}"
        yield Mistake(total - theirs + at_session, COMPONENT_AT_SESSION_PRICE, words)


def _at_list_price(case: ExchangeCase, lines: list[ExpectedLine]) -> Iterator[Mistake]:
    """Yield what the call costs where the gateway falls back to a public catalogue.

    Counted right, or, since a catalogue and a way of counting come from one place, counted wrong too.
    """
    for entry in list_entries(case):
        rates = {line.quantity: _at(entry["rates"], line.quantity) for line in lines}
        if None in rates.values():
            continue
        here = f"at the public list price ({entry['id']}), not at the configured one"
        total = sum((Fraction(line.billed) * (rates[line.quantity] or 0) for line in lines), Fraction(0))
        yield Mistake(total, LIST_PRICE, f"the usage is billed {here}")
        if len(lines) == 1:
            rate = rates[lines[0].quantity] or 0
            for count, words in _other_counts(case, lines[0]):
                said = f"it is the price of {plain(count)}, {words}, {here}"
                yield Mistake(Fraction(count) * rate, LIST_PRICE, said)


def _named(line: ExpectedLine) -> str:
    return f"{plain(line.billed)} {noun(line.quantity)}"


_Rates = dict[str, "Mapping[str, Any]"]


def _rates(case: ExchangeCase) -> _Rates:
    """Return the rates of the entry that prices the case, or of all that could where it names none."""
    return _rates_of(case, case.model)


def _rates_of(case: ExchangeCase, model: str) -> _Rates:
    """Return the rates of one model of the case: a session has several."""
    fitting = [entry for entry in case_entries(case) if model in entry["models"]]
    named = [entry for entry in fitting if case.charge and entry["id"] == case.charge.entry]
    rates: _Rates = {}
    for entry in named or fitting:
        rates.update(entry["rates"])
    return rates


def _at(rates: Mapping[str, Mapping[str, Any]], quantity: str) -> Fraction | None:
    rate = rates.get(quantity)
    return None if rate is None else Fraction(rate["amount"]) / Fraction(rate["per"])


def _wrong_rate(
    lines: list[ExpectedLine], by_model: Mapping[str, _Rates], total: Fraction
) -> Iterator[Mistake]:
    """Yield what the call costs with tokens at the rate of another kind, or billed twice."""
    all_fresh, beside, cached = total, Fraction(0), 0
    for line in lines:
        count, name, rates = Fraction(line.billed), _named(line), by_model[line.model]
        rest = total - line.exact
        if line.quantity in {"audio_input_tokens", "audio_output_tokens"}:
            text = _at(rates, line.quantity.replace("audio_", "text_"))
            if text is not None:
                twice = f"the {name} are billed twice, at the audio rate and at the text rate"
                yield Mistake(rest + count * text, AT_TEXT_RATE, f"the {name} are billed at the text rate")
                yield Mistake(total + count * text, _DOUBLE, twice)
        elif line.quantity.startswith("cached_"):
            fresh = _at(rates, line.quantity.removeprefix("cached_")) or _at(rates, "text_input_tokens")
            if fresh is not None:
                twice = f"the {name} are billed twice, as cached and as fresh tokens"
                yield Mistake(rest + count * fresh, CACHED_AS_FRESH, f"the {name} are billed as fresh tokens")
                yield Mistake(total + count * fresh, CACHED_TWICE, twice)
                all_fresh, cached = all_fresh - line.exact + count * fresh, cached + 1
                beside += count * fresh
    if cached > 1:
        yield Mistake(all_fresh, CACHED_AS_FRESH, "all cached tokens are billed as fresh tokens")
        twice = "all cached tokens are billed twice, as cached and as fresh tokens"
        yield Mistake(total + beside, CACHED_TWICE, twice)


def _reasoning_twice(
    case: ExchangeCase, rates: Mapping[str, Mapping[str, Any]], total: Fraction
) -> Iterator[Mistake]:
    """Yield what the call costs where its reasoning is billed within the text and beside it."""
    reasoning = case.usage.quantities.get("reasoning_output_tokens", 0) if case.usage else 0
    rate = _first(rates, "text_output_tokens", "output_tokens")
    if reasoning and rate is not None:
        words = f"the {plain(reasoning)} reasoning tokens are billed twice, within the text and beside it"
        yield Mistake(total + Fraction(reasoning) * rate, REASONING_TWICE, words)


def _audio_lines_at_text(
    lines: list[ExpectedLine], by_model: Mapping[str, _Rates], total: Fraction
) -> Iterator[Mistake]:
    """Yield what the call costs where all its audio, fresh and cached, takes the text rates beside it."""
    changed = 0
    for line in lines:
        text = _at(by_model[line.model], line.quantity.replace("audio_", "text_"))
        if "audio_" in line.quantity and text is not None:
            total, changed = total - line.exact + Fraction(line.billed) * text, changed + 1
    if changed > 1:
        yield Mistake(
            total, AT_TEXT_RATE, "all audio is billed at the text rates, cached audio as cached text"
        )


def _all_at_text(case: ExchangeCase, rates: Mapping[str, Mapping[str, Any]]) -> Iterator[Mistake]:
    """Yield what the call costs where only the totals are seen and every token takes a text rate."""
    usage: Mapping[str, int | Decimal] = case.usage.quantities if case.usage else {}
    into, out = _at(rates, "text_input_tokens"), _at(rates, "text_output_tokens")
    if into is None or "input_tokens" not in usage:
        return
    total_in, cached = Fraction(usage["input_tokens"]), Fraction(usage.get("cached_input_tokens", 0))
    rest = Fraction(usage.get("output_tokens", 0)) * (out or 0)
    words = "all tokens, audio included, are billed at the text rates"
    discount = _at(rates, "cached_text_input_tokens")
    if cached and discount is not None:
        yield Mistake((total_in - cached) * into + cached * discount + rest, AT_TEXT_RATE, words)
        words += ", and the cached ones as fresh"
    yield Mistake(total_in * into + rest, AT_TEXT_RATE, words)


def _cached_audio_at_text(
    case: ExchangeCase, rates: Mapping[str, Mapping[str, Any]], total: Fraction
) -> Iterator[Mistake]:
    """Yield what the call costs where the cached part of the audio is taken for text."""
    usage: Mapping[str, int | Decimal] = case.usage.quantities if case.usage else {}
    beyond_text = Fraction(usage.get("cached_input_tokens", 0)) - Fraction(usage.get("text_input_tokens", 0))
    count = Fraction(usage.get("cached_audio_input_tokens", max(beyond_text, Fraction(0))))
    right = _first(rates, "cached_audio_input_tokens", "cached_input_tokens", "audio_input_tokens")
    wrong = _first(rates, "cached_text_input_tokens", "cached_input_tokens", "text_input_tokens")
    if count and right is not None and wrong is not None:
        words = f"the {plain(int(count))} cached audio tokens are billed as cached text"
        yield Mistake(total + count * (wrong - right), AT_TEXT_RATE, words)


def _first(rates: Mapping[str, Mapping[str, Any]], *quantities: str) -> Fraction | None:
    found = (_at(rates, quantity) for quantity in quantities)
    return next((rate for rate in found if rate is not None), None)


def _wrong_count(case: ExchangeCase, lines: list[ExpectedLine], total: Fraction) -> Iterator[Mistake]:
    """Yield what the call costs with another count of characters or another duration."""
    for line in lines:
        price = Fraction(line.amount) / Fraction(line.per) * Fraction(line.multiplier)
        rest, right = total - line.exact, Fraction(line.billed)
        speech = line.quantity == "tts_characters"
        for count, words in _other_counts(case, line):
            if count != right:
                unit = "characters" if speech else "seconds"
                said = (
                    f"it is the price of {plain(count)} {unit}, {words}, where {plain(line.billed)} is right"
                )
                yield Mistake(
                    rest + Fraction(count) * price, OTHER_CHARACTERS if speech else OTHER_DURATION, said
                )


def _other_counts(case: ExchangeCase, line: ExpectedLine) -> Iterator[tuple[int | Decimal, str]]:
    return _characters(case) if line.quantity == "tts_characters" else _durations(case, line)


def _characters(case: ExchangeCase) -> Iterator[tuple[int | Decimal, str]]:
    body: Mapping[str, Any] = case.exchange.get("request", {}).get("json", {})
    text, instructions = body.get("input"), body.get("instructions")
    if not isinstance(text, str):
        return
    yield len(text.encode()), "the bytes of the text in UTF-8"
    yield len(text.encode("utf-16-le")) // 2, "the text in UTF-16 units"
    yield sum(not character.isspace() for character in text), "the text without white space"
    if isinstance(instructions, str):
        yield len(text) + len(instructions), "the text and the instructions together"


def _durations(case: ExchangeCase, line: ExpectedLine) -> Iterator[tuple[int | Decimal, str]]:
    if line.quantity != "audio_duration_seconds":
        return
    seconds = Fraction(line.billed)
    yield math.ceil(seconds / 60) * 60, "the duration rounded up to whole minutes"
    stated = case.usage.quantities.get("media_duration_seconds") if case.usage else None
    if stated is not None:
        yield stated, "a duration that is information only"
    upload: Mapping[str, Any] = case.exchange.get("request", {}).get("form", {}).get("file", {})
    if claimed := _CLAIMED.search(str(upload.get("media_file", ""))):
        yield Decimal(claimed[1]), "the length that the upload's header claims"
    if "media_seconds" in upload:
        yield Decimal(upload["media_seconds"]), "the length of the upload"
    for name, count in (("up", math.ceil(seconds)), ("down", math.floor(seconds)), ("off", round(seconds))):
        yield count, f"the duration rounded {name} to whole seconds"
