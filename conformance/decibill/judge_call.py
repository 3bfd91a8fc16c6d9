"""One call as the judges see it, and the words that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from decibill.statements import Kind, SourceObservation, Statement

if TYPE_CHECKING:
    from decibill.case import ExchangeCase
    from decibill.declaration import Declaration
    from decibill.plan import Instance

__all__ = ["Call", "RunFacts", "bare", "exact_text", "join_words", "noun", "plain", "said"]

_PLACES = 12


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the rest of the run has shown of each source: it tells *leaves it out* from *never works*."""

    numbers: Mapping[tuple[str, str], frozenset[str]] = field(
        default_factory=dict[tuple[str, str], frozenset[str]]
    )
    """(source, operation) → instances for which the source stated a cost as a number."""

    records: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Source → instances for which it kept a record."""

    def number_elsewhere(self, source: str, operation: str, instance: str) -> bool:
        """Say whether the source stated a number for another instance of the operation."""
        return bool(self.numbers.get((source, operation), frozenset()) - {instance})

    def record_elsewhere(self, source: str, instance: str) -> bool:
        """Say whether the source kept a record for another instance."""
        return bool(self.records.get(source, frozenset()) - {instance})


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the client, with what was seen of it."""

    instance: Instance
    declaration: Declaration
    facts: RunFacts
    sources: tuple[SourceObservation, ...]
    """In declared order."""

    refused: str | None = None
    """What the gateway answered instead, where the upstream answered well and the gateway did not."""

    @property
    def case(self) -> ExchangeCase:
        """The case."""
        return self.instance.case


def plain(number: Decimal | int) -> str:
    """Return a canonical decimal string: no exponent, no sign on zero, no trailing zeros after the point."""
    text = format(Decimal(number), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def bare(number: Fraction) -> Decimal:
    """Return *number* rounded half to even to 12 places, as a charge states it."""
    return Decimal(round(number * 10**_PLACES)).scaleb(-_PLACES)


def exact_text(number: Fraction) -> str:
    """Return *number* as a charge states it."""
    return plain(bare(number))


def said(statement: Statement | None) -> str:
    """Return what a statement says, in words."""
    if statement is None or statement.kind is Kind.NOTHING:
        return "nothing"
    if statement.kind is Kind.UNKNOWN:
        return "unknown"
    assert statement.value is not None
    return plain(statement.value)


def join_words(words: list[str]) -> str:
    """Return ``a``, ``a and b``, or ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def noun(quantity: str) -> str:
    """Return the name of a quantity in words, such as ``audio input tokens``."""
    if quantity == "audio_duration_seconds":
        return "seconds of audio"
    if quantity == "tts_characters":
        return "characters"
    return quantity.replace("_", " ")
