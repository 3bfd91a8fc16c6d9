"""Usage as Gemini states it is read whole or in pieces, with what stands beside its counts inside."""

from __future__ import annotations

from typing import Any

import pytest
from decibill.observe_body import usage_of


def details(**tokens: int) -> list[dict[str, Any]]:
    return [{"modality": modality, "tokenCount": count} for modality, count in tokens.items()]


def stated(*documents: Any) -> dict[str, Any]:
    return {name: value for name, (_, value) in usage_of(documents).items()}


def usage(**members: Any) -> dict[str, Any]:
    return {"usageMetadata": members}


@pytest.mark.parametrize(
    ("members", "quantities"),
    [
        ({"promptTokenCount": 9, "totalTokenCount": 9}, {"input_tokens": 9}),
        ({"promptTokenCount": 9, "toolUsePromptTokenCount": 4}, {"input_tokens": 13}),
        ({"toolUsePromptTokenCount": 4}, {"input_tokens": 4}),
        (
            {"candidatesTokenCount": 5, "thoughtsTokenCount": 7},
            {"output_tokens": 12, "reasoning_output_tokens": 7},
        ),
        ({"thoughtsTokenCount": 7}, {"output_tokens": 7, "reasoning_output_tokens": 7}),
        ({"responseTokenCount": 5}, {"output_tokens": 5}),
        (
            {"candidatesTokensDetails": details(TEXT=5, AUDIO=3), "thoughtsTokenCount": 7},
            {
                "text_output_tokens": 12,
                "audio_output_tokens": 3,
                "output_tokens": 7,
                "reasoning_output_tokens": 7,
            },
        ),
        (
            {"responseTokensDetails": details(AUDIO=3, IMAGE=4)},
            {"audio_output_tokens": 3},
        ),
        (
            {
                "promptTokensDetails": details(AUDIO=3, TEXT=4, DOCUMENT=2, VIDEO=1),
                "toolUsePromptTokensDetails": details(TEXT=6),
            },
            {
                "audio_input_tokens": 3,
                "text_input_tokens": 10,
                "image_input_tokens": 2,
                "video_input_tokens": 1,
            },
        ),
        (
            {"cachedContentTokenCount": 5, "cacheTokensDetails": details(AUDIO=3, TEXT=2)},
            {"cached_input_tokens": 5, "cached_audio_input_tokens": 3, "cached_text_input_tokens": 2},
        ),
        ({"promptTokensDetails": [{"modality": "AUDIO"}]}, {"audio_input_tokens": 0}),
        ({"promptTokensDetails": [{"tokenCount": 3}]}, {"text_input_tokens": 3}),
        ({"promptTokensDetails": [3, {"modality": "SMELL", "tokenCount": 4}]}, {}),
        ({"promptTokensDetails": {"AUDIO": 3}}, {}),
        (
            {"billablePromptUsage": {"audioDurationSeconds": 377, "textCount": 4}},
            {"media_duration_seconds": 377},
        ),
        ({"trafficType": "ON_DEMAND"}, {}),
    ],
)
def test_each_quantity_has_its_members(members: dict[str, Any], quantities: dict[str, Any]) -> None:
    assert stated(usage(**members)) == quantities


@pytest.mark.parametrize("count", ["12", None, 1.5, True])
def test_what_is_no_count_is_handed_on_to_be_called_so(count: object) -> None:
    members = {"promptTokenCount": count, "toolUsePromptTokenCount": 4}

    assert stated(usage(**members)) == {"input_tokens": 4 if count is None else count}


CHUNKS = [
    usage(cachedContentTokenCount=8, promptTokenCount=20, candidatesTokenCount=5),
    {"candidates": []},
    usage(promptTokenCount=20, candidatesTokenCount=9, cachedContentTokenCount=None),
    {"usageMetadata": None},
]


@pytest.mark.parametrize("documents", [CHUNKS, [CHUNKS]], ids=["events", "array"])
def test_of_a_stream_the_last_value_of_each_member_counts(documents: list[Any]) -> None:
    assert stated(*documents) == {"input_tokens": 20, "output_tokens": 9, "cached_input_tokens": 8}


def test_places_are_named() -> None:
    found = usage_of((usage(promptTokenCount=2, promptTokensDetails=details(AUDIO=2), thoughtsTokenCount=1),))

    assert {name: place for name, (place, _) in found.items()} == {
        "input_tokens": "/usageMetadata/promptTokenCount",
        "audio_input_tokens": "/usageMetadata/promptTokensDetails/AUDIO",
        "output_tokens": "/usageMetadata/thoughtsTokenCount",
        "reasoning_output_tokens": "/usageMetadata/thoughtsTokenCount",
    }


def test_an_answer_in_another_dialect_is_read_in_that() -> None:
    assert stated({"usage": {"prompt_tokens": 3}}) == {"input_tokens": 3}
