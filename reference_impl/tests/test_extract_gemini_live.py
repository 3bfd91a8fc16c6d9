"""Gemini Live: a session is the sum of its frames with usage, and says what it could not sum."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.extract import extract
from tests.gemini_answers import answered, listed, parts, refusal, turn

SPOKEN = turn(modelTurn={"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}]})
TRANSCRIBED = turn(outputTranscription={"text": "Hello."})
TOOL_CALL = {"from": "server", "frame": {"toolCall": {"functionCalls": [{"name": "weather"}]}}}
SENT = {"from": "client", "frame": {"clientContent": {"turns": [], "turnComplete": True}}}
COMPLETE = {"turnComplete": True}


def live(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    setup = {"from": "client", "frame": {"setup": {"model": "models/gemini-2.5-flash-native-audio"}}}
    return answered(
        {"events": [setup, {"from": "server", "frame": {"setupComplete": {}}}, *events]}, "realtime", **more
    )


def usage(prompt: int, output: int | None, **more: Any) -> dict[str, Any]:
    counted = {} if output is None else {"responseTokenCount": output}
    total = {"promptTokenCount": prompt, **counted, "totalTokenCount": prompt + (output or 0)}
    lists = {"promptTokensDetails": listed(TEXT=prompt)}
    if output:
        lists["responseTokensDetails"] = listed(AUDIO=output)
    return {**total, **lists, **more}


def test_turns_add_up_with_the_context_of_each() -> None:
    record = extract(
        live(SPOKEN, turn(usage(1185, 44), **COMPLETE), SENT, SPOKEN, turn(usage(1251, 63), **COMPLETE))
    )

    assert record.quantities == {
        "input_tokens": 2436,
        "text_input_tokens": 2436,
        "audio_input_tokens": 0,
        "output_tokens": 107,
        "text_output_tokens": 0,
        "audio_output_tokens": 107,
        "total_tokens": 2543,
    }
    assert (record.unknown, record.flags) == ((), ())


def test_a_sum_has_the_weakest_basis_of_its_terms() -> None:
    bare = {"promptTokenCount": 50, "responseTokenCount": 9, "totalTokenCount": 59}
    record = extract(live(turn(usage(50, 9)), turn(bare)))

    assert parts(record, "input") == {
        "text": (50, "provider_reported"),
        "audio": (0, "derived"),
        "unattributed": (50, "derived"),
    }
    assert record.basis["input_tokens"] == "provider_reported"
    assert record.flags == ("details_missing",)


@pytest.mark.parametrize("complete", [{}, COMPLETE], ids=["increment", "turn"])
def test_usage_counts_with_and_without_the_end_of_a_turn(complete: dict[str, Any]) -> None:
    assert extract(live(turn(usage(25, 25), **complete))).quantities["total_tokens"] == 50


def test_vertex_names_its_output_like_generate_content() -> None:
    vertex = {
        "promptTokenCount": 32,
        "candidatesTokenCount": 87,
        "totalTokenCount": 119,
        "promptTokensDetails": listed(TEXT=32),
        "candidatesTokensDetails": listed(TEXT=12, AUDIO=75),
    }
    record = extract(live(turn(vertex, **COMPLETE), surface="vertex"))

    assert parts(record, "output") == {"text": (12, "provider_reported"), "audio": (75, "provider_reported")}


@pytest.mark.parametrize("total", [1234, 1262], ids=["thoughts outside", "thoughts inside"])
def test_thoughts_are_output_and_the_total_may_leave_them_out(total: int) -> None:
    counted = usage(1197, 37, thoughtsTokenCount=28) | {"totalTokenCount": total}
    record = extract(live(turn(counted, **COMPLETE)))

    assert parts(record, "output")["text"] == (28, "derived")
    assert (record.quantities["output_tokens"], record.quantities["total_tokens"]) == (65, 1262)
    assert record.flags == ()


def test_any_other_total_is_flagged() -> None:
    assert extract(live(turn(usage(20, 5) | {"totalTokenCount": 24}))).flags == ("total_mismatch",)


# Details


def test_details_above_the_count_are_cut_text_first_and_audio_last() -> None:
    above = usage(50, 50, promptTokensDetails=listed(TEXT=535, IMAGE=5, AUDIO=48))
    record = extract(live(turn(above)))

    assert parts(record, "input") == {
        "text": (0, "derived"),
        "audio": (48, "provider_reported"),
        "image": (2, "derived"),
    }
    assert record.flags == ("details_exceed_count",)


def test_audio_is_cut_when_nothing_else_is_left_to_cut() -> None:
    record = extract(live(turn(usage(50, 50, responseTokensDetails=listed(AUDIO=80)))))

    assert parts(record, "output") == {"text": (0, "derived"), "audio": (50, "derived")}


def test_details_below_the_count_leave_the_rest_unattributed() -> None:
    record = extract(live(turn(usage(482, 69, promptTokensDetails=listed(TEXT=360)))))

    assert parts(record, "input")["unattributed"] == (122, "derived")
    assert record.flags == ("details_short",)


# Output that nobody counts


@pytest.mark.parametrize("seen", [SPOKEN, TRANSCRIBED, TOOL_CALL], ids=["spoken", "transcribed", "tool call"])
@pytest.mark.parametrize("output", [None, 0], ids=["absent", "zero"])
def test_a_turn_that_shows_output_and_counts_none_is_flagged(
    seen: dict[str, Any], output: int | None
) -> None:
    record = extract(live(seen, turn(usage(187, output), **COMPLETE)))

    assert (record.quantities["output_tokens"], record.flags) == (0, ("output_not_counted",))


@pytest.mark.parametrize(
    "seen",
    [
        turn(modelTurn={"parts": [{"text": "thinking", "thought": True}]}),
        turn(modelTurn={"parts": []}),
        turn(modelTurn={"parts": ["…"]}),
        turn(modelTurn={}),
        turn(outputTranscription={"finished": True}),
        turn(inputTranscription={"text": "Hello."}),
        turn(generationComplete=True),
        {"from": "server", "frame": {"serverContent": None}},
    ],
    ids=["thought", "no parts", "no part", "no turn", "end", "input", "mark", "nothing"],
)
def test_what_is_no_visible_output_need_not_be_counted(seen: dict[str, Any]) -> None:
    assert extract(live(seen, turn(usage(187, 0), **COMPLETE))).flags == ()


def test_what_one_turn_showed_is_not_missed_in_the_next() -> None:
    record = extract(live(SPOKEN, turn(usage(20, 5), **COMPLETE), turn(usage(25, 0), **COMPLETE)))

    assert record.flags == ()


# Sessions that do not end well


def test_a_turn_that_was_dropped_leaves_the_session_unknown_beside_what_was_counted() -> None:
    record = extract(live(SPOKEN, turn(usage(20, 5), **COMPLETE), SENT, SPOKEN))

    assert (record.quantities["input_tokens"], record.quantities["output_tokens"]) == (20, 5)
    assert "total_tokens" not in record.quantities
    assert (record.unknown, record.flags) == (("input_tokens", "output_tokens"), ("session_incomplete",))


def test_the_tail_of_usage_in_increments_is_no_dropped_turn() -> None:
    record = extract(live(SPOKEN, turn(usage(50, 50)), SPOKEN))

    assert (record.unknown, record.flags) == ((), ())


@pytest.mark.parametrize("events", [[], [SENT], [SENT, SPOKEN]], ids=["nothing", "asked", "answered"])
def test_a_session_without_usage_is_unknown(events: list[dict[str, Any]]) -> None:
    record = extract(live(*events))

    assert (dict(record.quantities), record.unknown) == ({}, ("input_tokens", "output_tokens"))
    assert record.flags == ("session_incomplete",)


def test_what_is_unknown_of_one_turn_is_unknown_of_the_session() -> None:
    untold = {"promptTokenCount": 20, "totalTokenCount": 30, "promptTokensDetails": listed(TEXT=20)}
    record = extract(live(turn(usage(20, 5), **COMPLETE), turn(untold, **COMPLETE)))

    assert (record.quantities["input_tokens"], record.quantities["output_tokens"]) == (40, 5)
    assert record.unknown == ("output_tokens",)
    assert "total_tokens" not in record.quantities


# The transcript


def test_usage_that_the_client_sends_is_not_usage() -> None:
    own = {"from": "client", "frame": {"usageMetadata": usage(999, 999)}}

    assert extract(live(own, turn(usage(20, 5), **COMPLETE))).quantities["total_tokens"] == 25


def test_a_dump_in_snake_case_is_read_like_the_wire() -> None:
    def dumped(prompt: int, output: int) -> dict[str, Any]:
        return {
            "from": "server",
            "frame": {
                "server_content": {"turn_complete": True},
                "usage_metadata": {
                    "prompt_token_count": prompt,
                    "response_token_count": output,
                    "total_token_count": prompt + output,
                    "prompt_tokens_details": [{"modality": "TEXT", "token_count": prompt}],
                    "response_tokens_details": [{"modality": "TEXT", "token_count": output}],
                },
            },
        }

    record = extract(live(dumped(229, 25), dumped(260, 118)))

    assert (record.quantities["input_tokens"], record.quantities["text_output_tokens"]) == (489, 143)
    assert record.flags == ()


def test_the_tier_of_the_last_usage_is_the_tier_of_the_session() -> None:
    frames = [turn(usage(1, 1, trafficType=word)) for word in ("ON_DEMAND", "PROVISIONED_THROUGHPUT")]

    assert extract(live(*frames)).service_tier == "provisioned"


@pytest.mark.parametrize(
    ("response", "pointer"),
    [
        ({"json": {}}, "/response/json"),
        ({"events": {}}, "/response/events"),
        ({"events": [5]}, "/response/events/0"),
        ({"events": [{"frame": {}}]}, "/response/events/0/from"),
        ({"events": [{"from": "upstream", "frame": {}}]}, "/response/events/0/from"),
        ({"events": [{"from": "server"}]}, "/response/events/0/frame"),
    ],
    ids=["no session", "no list", "no frame", "no side", "unknown side", "nothing sent"],
)
def test_a_transcript_is_frames_with_their_sides(response: dict[str, Any], pointer: str) -> None:
    assert refusal(answered(response, "realtime")) == ("malformed_body", pointer)


def test_a_frame_that_contradicts_itself_is_refused_where_it_stands() -> None:
    wrong = usage(20, 5, cachedContentTokenCount=21)

    assert refusal(live(turn(usage(20, 5)), turn(wrong))) == (
        "inconsistent_usage",
        "/response/events/3/frame/usageMetadata/cachedContentTokenCount",
    )
