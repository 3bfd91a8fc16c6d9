"""Defects in counting the characters of speech."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.charge import rate
from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import requested, with_quantities
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from decibill_reference.charge_record import Charge
    from decibill_reference.defects.edits import Exchange, Json, Read
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

__all__ = ["CHARACTERS"]

_CHARACTERS: Final = "tts_characters"
_CHARACTERS_A_TOKEN: Final = 4


def _counted(count: Callable[[str, Json], int]) -> Read:
    """Return a reading that counts the characters of the text by *count*, given the text and its request."""

    def read(exchange: Exchange) -> UsageRecord:
        usage = extract(exchange)
        request = requested(exchange)
        text: Any = request.get("input", request.get("text"))
        if _CHARACTERS not in usage.quantities or not isinstance(text, str):
            return usage
        return usage._replace(quantities={**usage.quantities, _CHARACTERS: count(text, request)})

    return read


def _tokens_guessed(usage: UsageRecord, book: PriceBook) -> Charge:
    charge = rate(usage, book)
    characters = usage.quantities.get(_CHARACTERS)
    if charge.status != "unmetered" or usage.operation != "speech" or characters is None:
        return charge
    tokens = int(characters) // _CHARACTERS_A_TOKEN
    heard = 20 * tokens
    guessed = {
        "text_input_tokens": tokens,
        "input_tokens": tokens,
        "audio_output_tokens": heard,
        "output_tokens": heard,
    }
    return rate(with_quantities(usage, guessed), book)


CHARACTERS = (
    Defect(
        "wrong-character-count",
        "characters are counted in UTF-8 bytes",
        "character-counting",
        "https://github.com/AceDataCloud/Nexior/pull/1412",
        ("AUB-ELV-f571", "AUB-EXT-3ad2"),
        replace(SOUND, read=_counted(lambda text, _: len(text.encode()))),
    ),
    Defect(
        "utf16-units-counted",
        "characters are counted in UTF-16 units, as a string's length is in some languages",
        "character-counting",
        "https://github.com/receptron/mulmocast-cli/issues/1420",
        ("AUB-ELV-f571", "AUB-EXT-3ad2"),
        replace(SOUND, read=_counted(lambda text, _: len(text.encode("utf-16-le")) // 2)),
    ),
    Defect(
        "white-space-not-counted",
        "white space is taken out before characters are counted",
        "character-counting",
        "https://github.com/BerriAI/litellm/pull/38343",
        ("AUB-ELV-26be", "AUB-ELV-f571", "AUB-EXT-3ad2", "AUB-GWY-e8e3", "AUB-OAI-a103"),
        replace(SOUND, read=_counted(lambda text, _: len("".join(text.split())))),
    ),
    Defect(
        "instructions-counted",
        "the instructions for the voice are counted with the text",
        "character-counting",
        None,
        ("AUB-OAI-a103",),
        replace(
            SOUND, read=_counted(lambda text, request: len(text) + len(request.get("instructions") or ""))
        ),
    ),
    Defect(
        "speech-tokens-guessed",
        "speech that states no usage is charged by tokens worked out from its text",
        "surface-disagreement",
        "https://github.com/QuantumNous/new-api/pull/2434",
        ("AUB-CHG-a645", "AUB-EXT-dd4f", "AUB-OAI-68af"),
        replace(SOUND, rate=_tokens_guessed),
    ),
)
"""Defects of this kind."""
