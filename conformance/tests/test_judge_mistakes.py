"""A wrong cost is explained by the mistake that gives it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.judge_breaks import broken_by
from decibill.judge_mistakes import AT_TEXT_RATE, COMPONENT_AT_SESSION_PRICE, COMPONENT_LOST, recognise
from tests.scene import case, found, ledger

REQUEST = "/given/upstream/0/answers/0/exchange/request/json"
TOKENS = case()
CACHED = case(
    **{
        "/then/charge/lines/0/quantity": "cached_text_input_tokens",
        "/then/charge/lines/0/amount": "1.6",
        "/then/charge/lines/0/subtotal": "0.0012544",
        "/then/charge/total": "0.0039804",
    }
)


def _one_line(quantity: str, model: str, rate: tuple[str, str], count: str, **more: Any) -> ExchangeCase:
    amount, per = rate
    line = {"model": model, "quantity": quantity, "measured": count, "billed": count}
    line |= {"amount": amount, "per": per, "subtotal": "0.1"}
    return case(
        **{
            "/given/upstream/0/answers/0/exchange/model": model,
            "/then/charge/lines": [line],
            "/then/usage/quantities": {quantity: count if "." in count else int(count)},
            "/then/usage/basis": {quantity: "request"},
            **more,
        }
    )


SPEECH = _one_line(
    "tts_characters",
    "tts-1",
    ("17.2", "1000000"),
    "5",
    **{REQUEST: {"input": "né \N{SPEAKER}.", "instructions": "Slow."}},
)
SECONDS = _one_line("audio_duration_seconds", "whisper-1", ("0.0102", "60"), "8.47")
TOTALS = case(
    **{
        "/then/usage/quantities/input_tokens": 784,
        "/then/usage/quantities/output_tokens": 235,
        "/then/charge/lines/1/quantity": "audio_output_tokens",
        "/then/charge/lines/1/amount": "67.6",
    }
)
SPLIT = case(
    **{
        "/given/prices": "price-books/chat-cached.json",
        "/given/upstream/0/answers/0/exchange/model": "gpt-audio",
        "/then/usage/quantities": {"input_tokens": 400, "cached_input_tokens": 128, "output_tokens": 0},
        "/then/charge/lines": [
            {
                "model": "gpt-audio",
                "quantity": f"{kind}_input_tokens",
                "measured": count,
                "billed": count,
                "amount": amount,
                "per": "1000000",
                "subtotal": "0.1",
            }
            for kind, count, amount in (
                ("text", "52", "2.6"),
                ("audio", "220", "31.6"),
                ("cached_text", "48", "1.3"),
                ("cached_audio", "80", "7.9"),
            )
        ],
    }
)
assert SPLIT.charge
VIDEO = replace(SPLIT.charge.lines[0], quantity="video_input_tokens", billed=Decimal(30), amount=Decimal(3))
SPLIT_VIDEO = replace(SPLIT, charge=replace(SPLIT.charge, lines=(*SPLIT.charge.lines, VIDEO)))
INFORMATION = _one_line(
    "audio_duration_seconds",
    "whisper-1",
    ("0.0102", "60"),
    "9",
    **{"/then/usage/quantities/media_duration_seconds": "8.47"},
)
LYING = next(
    each
    for each in load_cases()
    if isinstance(each, ExchangeCase) and each.id == "openai/transcription-whisper-header-says-3600s"
)
UPLOAD = _one_line(
    "audio_duration_seconds",
    "whisper-1",
    ("0.0102", "60"),
    "2",
    **{
        REQUEST.removesuffix("json") + "form": {"file": {"media_file": "audio/x.wav", "media_seconds": "1.7"}}
    },
)
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.mark.parametrize(
    ("of", "billed", "because"),
    [
        pytest.param(
            TOKENS,
            "0.0052348",
            "the 784 audio input tokens are billed at the text rate",
            id="audio at the text rate",
        ),
        pytest.param(
            TOKENS,
            "0.0110364",
            "the 784 audio input tokens are billed twice, at the audio rate and at the text rate",
            id="audio twice",
        ),
        pytest.param(
            TOKENS, "0.0170552", "exactly twice the right cost: the call was charged twice", id="call twice"
        ),
        pytest.param(
            TOKENS,
            "0.002726",
            "the 784 audio input tokens are not in it: their 0.0058016 is missing",
            id="a line missing",
        ),
        pytest.param(
            TOKENS,
            "8527.6",
            "a million times the right cost: the price per million was used per unit",
            id="price per unit",
        ),
        pytest.param(
            CACHED,
            "0.0052348",
            "the 784 cached text input tokens are billed as fresh tokens",
            id="cached as fresh",
        ),
        pytest.param(
            SPEECH,
            "0.0001548",
            "it is the price of 9 characters, the bytes of the text in UTF-8, where 5 is right",
            id="bytes",
        ),
        pytest.param(
            SPEECH,
            "0.0001032",
            "it is the price of 6 characters, the text in UTF-16 units, where 5 is right",
            id="UTF-16 units",
        ),
        pytest.param(
            SPEECH,
            "0.000075",
            "the usage is billed at the public list price (openai/tts-1/2023-11), not at the configured one",
            id="list price",
        ),
        pytest.param(
            SPEECH,
            "0.00006",
            "it is the price of 4, the text without white space, "
            "at the public list price (openai/tts-1/2023-11), not at the configured one",
            id="list price and no white space",
        ),
        pytest.param(
            UPLOAD,
            "0.000289",
            "it is the price of 1.7 seconds, the length of the upload, where 2 is right",
            id="upload",
        ),
        pytest.param(
            LYING,
            "0.612",
            "it is the price of 3600 seconds, the length that the upload's header claims, where 2 is right",
            id="claimed length",
        ),
        pytest.param(
            SPEECH,
            "0.0000688",
            "it is the price of 4 characters, the text without white space, where 5 is right",
            id="no white space",
        ),
        pytest.param(
            SPEECH,
            "0.000172",
            "it is the price of 10 characters, the text and the instructions together, where 5 is right",
            id="instructions",
        ),
        pytest.param(
            SECONDS,
            "0.0102",
            "it is the price of 60 seconds, the duration rounded up to whole minutes, where 8.47 is right",
            id="whole minutes",
        ),
        pytest.param(
            SECONDS,
            "0.00153",
            "it is the price of 9 seconds, the duration rounded up to whole seconds, where 8.47 is right",
            id="whole seconds",
        ),
        pytest.param(
            SECONDS,
            "0.086394",
            "60 times the right cost: a price per minute was used per second",
            id="minutes for seconds",
        ),
        pytest.param(
            SECONDS,
            "1.4399",
            "1000 times the right cost: milliseconds were taken for seconds",
            id="milliseconds for seconds",
        ),
        pytest.param(
            SECONDS,
            "0.0000014399",
            "a thousandth of the right cost: seconds were taken for milliseconds",
            id="seconds for milliseconds",
        ),
        pytest.param(
            TOTALS,
            "0.0052348",
            "all tokens, audio included, are billed at the text rates",
            id="totals alone",
        ),
        pytest.param(
            SPLIT_VIDEO,
            "0.0009636",
            "all audio is billed at the text rates, cached audio as cached text",
            id="fresh and cached audio at the text rates",
        ),
        pytest.param(
            SPLIT,
            "0.00974",
            "all cached tokens are billed as fresh tokens",
            id="all cached as fresh",
        ),
        pytest.param(
            SPLIT,
            "0.0008736",
            "all tokens, audio included, are billed at the text rates",
            id="totals alone, cached ones cheaper",
        ),
        pytest.param(
            SPLIT,
            "0.00104",
            "all tokens, audio included, are billed at the text rates, and the cached ones as fresh",
            id="totals alone, cached ones as fresh",
        ),
        pytest.param(
            SPLIT,
            "0.0079064",
            "the 48 cached text input tokens are billed twice, as cached and as fresh tokens",
            id="cached twice",
        ),
        pytest.param(
            INFORMATION,
            "0.0014399",
            "it is the price of 8.47 seconds, a duration that is information only, where 9 is right",
            id="a duration that is information",
        ),
        pytest.param(
            TOKENS,
            "0.009",
            f"the right sum is 784 audio input tokens {TIMES} 7.4 / 1000000 + "
            f"235 text output tokens {TIMES} 11.6 / 1000000 = 0.0085276",
            id="no known mistake",
        ),
    ],
)
def test_the_mistake_is_named(of: ExchangeCase, billed: str, because: str) -> None:
    assert found("cost", of, ledger(billed)).because == because


@pytest.mark.parametrize("near", ["0.0052349", "0.0052347"])
def test_a_number_beside_a_mistake_is_not_explained_by_it(near: str) -> None:
    assert "the right sum is" in found("cost", TOKENS, ledger(near)).because


@pytest.mark.parametrize(
    ("cost", "cause", "words"),
    [
        ("0.00714664", COMPONENT_LOST, "are not in it: their 0.0002006 is missing"),
        ("0.00773284", COMPONENT_AT_SESSION_PRICE, "are billed at the prices of gpt-realtime"),
    ],
)
def test_the_transcription_of_a_session_s_input_is_told_from_the_rest(
    cost: str, cause: str, words: str
) -> None:
    name = "openai/realtime-transcription-in-tokens"
    of = next(each for each in load_cases() if each.id == name)
    assert isinstance(of, ExchangeCase)
    mistake = recognise(of, Fraction(cost))
    assert mistake is not None
    assert mistake.cause == cause
    used = "13 audio input tokens and 9 text output tokens of gpt-4o-transcribe"
    assert mistake.words == f"the {used} {words}"
    assert "AUB-OAI-17ce" in broken_by(of, cause)


@pytest.mark.parametrize(
    ("name", "cost", "count"),
    [
        ("chat-cached-audio-without-rate", "0.0173492", 80),  # 80 at 1.35 for 31.8 a million
        ("chat-cached-split-no-rates", "0.0032512", 40),  # 40 at 2.8 for 33.2
        ("chat-cached-without-rate", "0.0108524", 24),  # 1024 cached, of which 1000 can be text
        ("chat-cached-without-split", "0.0088928", 24),  # 24 at 1.3 for 7.9
    ],
)
def test_cached_audio_as_cached_text_is_recognised(name: str, cost: str, count: int) -> None:
    of = next(each for each in load_cases() if each.id == f"openai/{name}")
    assert isinstance(of, ExchangeCase)
    mistake = recognise(of, Fraction(cost))
    assert mistake is not None
    assert mistake.cause == AT_TEXT_RATE
    assert mistake.words == f"the {count} cached audio tokens are billed as cached text"
