from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import Exchange, header, media_type

ROOT = Path(__file__).parents[2] / "fixtures"


def an_exchange(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "provider": "openai",
        "surface": "api",
        "operation": "transcription",
        "model": "whisper-1",
        "at": "2025-11-05T10:24:03Z",
        "response": {"status": 200, "json": {"text": "hello"}},
    }
    return {member: value for member, value in {**base, **changes}.items() if value is not ...}


def body_of(response: dict[str, Any], root: Path | None = None) -> Any:
    return Exchange.open(an_exchange(response=response), root).body()


def refusal(call: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        call(*args)
    return caught.value.code, caught.value.pointer


# The head


@pytest.mark.parametrize("member", ["provider", "surface", "operation", "model"])
@pytest.mark.parametrize("value", [..., None, "", 7], ids=repr)
def test_an_exchange_says_who_was_asked_for_what(member: str, value: object) -> None:
    assert refusal(Exchange.open, an_exchange(**{member: value})) == ("unsupported_exchange", f"/{member}")


@pytest.mark.parametrize(
    "at",
    [
        ...,
        None,
        1762338243,
        "",
        "2025-11-05",
        "2025-11-05T10:24:03",
        "2025-11-05T10:24:03+01:00",
        "2025-02-30T10:24:03Z",
    ],
    ids=repr,
)
def test_an_exchange_without_an_instant_in_utc_has_no_prices(at: object) -> None:
    assert refusal(Exchange.open, an_exchange(at=at)) == ("missing_time", "/at")


@pytest.mark.parametrize("at", ["2025-11-05T10:24:03Z", "2024-02-29T23:59:59.123456Z"])
def test_the_instant_is_kept_as_given(at: str) -> None:
    assert Exchange.open(an_exchange(at=at)).at == at


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"response": ...}, "/response"),
        ({"response": []}, "/response"),
        ({"request": "POST"}, "/request"),
        ({"region": 1}, "/region"),
        ({"response": {"status": "200", "json": {}}}, "/response/status"),
        ({"response": {"status": True, "json": {}}}, "/response/status"),
        ({"response": {"status": 99, "json": {}}}, "/response/status"),
    ],
    ids=["no response", "response", "request", "region", "text status", "boolean status", "small status"],
)
def test_a_head_of_another_shape_is_not_an_exchange(changes: dict[str, Any], pointer: str) -> None:
    assert refusal(Exchange.open, an_exchange(**changes)) == ("unsupported_exchange", pointer)


@pytest.mark.parametrize("value", [None, [], "text", 5], ids=repr)
def test_what_is_not_an_object_is_not_an_exchange(value: object) -> None:
    assert refusal(Exchange.open, value) == ("unsupported_exchange", "")


# Headers


def test_header_names_are_compared_without_case() -> None:
    assert header({"headers": {"Content-TYPE": " audio/mpeg "}}, "content-type") == "audio/mpeg"


@pytest.mark.parametrize("headers", [{}, {"content-type": ""}, {"content-type": "  "}, None], ids=repr)
def test_an_empty_header_is_absent(headers: object) -> None:
    assert header({"headers": headers}, "content-type") is None


def test_a_content_type_is_told_apart_from_its_parameters() -> None:
    assert (
        media_type({"headers": {"content-type": "Text/Event-Stream; charset=utf-8"}}) == "text/event-stream"
    )


# Bodies


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ({"json": {"text": ""}}, "json"),
        ({"json": {"text": ""}, "headers": {"content-type": "text/plain"}}, "json"),
        ({"text": "1\n00:00"}, "text"),
        ({"text": '{"text": ""}'}, "text"),
        ({"text": '{"text": ""}', "headers": {"content-type": "application/json; charset=utf-8"}}, "json"),
        ({"text": '{"text": ""}', "headers": {"content-type": "application/problem+json"}}, "json"),
        ({"text": "data: {}\n\n", "headers": {"content-type": "text/event-stream"}}, "sse"),
        ({"sse": "data: {}\n\n"}, "sse"),
        ({"sse": "\ufeff {}", "headers": {"content-type": "text/event-stream"}}, "json"),
        ({"sse": "{}", "headers": {"content-type": "application/json"}}, "json"),
        ({"events": []}, "events"),
        ({"media": {"content_type": "audio/mpeg"}}, "media"),
    ],
)
def test_a_body_is_what_it_is(response: dict[str, Any], kind: str) -> None:
    assert body_of({"status": 200, **response}).kind == kind


@pytest.mark.parametrize(
    ("response", "pointer"),
    [
        ({"text": "<html>", "headers": {"content-type": "application/json"}}, "/response/text"),
        ({"sse": "data: {}\n\n", "headers": {"content-type": "application/json"}}, "/response/sse"),
        ({"sse": '{"text": "cut'}, "/response/sse"),
    ],
    ids=["html", "stream", "cut"],
)
def test_a_body_that_is_not_what_its_content_type_says_is_malformed(
    response: dict[str, Any], pointer: str
) -> None:
    assert refusal(body_of, {"status": 200, **response}) == ("malformed_body", pointer)


@pytest.mark.parametrize(
    "response", [{}, {"json": {}, "text": ""}, {"json": {}, "json_file": "x.json"}], ids=repr
)
def test_a_response_has_exactly_one_body(response: dict[str, Any]) -> None:
    assert refusal(body_of, {"status": 200, **response}) == ("unsupported_exchange", "/response")


