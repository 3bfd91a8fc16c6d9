"""Whatever the numbers: usage records, prices and charges drawn by Hypothesis for the tests of rules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.rating import entry

__all__ = [
    "AMOUNTS",
    "FAMILIES",
    "MODALITIES",
    "PERS",
    "TIMES",
    "decimals",
    "entries",
    "quantities",
    "tokens",
]

MODALITIES = ("text", "audio", "image", "video")
PERS = st.sampled_from(["1", "7", "60", "1000", "3600", "1000000", "0.3"])
TIMES = ("2025-06-01T00:00:00Z", "2025-05-31T23:59:59.999999Z")


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[str]:
    """Draw canonical decimal strings."""
    numbers = st.decimals(least, most, places=places).map(lambda found: format(found, "f"))
    return numbers.map(lambda text: (text.rstrip("0").rstrip(".") or "0") if "." in text else text)


AMOUNTS = st.one_of(st.just("0"), decimals("0", "100", 12), st.just("0.0000000000005"))

TOKEN_RATES = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    *(f"{modality}_input_tokens" for modality in (*MODALITIES, "unattributed")),
    *(f"cached_{modality}_input_tokens" for modality in MODALITIES),
    *("text_output_tokens", "audio_output_tokens", "reasoning_output_tokens", "unattributed_output_tokens"),
)
FAMILIES = {
    "audio_token_based": TOKEN_RATES,
    "audio_per_minute": ("audio_duration_seconds",),
    "audio_per_character": ("tts_characters",),
    "audio_per_credit": ("provider_credits",),
    "per_request": ("requests",),
}
COUNTS = st.integers(0, 10**6) | st.sampled_from([0, 1, 999_999_999_999])


@st.composite
def tokens(draw: st.DrawFn, *, loose: bool = True) -> dict[str, Any]:
    """Draw consistent token counts, every part stated; with *loose*, cached ones that no modality claims."""
    found: dict[str, Any] = {}
    room = 0
    for modality in MODALITIES:
        count = draw(COUNTS)
        cached = draw(st.integers(0, count))
        found[f"{modality}_input_tokens"] = count
        found[f"cached_{modality}_input_tokens"] = cached
        room += count - cached
    unattributed = draw(COUNTS)
    spare = draw(st.integers(0, room + unattributed)) if loose else 0
    found["input_tokens"] = sum(found[f"{modality}_input_tokens"] for modality in MODALITIES) + unattributed
    found["cached_input_tokens"] = (
        sum(found[f"cached_{modality}_input_tokens"] for modality in MODALITIES) + spare
    )
    text, audio, rest = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    found["reasoning_output_tokens"] = draw(st.integers(0, text))
    found |= {"text_output_tokens": text, "audio_output_tokens": audio, "output_tokens": text + audio + rest}
    return found


@st.composite
def quantities(draw: st.DrawFn, family: str, *, loose: bool = True) -> dict[str, Any]:
    """Draw what one call used, in the units of a family; the quantities are always the same ones."""
    fees = {"requests": draw(st.integers(0, 50)), "text_messages": draw(st.integers(0, 50))}
    if family == "audio_token_based":
        return {**draw(tokens(loose=loose)), **fees}
    if family == "audio_per_minute":
        return {"audio_duration_seconds": draw(decimals("0", "100000", 7)), **fees}
    if family == "audio_per_character":
        return {"tts_characters": draw(COUNTS), **fees}
    if family == "audio_per_credit":
        return {"provider_credits": draw(decimals("0", "100000", 4)), **fees}
    return fees


@st.composite
def entries(draw: st.DrawFn, family: str | None = None, *, modified: bool) -> dict[str, Any]:
    """Draw an entry, of any family by default; *modified*: with minimums, steps and tiers."""
    family = family or draw(st.sampled_from(sorted(FAMILIES)))
    names = draw(st.sets(st.sampled_from(FAMILIES[family]), min_size=1, max_size=7))
    rates = {name: draw(_rates(name, modified=modified)) for name in sorted(names)}
    if draw(st.booleans()):
        rates["text_messages"] = draw(_rates("text_messages", modified=False))
    addons = {
        "one": draw(st.none() | st.fixed_dictionaries({"percent": AMOUNTS})),
        "two": draw(st.none() | st.fixed_dictionaries({"amount": AMOUNTS, "per": PERS})),
    }
    asked = {name: addon for name, addon in addons.items() if addon}
    if modified and draw(st.booleans()):
        for addon in asked.values():
            addon["minimum"] = draw(st.sampled_from(["1", "10.5", "1000"]))
    more: dict[str, Any] = {"addons": asked} if asked else {}
    if draw(st.booleans()):
        more["multiplier"] = draw(st.sampled_from(["0.5", "1.1", "3", "0.000001"]))
    return entry(rates, **{**more, "pricing_model": family})


@st.composite
def _rates(draw: st.DrawFn, name: str, *, modified: bool) -> dict[str, Any]:
    rate: dict[str, Any] = {"amount": draw(AMOUNTS), "per": draw(PERS)}
    if draw(st.booleans()) and name == "audio_duration_seconds":
        rate["multiply_by"] = "audio_channels"
    if modified:
        optional = {
            "step": st.sampled_from(["1", "15", "0.1", "7"]),
            "minimum": st.sampled_from(["1", "10", "0.5", "1000"]),
            "tiers": st.just(
                {"by": name, "steps": [{"above": "10", "amount": "0.5"}, {"above": "1000", "amount": "0"}]}
            ),
        }
        for key in sorted(draw(st.sets(st.sampled_from(sorted(optional))))):
            rate[key] = draw(optional[key])
    return rate
