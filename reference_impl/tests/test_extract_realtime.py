"""Realtime sessions: the sum of their responses, and of the models that work beside them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord
from hypothesis import given
from hypothesis import strategies as st

TURN: dict[str, Any] = {
    "input_tokens": 139,
    "output_tokens": 61,
    "total_tokens": 200,
    "input_token_details": {
        "text_tokens": 43,
        "audio_tokens": 96,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 64, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 18, "audio_tokens": 43},
}
SECONDS = {"type": "duration", "seconds": 3}
TOKENS = {
    "type": "tokens",
    "input_tokens": 13,
    "output_tokens": 9,
    "total_tokens": 22,
    "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
}
COMPLETED = "conversation.item.input_audio_transcription.completed"
UNKNOWN_TOKENS = ("input_tokens", "output_tokens")


def session(*events: dict[str, Any], **more: Any) -> UsageRecord:
    return extract(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "realtime",
            "model": "gpt-realtime",
            "at": "2026-07-30T10:00:00Z",
            **more,
            "response": {"status": 101, "events": [{"from": "server", "frame": event} for event in events]},
        }
    )


def done(usage: Any = TURN, name: str | None = None, **more: Any) -> dict[str, Any]:
    named = {} if name is None else {"id": name}
    return {"type": "response.done", "response": {**named, "status": "completed", "usage": usage, **more}}


def created(name: str | None) -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": name, "status": "in_progress", "usage": None}}


def heard_by(model: str | None, event: str = "session.updated") -> dict[str, Any]:
    transcription = None if model is None else {"model": model, "language": None}
    return {
        "type": event,
        "session": {"type": "realtime", "audio": {"input": {"transcription": transcription}}},
    }


def heard_by_in_beta(model: str | None, event: str = "session.updated") -> dict[str, Any]:
    transcription = None if model is None else {"model": model}
    return {"type": event, "session": {"modalities": ["audio"], "input_audio_transcription": transcription}}


def heard(usage: Any = SECONDS, item: str | None = None, part: int = 0) -> dict[str, Any]:
    named = {} if item is None else {"item_id": item, "content_index": part}
    return {"type": COMPLETED, **named, "transcript": "…", "usage": usage}


def hearing(item: str | None = "i", ending: str = "delta") -> dict[str, Any]:
    named = {} if item is None else {"item_id": item, "content_index": 0}
    return {"type": COMPLETED.replace("completed", ending), **named}


def parts(record: UsageRecord) -> list[tuple[str | None, dict[str, Any], tuple[str, ...]]]:
    assert {part.operation for part in record.components} <= {"transcription"}
    return [(part.model, dict(part.quantities), part.unknown) for part in record.components]


# Responses


@pytest.mark.parametrize(
    ("provider", "surface"), [("openai", "api"), ("azure", "azure_openai"), ("azure", "voice_live")]
)
def test_a_session_is_the_sum_of_its_responses(provider: str, surface: str) -> None:
    record = session(done(), done(), provider=provider, surface=surface)

    assert record.quantities == {
        "input_tokens": 278,
        "text_input_tokens": 86,
        "audio_input_tokens": 192,
        "image_input_tokens": 0,
        "cached_input_tokens": 128,
        "cached_text_input_tokens": 0,
        "cached_audio_input_tokens": 128,
        "cached_image_input_tokens": 0,
        "output_tokens": 122,
        "text_output_tokens": 36,
        "audio_output_tokens": 86,
        "total_tokens": 400,
    }
    assert set(record.basis.values()) == {"provider_reported"}
    assert (record.unknown, record.flags, record.components) == ((), (), ())


def test_reasoning_is_inside_the_text_and_only_some_models_state_it() -> None:
    details = {"text_tokens": 33, "audio_tokens": 0, "reasoning_tokens": 17}
    thinking = {**TURN, "output_tokens": 33, "total_tokens": 172, "output_token_details": details}
    record = session(done(thinking), done())

    assert record.quantities["text_output_tokens"] == 51
    assert record.quantities["reasoning_output_tokens"] == 17


def test_cached_tokens_without_a_split_stay_without_one() -> None:
    """Servers of the beta state no split; that of the other responses is not theirs."""
    details = {
        key: value for key, value in TURN["input_token_details"].items() if key != "cached_tokens_details"
    }
    record = session(done(), done({**TURN, "input_token_details": details}))

    assert record.quantities["cached_input_tokens"] == 128
    assert record.quantities["cached_audio_input_tokens"] == 64


@pytest.mark.parametrize("status", ["completed", "cancelled", "failed", "incomplete"])
def test_a_response_counts_whatever_became_of_it(status: str) -> None:
    assert session(done(status=status)).quantities["total_tokens"] == 200


@pytest.mark.parametrize("status", ["completed", "cancelled", "failed"])
@pytest.mark.parametrize("usage", [None, {}], ids=["null", "empty"])
def test_a_response_that_says_nothing_of_its_tokens_leaves_them_unknown(status: str, usage: Any) -> None:
    record = session(done(), done(usage, status=status))

    assert record.quantities["input_tokens"] == 139
    assert "total_tokens" not in record.quantities
    assert (record.unknown, record.flags) == (UNKNOWN_TOKENS, ())


def test_a_response_without_the_object_of_its_name_says_nothing_of_its_tokens() -> None:
    assert session({"type": "response.done"}).unknown == UNKNOWN_TOKENS


def test_a_response_counts_once() -> None:
    record = session(done(name="r1"), done(name="r1"), done(name="r2"))

    assert record.quantities["total_tokens"] == 400


def test_responses_without_a_name_count_each() -> None:
    assert session(done(), done()).quantities["total_tokens"] == 400


def test_usage_that_is_null_when_a_response_begins_is_no_usage() -> None:
    record = session(created("r1"), done(name="r1"))

    assert (record.quantities["total_tokens"], record.unknown, record.flags) == (200, (), ())


@pytest.mark.parametrize("name", ["r2", None], ids=["named", "nameless"])
def test_a_response_that_never_ends_leaves_the_session_incomplete(name: str | None) -> None:
    record = session(created("r1"), done(name="r1"), created(name))

    assert record.quantities["input_tokens"] == 139
    assert "total_tokens" not in record.quantities
    assert (record.unknown, record.flags) == (UNKNOWN_TOKENS, ("session_incomplete",))


def test_a_response_that_is_said_to_begin_after_its_end_has_ended() -> None:
    assert session(done(name="r1"), created("r1")).flags == ()


def test_a_session_in_which_nothing_happened_used_nothing() -> None:
    record = session(heard_by(None, "session.created"), {"type": "rate_limits.updated", "rate_limits": []})

    assert (record.quantities, record.unknown, record.flags, record.components) == ({}, (), (), ())


def test_more_cached_than_there_was_is_refused_where_it_stands() -> None:
    details = {"cached_tokens": 384, "text_tokens": 119, "audio_tokens": 8}
    usage = {"input_tokens": 127, "output_tokens": 148, "input_token_details": details}

    with pytest.raises(DecibillReferenceError) as caught:
        session(done(), done(usage))

    assert caught.value.code == "inconsistent_usage"
    assert caught.value.pointer == (
        "/response/events/1/frame/response/usage/input_token_details/cached_tokens"
    )


def test_a_response_without_details_is_of_no_modality() -> None:
    record = session(done({"input_tokens": 8, "output_tokens": 5, "total_tokens": 13}), done())

    assert record.quantities["unattributed_input_tokens"] == 8
    assert record.quantities["text_input_tokens"] == 43
    assert record.flags == ("details_missing",)


def test_a_number_that_no_rule_reads_is_named() -> None:
    record = session(done({**TURN, "video_seconds": 4}))

    assert record.unread == ("/response/events/0/frame/response/usage/video_seconds",)


@given(st.permutations([done(name="a"), done(name="b"), done(name="b"), heard(item="i"), heard(item="j")]))
def test_the_order_of_what_is_billed_does_not_matter(events: list[dict[str, Any]]) -> None:
    record = session(heard_by("a"), *events)

    assert record.quantities["total_tokens"] == 400
    assert parts(record) == [("a", {"audio_duration_seconds": 6}, ())]


# The transcription of the input


@pytest.mark.parametrize("naming", [heard_by, heard_by_in_beta], ids=["now", "beta"])
@pytest.mark.parametrize(
    "event",
    ["session.updated", "session.created", "transcription_session.updated", "transcription_session.created"],
)
def test_the_input_is_transcribed_by_the_model_that_the_session_names(naming: Any, event: str) -> None:
    record = session(naming("gpt-realtime-whisper", event), heard(), done())

    assert record.quantities["total_tokens"] == 200
    assert parts(record) == [("gpt-realtime-whisper", {"audio_duration_seconds": 3}, ())]
    assert record.components[0].basis == {"audio_duration_seconds": "provider_billed"}


def test_the_last_naming_before_the_event_counts() -> None:
    record = session(heard_by("a"), heard(), heard_by("b"), heard(), heard_by("c"))

    assert parts(record) == [
        ("a", {"audio_duration_seconds": 3}, ()),
        ("b", {"audio_duration_seconds": 3}, ()),
    ]


def test_a_session_that_does_not_speak_of_its_input_changes_nothing() -> None:
    record = session(heard_by("a"), {"type": "session.updated", "session": {"audio": {}}}, heard())

    assert parts(record)[0][0] == "a"


@pytest.mark.parametrize(
    "events",
    [[], [heard_by("a"), heard_by(None)], [heard_by_in_beta("a"), heard_by_in_beta(None)]],
    ids=["never", "switched off", "switched off in beta"],
)
def test_without_a_name_the_model_is_unknown(events: list[dict[str, Any]]) -> None:
    assert parts(session(*events, heard())) == [(None, {"audio_duration_seconds": 3}, ())]


def test_a_deployment_is_the_model_behind_it() -> None:
    record = session(heard_by("my-ears"), heard(), aliases={"my-ears": "whisper-1"})

    assert parts(record)[0][0] == "whisper-1"


@pytest.mark.parametrize("aliases", [[], {"my-ears": 1}, {"my-ears": ""}], ids=repr)
def test_aliases_are_names_of_models(aliases: Any) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        session(aliases=aliases)

    assert caught.value.code == "unsupported_exchange"
    assert caught.value.pointer.startswith("/aliases")


def test_a_transcription_can_be_billed_by_tokens() -> None:
    record = session(heard_by("gpt-4o-transcribe"), heard(TOKENS), heard(TOKENS))

    assert parts(record) == [
        (
            "gpt-4o-transcribe",
            {
                "input_tokens": 26,
                "text_input_tokens": 0,
                "audio_input_tokens": 26,
                "output_tokens": 18,
                "text_output_tokens": 18,
                "audio_output_tokens": 0,
                "total_tokens": 44,
            },
            (),
        )
    ]


def test_tokens_and_seconds_of_one_model_are_two_components() -> None:
    record = session(heard_by("a"), heard(), heard(TOKENS), heard())

    assert [quantities.get("audio_duration_seconds") for _, quantities, _ in parts(record)] == [6, None]


def test_an_item_is_transcribed_once_in_each_of_its_parts() -> None:
    record = session(heard_by("a"), heard(item="i"), heard(item="i"), heard(item="i", part=1))

    assert parts(record) == [("a", {"audio_duration_seconds": 6}, ())]


def test_a_transcription_that_failed_is_not_billed() -> None:
    failed = {"type": COMPLETED.replace("completed", "failed"), "item_id": "i", "error": {"code": "x"}}
    record = session(heard_by("a"), failed, done())

    assert (record.components, record.unknown, record.flags) == ((), (), ())


def test_a_transcription_that_says_nothing_of_its_usage_leaves_it_unknown() -> None:
    record = session(heard_by("whisper-1"), heard(None), done())

    assert record.quantities["total_tokens"] == 200
    assert parts(record) == [("whisper-1", {}, ("audio_duration_seconds",))]


@pytest.mark.parametrize("item", ["i", None], ids=["named", "nameless"])
def test_a_transcription_that_never_ends_leaves_the_session_incomplete(item: str | None) -> None:
    """A client that leaves before the end has been listened to all the same (AUB-OAI-085d)."""
    record = session(heard_by("a"), heard(item="h"), hearing(item), hearing(item), heard_by("b"), done())

    assert record.flags == ("session_incomplete",)
    assert record.unknown == ()
    assert parts(record) == [("a", {"audio_duration_seconds": 3}, ("audio_duration_seconds",))]


@pytest.mark.parametrize(
    "events",
    [
        [hearing(), heard(item="i")],
        [hearing(), heard(item="i"), hearing()],
        [hearing(), hearing(ending="failed"), heard(item="j")],
        [hearing(None), heard()],
    ],
    ids=["completed", "in another order", "failed", "nameless"],
)
def test_a_transcription_that_ended_is_not_open(events: list[dict[str, Any]]) -> None:
    record = session(heard_by("a"), *events)

    assert parts(record) == [("a", {"audio_duration_seconds": 3}, ())]
    assert record.flags == ()


def test_a_session_that_only_transcribes_has_components_alone() -> None:
    record = session(heard_by("gpt-4o-transcribe"), heard(TOKENS), model="gpt-4o-transcribe")

    assert (record.quantities, record.unknown, record.flags) == ({}, (), ())
    assert len(record.components) == 1


def test_responses_that_used_nothing_beside_a_transcription_are_no_zero_usage() -> None:
    nothing = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}

    assert "zero_usage" in session(done(nothing)).flags
    assert "zero_usage" not in session(heard_by("a"), heard(), done(nothing)).flags


# Sessions by the clock


def clock(seconds: Any, event: str = "session.usage.updated") -> dict[str, Any]:
    return {"type": event, "usage": {"seconds": seconds}, "context_window": {"usage_ratio": 0.42}}


def test_the_seconds_of_a_live_session_are_the_last_that_were_said_and_no_sum() -> None:
    record = session(clock(12), clock(60.5), clock(128, "session.closed"))

    assert record.quantities == {"audio_duration_seconds": 128}
    assert record.basis == {"audio_duration_seconds": "provider_billed"}
    assert (record.unknown, record.flags) == ((), ())


def test_a_live_session_that_was_not_closed_is_incomplete() -> None:
    record = session(clock(12), clock(60))

    assert record.quantities == {"audio_duration_seconds": 60}
    assert (record.unknown, record.flags) == ((), ("session_incomplete",))


def test_a_live_session_that_says_nothing_of_its_time_leaves_it_unknown() -> None:
    record = session({"type": "session.started"}, request={"path": "/v1/live/sessions"})

    assert (record.quantities, record.unknown) == ({}, ("audio_duration_seconds",))
    assert record.flags == ("session_incomplete",)


@pytest.mark.parametrize(
    "request_", [{"path": "/v1/live/sessions"}, {"path": "/v1/realtime/translations?model=x"}], ids=repr
)
def test_the_path_tells_a_session_by_the_clock_that_broke_off_at_once(request_: dict[str, Any]) -> None:
    assert session(request=request_).unknown == ("audio_duration_seconds",)


@pytest.mark.parametrize("path", ["/v1/realtime", "/voice-live/realtime", None])
def test_other_paths_are_of_sessions_by_tokens(path: str | None) -> None:
    assert session(request={"path": path}).unknown == ()


@pytest.mark.parametrize(
    ("event", "read"),
    [("response.completed", True), ("response.incomplete", True), ("response.created", False)],
)
def test_what_a_live_session_delegates_is_a_component_of_the_other_model(event: str, read: bool) -> None:
    usage = {"input_tokens": 900, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 60}
    work = {"id": "r1", "model": "backend", "usage": usage}
    told = {"type": "response.event", "event": {"type": event, "response": work}}
    record = session(told, told, clock(30, "session.closed"), aliases={"backend": "gpt-5.6"})

    assert record.quantities == {"audio_duration_seconds": 30}
    assert [
        (part.operation, part.model, part.quantities["unattributed_input_tokens"])
        for part in record.components
    ] == ([("chat", "gpt-5.6", 900)] if read else [])


def test_delegated_work_that_says_nothing_of_its_tokens_leaves_them_unknown() -> None:
    told = {"type": "response.event", "event": {"type": "response.completed", "response": {"usage": None}}}
    record = session(told, clock(30, "session.closed"))

    assert [(part.model, part.unknown) for part in record.components] == [(None, UNKNOWN_TOKENS)]


@pytest.mark.parametrize("event", [{}, {"event": {"type": "response.completed"}}], ids=["nothing", "no work"])
def test_an_event_of_another_model_without_its_work_used_nothing(event: dict[str, Any]) -> None:
    assert session({"type": "response.event", **event}).components == ()


def test_a_translation_session_never_says_what_it_used() -> None:
    start = {"type": "session.created", "session": {"type": "translation"}}
    record = session(start, {"type": "session.output_transcript.delta"}, {"type": "session.closed"})

    assert (record.quantities, record.unknown) == ({}, ("audio_duration_seconds",))
    assert (record.flags, record.components) == ((), ())


def test_a_number_beside_the_seconds_is_named() -> None:
    told = {"type": "session.closed", "usage": {"seconds": 30, "standby_seconds": 5}}

    assert session(told).unread == ("/response/events/0/frame/usage/standby_seconds",)


# Anything

WORDS = st.sampled_from(
    [
        "session.updated",
        "session.closed",
        "session.usage.updated",
        "response.created",
        "response.done",
        "response.event",
        COMPLETED,
        "error",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "usage", "session", "response", "audio", "input", "transcription", "model"]
            )
            | st.sampled_from(["input_tokens", "output_tokens", "seconds", "type", "event", "cached_tokens"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.builds(
            lambda word, body: {"item_id": "i", **body, "type": word},
            WORDS,
            st.dictionaries(
                st.sampled_from(["usage", "session", "response", "event", "content_index"]), JSON
            ),
        ),
        max_size=4,
    )
)
def test_whatever_a_server_sends_is_read_or_refused(events: list[dict[str, Any]]) -> None:
    with suppress(DecibillReferenceError):
        record = session(*events)
        assert UsageRecord.from_json(record.to_json()) == record