@pytest.mark.parametrize("response", [{"text": 5}, {"sse": None}, {"media": "x.mp3"}], ids=repr)
def test_a_body_of_another_shape_is_refused_at_its_place(response: dict[str, Any]) -> None:
    (member,) = response
    assert refusal(body_of, response) == ("unsupported_exchange", f"/response/{member}")


# Files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    inside = tmp_path / "fixtures"
    (inside / "upstream").mkdir(parents=True)
    (tmp_path / "secret.json").write_text('{"text": "not yours"}')
    (inside / "upstream" / "answer.json").write_text('{"text": "yours", "usage": {"n": 1, "n": 2}}')
    (inside / "upstream" / "stream.sse").write_bytes(b"data: a\r\n\r\ndata: \xe2\x82")
    (inside / "upstream" / "session.json").write_text('[{"from": "server", "frame": {}}]')
    (inside / "upstream" / "request.json").write_text('{"input": "hello"}')
    (inside / "leak.json").symlink_to(tmp_path / "secret.json")
    (inside / "way-out").symlink_to(tmp_path, target_is_directory=True)
    return inside


def test_a_file_holds_the_exact_bytes_of_the_wire(root: Path) -> None:
    assert body_of({"sse_file": "upstream/stream.sse"}, root).value == "data: a\r\n\r\ndata: \ufffd"


def test_a_file_of_frames_is_read_as_json(root: Path) -> None:
    assert body_of({"events_file": "upstream/session.json"}, root).kind == "events"


def test_a_refusal_points_into_the_body_not_to_the_file(root: Path) -> None:
    got = refusal(body_of, {"json_file": "upstream/answer.json"}, root)

    assert got == ("duplicate_key", "/response/json/usage/n")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.json",
        "upstream/../../secret.json",
        "leak.json",
        "way-out/secret.json",
        "/etc/hostname",
        "\0",
        "",
        5,
        None,
    ],
    ids=repr,
)
def test_a_file_outside_the_root_is_never_read(root: Path, name: object) -> None:
    assert refusal(body_of, {"json_file": name}, root) == ("unsupported_exchange", "/response/json_file")


@pytest.mark.parametrize("name", ["absent.json", "upstream"])
def test_a_file_that_cannot_be_read_is_refused_by_its_name(root: Path, name: str) -> None:
    with pytest.raises(DecibillReferenceError, match=f"{name} cannot be read") as caught:
        body_of({"json_file": name}, root)

    assert caught.value.pointer == "/response/json_file"
    assert str(root) not in caught.value.message


def test_without_a_root_there_are_no_files() -> None:
    assert refusal(body_of, {"json_file": "x.json"}) == ("unsupported_exchange", "/response/json_file")


# Requests and media


def opened(request: object, root: Path | None = None) -> Exchange:
    return Exchange.open(an_exchange(request=request), root)


@pytest.mark.parametrize(
    "request_",
    [{"json": {"input": "hello"}}, {"form": {"input": "hello"}}, {"json_file": "upstream/request.json"}],
)
def test_the_request_is_an_object_or_a_form(request_: dict[str, Any], root: Path) -> None:
    assert opened(request_, root).request_object() == {"input": "hello"}


@pytest.mark.parametrize("request_", [None, {}, {"json": ["x"]}, {"text": "<speak/>"}], ids=repr)
def test_a_request_without_an_object_says_nothing(request_: object) -> None:
    assert opened(request_).request_object() == {}


def test_a_request_file_that_holds_no_object_says_nothing(root: Path) -> None:
    assert opened({"json_file": "upstream/session.json"}, root).request_object() == {}


def media_seconds(media: dict[str, Any], root: Path | None) -> Decimal | None:
    return opened({}, root).media_seconds(media, "/request/form/file")


def test_media_is_measured_where_it_is_there() -> None:
    claimed = {"media_file": "audio/tone-1.7s.wav", "media_seconds": "99"}

    assert media_seconds(claimed, ROOT) == Decimal("1.7")


@pytest.mark.parametrize("media_root", [None, ROOT], ids=["no root", "root"])
def test_a_tree_without_audio_states_the_length(media_root: Path | None) -> None:
    assert media_seconds({"media_file": "audio/absent.wav", "media_seconds": "78.4"}, media_root) == Decimal(
        "78.4"
    )


@pytest.mark.parametrize(
    "media", [{}, {"media_file": "audio/absent.wav"}, {"media_file": "LICENSE"}], ids=repr
)
def test_media_of_which_nothing_is_known_has_no_length(media: dict[str, Any]) -> None:
    assert media_seconds(media, ROOT) is None


def test_media_outside_the_root_is_never_measured() -> None:
    outside = f"..{os.sep}LICENSE"

    assert refusal(media_seconds, {"media_file": outside, "media_seconds": "1"}, ROOT) == (
        "unsupported_exchange",
        "/request/form/file/media_file",
    )


def test_a_stated_length_is_read_like_any_number() -> None:
    assert refusal(media_seconds, {"media_seconds": "1 minute"}, None) == (
        "invalid_number",
        "/request/form/file/media_seconds",
    )
