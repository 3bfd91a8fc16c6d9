"""The wrong costs that well-known mistakes give for a case, each with the sentence that names the mistake.

Every mistake here is one that a public report describes. They explain a failure; they never decide one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from decibill.judge_call import exact_text, noun, plain
from decibill.plan_prices import case_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill.case import ExchangeCase, ExpectedLine

__all__ = ["mistakes"]

_FACTORS: Final = (
    (Fraction(60), "60 times the right cost: a price per minute was used per second"),
    (Fraction(1, 60), "a sixtieth of the right cost: seconds were divided by 60 once too often"),
    (Fraction(1000), "1000 times the right cost: a price per thousand and a price per unit are confused"),
    (
        Fraction(1, 1000),
        "a thousandth of the right cost: a price per million was read as one per thousand million",
    ),
    (Fraction(10**6), "a million times the right cost: the price per million was used per unit"),
    (Fraction(1, 10**6), "a millionth of the right cost: the price was divided by a million twice"),
    (Fraction(100), "100 times the right cost: cents and dollars are confused"),
    (Fraction(1, 100), "a hundredth of the right cost: cents and dollars are confused"),
)


def mistakes(case: ExchangeCase) -> Iterator[tuple[Fraction, str]]:
    """Yield (cost, sentence) for each mistake that can be made on the case, the likeliest first."""
    if case.charge is None or not case.charge.lines:
        return
    total = case.charge.exact_total
    lines = [line for line in case.charge.lines if not line.addon]
    rates = _rates(case)
    yield from _wrong_rate(lines, rates, total)
    yield from _wrong_count(case, lines, total)
    for times, word in ((2, "twice"), (3, "three times")):
        yield total * times, f"exactly {word} the right cost: the call was charged {word}"
    if len(lines) > 1:
        for line in lines:
            name, amount = f"{plain(line.billed)} {noun(line.quantity)}", exact_text(line.exact)
            yield total - line.exact, f"the {name} are not in it: their {amount} is missing"
            yield line.exact, f"only the {name} are in it: the rest of the call is missing"
    for factor, sentence in _FACTORS:
        yield total * factor, sentence


def _rates(case: ExchangeCase) -> Mapping[str, Mapping[str, Any]]:
    rates: dict[str, Mapping[str, Any]] = {}
    for entry in case_entries(case):
        if case.model in entry["models"]:
            rates.update(entry["rates"])
    return rates


def _at(rates: Mapping[str, Mapping[str, Any]], quantity: str) -> Fraction | None:
    rate = rates.get(quantity)
    return None if rate is None else Fraction(rate["amount"]) / Fraction(rate["per"])


def _wrong_rate(
    lines: list[ExpectedLine], rates: Mapping[str, Mapping[str, Any]], total: Fraction
) -> Iterator[tuple[Fraction, str]]:
    """Yield what the tokens cost at the rate of another modality, or twice."""
    at_text = total
    for line in lines:
        if line.quantity in {"audio_input_tokens", "audio_output_tokens"}:
            text = _at(rates, line.quantity.replace("audio_", "text_"))
            if text is None:
                continue
            count, name = Fraction(line.billed), f"{plain(line.billed)} {noun(line.quantity)}"
            at_text += count * text - line.exact
            yield total - line.exact + count * text, f"the {name} are billed at the text rate"
            yield total + count * text, f"the {name} are billed twice, at the audio rate and at the text rate"
        elif line.quantity.startswith("cached_"):
            fresh = _at(rates, line.quantity.removeprefix("cached_")) or _at(rates, "text_input_tokens")
            if fresh is not None:
                count, name = Fraction(line.billed), f"{plain(line.billed)} {noun(line.quantity)}"
                yield total - line.exact + count * fresh, f"the {name} are billed as fresh tokens"
                yield total + count * fresh, f"the {name} are billed twice, as cached and as fresh tokens"
    if at_text != total:
        yield at_text, "all audio tokens are billed at the text rate"


def _wrong_count(
    case: ExchangeCase, lines: list[ExpectedLine], total: Fraction
) -> Iterator[tuple[Fraction, str]]:
    """Yield what the call costs with another count of characters or another duration."""
    for line in lines:
        price = Fraction(line.amount) / Fraction(line.per) * Fraction(line.multiplier)
        rest, right = total - line.exact, Fraction(line.billed)
        counts = _characters(case) if line.quantity == "tts_characters" else _durations(case, line)
        for count, words in counts:
            if count != right:
                yield rest + count * price, f"{words}, where {plain(line.billed)} is right"


def _characters(case: ExchangeCase) -> Iterator[tuple[Fraction, str]]:
    body = case.exchange.get("request", {}).get("json", {})
    text = body.get("input") if hasattr(body, "get") else None
    if not isinstance(text, str):
        return
    octets, units = len(text.encode()), len(text.encode("utf-16-le")) // 2
    yield Fraction(octets), f"it is the price of {octets} characters, the bytes of the text in UTF-8"
    yield Fraction(units), f"it is the price of {units} characters, the text in UTF-16 units"
    solid = sum(not character.isspace() for character in text)
    yield Fraction(solid), f"it is the price of {solid} characters, the text without white space"
    instructions = body.get("instructions")
    if isinstance(instructions, str):
        both = len(text) + len(instructions)
        yield Fraction(both), f"it is the price of {both} characters, the text and the instructions together"


def _durations(case: ExchangeCase, line: ExpectedLine) -> Iterator[tuple[Fraction, str]]:
    if line.quantity != "audio_duration_seconds":
        return
    seconds = Fraction(line.billed)
    minutes = math.ceil(seconds / 60) * 60
    yield Fraction(minutes), f"it is the price of {minutes} seconds, the duration rounded up to whole minutes"
    stated = case.usage.quantities.get("media_duration_seconds") if case.usage else None
    if stated is not None:
        yield (
            Fraction(stated),
            f"it is the price of {plain(stated)} seconds, a duration that is information only",
        )
    for name, count in (("up", math.ceil(seconds)), ("down", math.floor(seconds)), ("off", round(seconds))):
        yield (
            Fraction(count),
            f"it is the price of {count} seconds, the duration rounded {name} to whole seconds",
        )
