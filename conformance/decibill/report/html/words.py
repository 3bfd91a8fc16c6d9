"""The words and signs of a page: an outcome is never told by its colour alone."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.outcome import Outcome
from decibill.report.html.markup import Html, el

if TYPE_CHECKING:
    from decibill.report.model import CaseRow

__all__ = ["FLAWS", "OUTCOMES", "case_class", "counted", "outcome_mark", "proper", "rounded", "sign"]

FLAWS: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_TESTABLE)
OUTCOMES: Final = {
    "fail": ("\u2717", "failed"),
    "error": ("!", "in error"),
    "not_testable": ("?", "not testable"),
    "recommendation": ("~", "against a recommendation"),
    "known": ("=", "known to fail"),
    "pass": ("\u2713", "passed"),
    "not_declared": ("\u2013", "not asked"),
}
"""How a case came out: its sign and its word, what matters most first."""


def case_class(row: CaseRow) -> str:
    """Return which of `OUTCOMES` a case is: a known failure and a recommendation are told apart."""
    if row.is_known:
        return "known"
    if row.is_recommendation:
        return "recommendation"
    return str(row.outcome)


def outcome_mark(outcome: str) -> Html:
    """Return the sign of an outcome, its word for those who do not see it."""
    mark, word = OUTCOMES[str(outcome)]
    return el(
        "span",
        el("span", mark, aria_hidden="true"),
        el("span", word, class_="unseen"),
        class_=f"sign {outcome}",
    )


def sign(outcome: str) -> Html:
    """Return an outcome as its sign and its word."""
    mark, word = OUTCOMES[str(outcome)]
    return el("span", el("span", mark, aria_hidden="true"), f" {word}", class_=f"sign {outcome}")


_FOUR: Final = Context(prec=4)
_NAMES: Final = {"openai": "OpenAI", "elevenlabs": "ElevenLabs", "gemini": "Gemini", "azure": "Azure"}


def proper(name: str) -> str:
    """Return the name of a provider, or any other word, as it is written."""
    return _NAMES.get(name, name.replace("_", " ").capitalize())


def rounded(number: Decimal) -> str:
    """Return a number to four figures, for where the exact one is near."""
    return plain(_FOUR.plus(number))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 case`` or ``2 cases``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
