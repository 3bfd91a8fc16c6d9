"""A case begins with a raw answer: what that says stands in it, the rest says that it is to be filled in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from decibill._data import data_directory
from decibill.check import check_file
from decibill.cli.case import case as command
from decibill.errors import DecibillError, InvalidFileError, UsageError
from decibill.raw_body import Told, read_body, told

FIXTURES = data_directory("fixtures")
UPSTREAM = FIXTURES / "upstream"
CHAT = {
    "model": "gpt-audio-mini",
    "created": 1787160214,
    "object": "chat.completion",
    "choices": [],
    "usage": {"prompt_tokens": 1},
}
LEFT = {
    "/title",
    "/why",
    "/requirements/0",
    "/source/url",
    "/source/read",
    "/source/changed",
    "/when/openai",
    "/then/usage",
    "/then/charge",
    "/then/proves",
}


def made(tmp_path: Path, content: bytes | str, *options: str, name: str = "answer.json") -> Result:
    body = tmp_path / name
    tmp_path.mkdir(exist_ok=True)
    body.write_bytes(content.encode() if isinstance(content, str) else content)
    arguments = ["new", str(body), "--root", str(tmp_path / "fixtures"), *options]
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def document(result: Result) -> dict[str, Any]:
    assert result.exception is None, result.exception
    return json.loads(Path(result.stdout.strip()).read_text("utf-8"))  # type: ignore[no-any-return]


def exchange(case: dict[str, Any]) -> dict[str, Any]:
    return case["given"]["upstream"][0]["answers"][0]["exchange"]  # type: ignore[no-any-return]


def refusal(result: Result) -> str:
    assert isinstance(result.exception, DecibillError)
    return str(result.exception)


def test_an_answer_becomes_an_exchange_with_everything_that_it_says(tmp_path: Path) -> None:
    result = made(tmp_path, json.dumps(CHAT), name="Audio mini.v2.json")
    case = document(result)

    assert case["id"] == "openai/chat-audio-mini"
    assert case["features"] == ["chat", "price.audio_token_based"]
    assert exchange(case) == {
        "provider": "openai",
        "surface": "api",
        "operation": "chat",
        "model": "gpt-audio-mini",
        "at": "2026-08-19T17:23:34Z",
        "request": {"method": "POST", "path": "/v1/chat/completions"},
        "response": {
            "status": 200,
            "headers": {"content-type": "application/json"},
            "json_file": "upstream/openai/chat-audio-mini.json",
        },
    }


def test_check_names_every_member_that_is_left_to_fill_in_and_finds_nothing_else(tmp_path: Path) -> None:
    result = made(tmp_path, json.dumps(CHAT))
    checked = check_file(Path(result.stdout.strip()))

    assert {fault.pointer for fault in checked.faults} == LEFT
    assert all(fault.problem.startswith("is still to fill in: ") for fault in checked.faults)
    assert all(f"{pointer} is still to fill in" in result.stderr for pointer in LEFT)


def test_check_finds_what_is_wrong_beside_what_is_left(tmp_path: Path) -> None:
    path = Path(made(tmp_path, json.dumps(CHAT)).stdout.strip())
    case = json.loads(path.read_text("utf-8"))
    case["since"] = "tomorrow"
    path.write_text(json.dumps(case), encoding="utf-8")

    assert {fault.pointer for fault in check_file(path).faults} == LEFT | {"/since"}


def test_a_case_that_is_filled_in_is_checked_like_any_other(tmp_path: Path) -> None:
    root = tmp_path / "fixtures"
    for name in ("price-books/conformance.json", "audio/tone-3.7s.wav"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FIXTURES / name, root / name)
    body = (UPSTREAM / "openai" / "chat-audio-mini.json").read_bytes()
    path = Path(made(tmp_path, body, "--id", "gateway/mine", "--model", "gpt-audio-mini").stdout.strip())
    case = json.loads(path.read_text("utf-8"))
    like = json.loads((FIXTURES / "cases" / "gateway" / "surfaces-agree.json").read_text("utf-8"))
    two = json.loads((FIXTURES / "cases" / "gateway" / "two-calls.json").read_text("utf-8"))
    case |= {"title": "Mine is a case like any other", "why": two["why"], "requirements": two["requirements"]}
    case["source"] = {**like["source"], "kind": "recorded", "url": "https://example.org/answer"}
    case["when"]["openai"] = two["when"]["openai"]
    case["then"] = two["then"]
    path.write_text(json.dumps(case), encoding="utf-8")

    assert check_file(path).faults == ()


def test_the_answer_is_kept_byte_for_byte(tmp_path: Path) -> None:
    content = b'data: {"type":"transcript.text.delta","delta":"A"}\r\n\r\ndata: [DONE]\r\n\r\n'
    result = made(tmp_path, content, "--model", "gpt-4o-transcribe", name="spoken.sse.txt")
    case = document(result)

    kept = tmp_path / "fixtures" / exchange(case)["response"]["sse_file"]
    assert kept.read_bytes() == content
    assert kept.name == "transcription-spoken.sse"
    assert case["features"] == ["transcription", "stream", "price.audio_token_based"]
    assert str(kept) in result.stderr


def test_headers_give_type_status_and_time_and_keep_what_says_something_of_usage(tmp_path: Path) -> None:
    headers = tmp_path / "headers.txt"
    headers.write_text(
        "HTTP/1.1 200 OK\r\nDate: Wed, 19 Aug 2026 17:23:34 GMT\r\nContent-Type: audio/mpeg\r\n"
        "Character-Cost: 12\r\nSet-Cookie: a=b\r\nX-Token-Key: hush\r\nServer: x\r\n\r\n",
        encoding="utf-8",
    )
    tone = (FIXTURES / "audio" / "reply-0.95s.mp3").read_bytes()
    told_ = ("--provider", "elevenlabs", "--operation", "speech", "--model", "eleven_v3")
    result = made(tmp_path, tone, *told_, "--headers", str(headers), name="reply.mp3")
    found = exchange(document(result))

    assert found["at"] == "2026-08-19T17:23:34Z"
    assert found["surface"] == "api"
    assert found["response"]["headers"] == {"content-type": "audio/mpeg", "character-cost": "12"}
    assert found["response"]["media"] == {
        "content_type": "audio/mpeg",
        "media_file": "audio/speech-reply.mp3",
        "media_seconds": "0.95",
    }
    assert "headers left out: date, set-cookie, x-token-key, server" in result.stderr
    assert "hush" not in result.stderr


@pytest.mark.parametrize(
    ("line", "number"), [("no header", 2), (": empty", 2), ("GET / HTTP/1.1: x", 2)], ids=str
)
def test_a_line_that_is_no_header_is_named(tmp_path: Path, line: str, number: int) -> None:
    headers = tmp_path / "headers.txt"
    headers.write_text(f"< content-type: text/plain\n< {line}\n<\n", encoding="utf-8")

    message = refusal(made(tmp_path, json.dumps(CHAT), "--headers", str(headers)))

    assert f"line {number} is no header" in message


def test_a_date_that_cannot_be_read_leaves_the_time_to_the_answer(tmp_path: Path) -> None:
    headers = tmp_path / "headers.txt"
    headers.write_text("date: soon\n", encoding="utf-8")

    found = exchange(document(made(tmp_path, json.dumps(CHAT), "--headers", str(headers))))

    assert found["at"] == "2026-08-19T17:23:34Z"


def test_a_request_becomes_the_call_and_what_the_provider_received(tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"model": "my-deployment", "messages": []}', encoding="utf-8")

    case = document(made(tmp_path, json.dumps(CHAT), "--request", str(request)))

    assert case["when"]["openai"] == {"json": {"model": "{model}", "messages": []}}
    assert exchange(case)["request"]["json"] == {"model": "gpt-audio-mini", "messages": []}


def test_elevenlabs_names_a_model_by_a_member_of_its_own(tmp_path: Path) -> None:
    answer = json.dumps({"language_probability": 1, "text": ""})
    left = document(made(tmp_path / "left", answer, "--model", "scribe_v2"))
    request = tmp_path / "request.json"
    request.write_text('{"model_id": "eleven_v3", "text": "Good evening"}', encoding="utf-8")
    told_ = ("--provider", "elevenlabs", "--operation", "speech", "--model", "eleven_v3")
    asked = document(made(tmp_path, '{"audio_base64": ""}', *told_, "--request", str(request)))

    assert '"model_id": "{model}"' in left["when"]["elevenlabs"]
    assert asked["when"]["elevenlabs"] == {"json": {"model_id": "{model}", "text": "Good evening"}}


@pytest.mark.parametrize(
    ("content", "fragment"),
    [("[1]", "is no JSON object; give the body that the client sent"), ("{", "not JSON")],
    ids=["array", "cut"],
)
def test_a_request_that_is_none_is_refused(tmp_path: Path, content: str, fragment: str) -> None:
    request = tmp_path / "request.json"
    request.write_text(content, encoding="utf-8")

    assert fragment in refusal(made(tmp_path, json.dumps(CHAT), "--request", str(request)))


@pytest.mark.parametrize(
    ("options", "dialect", "surface", "path"),
    [
        ((), "openai", "api", "/v1/chat/completions"),
        (
            ("--provider", "azure"),
            "azure",
            "azure_openai",
            "/openai/deployments/gpt-audio-mini/chat/completions",
        ),
        (
            ("--provider", "azure", "--surface", "azure_speech", "--operation", "transcription"),
            "azure_speech",
            "azure_speech",
            "/openai/deployments/gpt-audio-mini/audio/transcriptions",
        ),
        (("--operation", "embedding"), "openai", "api", "to fill in: / and the path of the endpoint"),
        (("--provider", "deepgram"), "deepgram", "to fill in", "to fill in"),
    ],
    ids=["as told", "another provider", "another surface", "another operation", "an unknown provider"],
)
def test_what_the_user_says_counts_before_what_the_answer_says(
    tmp_path: Path, options: tuple[str, ...], dialect: str, surface: str, path: str
) -> None:
    case = document(made(tmp_path, json.dumps(CHAT), *options))

    assert set(case["when"]) == {dialect, "client"}
    assert exchange(case)["surface"].startswith(surface)
    assert exchange(case)["request"]["path"].startswith(path)
    assert ("provider.azure" in case["features"]) is (exchange(case)["provider"] == "azure")


def test_a_model_without_a_price_has_its_price_to_fill_in(tmp_path: Path) -> None:
    result = made(tmp_path, json.dumps(CHAT), "--model", "gpt-audio-9")

    assert document(result)["features"][1].startswith("to fill in: ")
    assert "/features/1" in {fault.pointer for fault in check_file(Path(result.stdout.strip())).faults}


def test_the_frames_of_a_session_become_one_transcript(tmp_path: Path) -> None:
    lines = [
        {"from": "client", "frame": {"type": "session.update"}},
        {"direction": "received", "data": {"type": "session.created", "session": {"model": "gpt-realtime"}}},
        {"type": "response.done", "response": {}},
        {"from": "server", "close": 1000},
    ]
    content = "\n".join(map(json.dumps, lines)) + "\n"
    case = document(made(tmp_path, content, name="talk.events.jsonl"))
    found = exchange(case)

    assert (found["operation"], found["model"], case["id"]) == (
        "realtime",
        "gpt-realtime",
        "openai/realtime-talk",
    )
    assert (found["request"]["method"], found["response"]["status"]) == ("GET", 101)
    assert found["response"]["headers"] == {}
    entries = json.loads((tmp_path / "fixtures" / found["response"]["events_file"]).read_text("utf-8"))
    assert [entry.get("from") for entry in entries] == ["client", "server", "server", "server"]
    assert entries[3] == {"from": "server", "close": 1000}
    assert entries[2]["frame"]["type"] == "response.done"


def test_a_stream_of_gemini_asks_for_a_stream(tmp_path: Path) -> None:
    content = (
        'data: {"candidates": [], "usageMetadata": {"trafficType": "ON_DEMAND"}, "modelVersion": "g-2"}\n\n'
    )

    found = exchange(document(made(tmp_path, content, name="x.sse")))

    assert (found["provider"], found["surface"]) == ("gemini", "vertex")
    assert found["request"]["path"] == "/v1beta/models/g-2:streamGenerateContent"


def test_every_member_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    message = refusal(made(tmp_path, "Good morning.\n", name="plain.txt"))

    assert message == (
        "the answer does not say its provider and operation and model: "
        "give --provider and --operation and --model"
    )


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (("--operation", "dictation"), "--operation dictation: there is transcription, translation"),
        (("--surface", "web"), "--surface web: there is api, azure_openai"),
        (("--id", "Mine"), "--id Mine: an id is a folder and a name"),
        (("--headers", "absent.txt"), "absent.txt: cannot be read: No such file"),
    ],
    ids=["operation", "surface", "id", "headers"],
)
def test_an_option_that_cannot_be_is_refused(tmp_path: Path, options: tuple[str, str], fragment: str) -> None:
    assert fragment in refusal(made(tmp_path, json.dumps(CHAT), *options))


def test_headers_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"\xff\xfe")

    assert "not UTF-8 at byte 0" in refusal(
        made(tmp_path, json.dumps(CHAT), "--headers", str(tmp_path / "h"))
    )


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    first = made(tmp_path, json.dumps(CHAT))
    second = made(tmp_path, json.dumps(CHAT))

    assert first.exception is None
    assert isinstance(second.exception, UsageError)
    assert "is there already; choose another --id" in refusal(second)


def test_a_file_in_the_place_of_the_fixtures_is_named(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "cases").write_text("", encoding="utf-8")

    assert "cannot be written: Not a directory" in refusal(made(tmp_path, json.dumps(CHAT)))


def test_media_that_cannot_be_measured_leaves_its_length_to_fill_in(tmp_path: Path) -> None:
    told_ = ("--provider", "openai", "--operation", "speech", "--model", "tts-1")

    result = made(tmp_path, b"RIFF....WAVEcut", *told_, name="cut.wav")

    assert exchange(document(result))["response"]["media"]["media_seconds"].startswith("to fill in")


# What bytes say


@pytest.mark.parametrize(
    ("raw", "kind", "ending"),
    [
        (b'{"text": "a"}', "json", ".json"),
        (b"[\n1\n]", "json", ".json"),
        (b"data: 1\n\n", "sse", ".sse"),
        (b": hello\n\ndata: 1\n\n", "sse", ".sse"),
        (b"event: done\ndata: 1\n\n", "sse", ".sse"),
        (b'{"type": "session.created"}\n{"type": "response.done"}\n', "events", ".json"),
        (b'[{"from": "client", "frame": {}}]', "events", ".json"),
        (b"WEBVTT\n\n", "text", ".vtt"),
        (b"1\n00:00:00,000 --> 00:00:01,000\nA\n", "text", ".txt"),
        (b"RIFF....WAVE", "media", ".wav"),
        (b"ID3\x04", "media", ".mp3"),
        (b"\xff\xf3\x84", "media", ".mp3"),
        (b"OggS", "media", ".ogg"),
        (b"fLaC", "media", ".flac"),
        (b"\x1aE\xdf\xa3", "media", ".webm"),
        (b"\0\0\0\x1cftypM4A ", "media", ".m4a"),
        (b"\x01\x80\xff\x7f", "media", ".pcm"),
    ],
)
def test_the_kind_of_a_body_is_told_by_its_bytes(raw: bytes, kind: str, ending: str) -> None:
    body = read_body(raw, "body")

    assert (body.kind, body.ending) == (kind, ending)


@pytest.mark.parametrize(
    ("raw", "fragment"),
    [
        (b" \n", "is empty; give the answer"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": 1}\n{"a": 1, "a": 2}\n', "body line 2"),
    ],
    ids=["empty", "cut", "a line of frames"],
)
def test_a_body_that_cannot_be_read_is_refused(raw: bytes, fragment: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        read_body(raw, "body")
    assert fragment in str(raised.value)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("openai/chat-audio-mini.json", Told("openai", "api", "chat", "gpt-audio-mini-2025-12-15")),
        ("openai/transcription-whisper-json.json", Told("openai", "api", "transcription")),
        ("openai/speech-mini-tts-sse-93.sse", Told("openai", "api", "speech")),
        ("openai/transcription-4o-stream.sse", Told("openai", "api", "transcription")),
    ],
    ids=str,
)
def test_whose_answer_it_is_is_told_by_its_members(file: str, expected: Told) -> None:
    found = told(read_body((UPSTREAM / file).read_bytes(), file))

    assert (found.provider, found.surface, found.operation, found.model) == (
        expected.provider,
        expected.surface,
        expected.operation,
        expected.model,
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"combinedPhrases": []}, Told("azure", "azure_speech", "transcription")),
        ({"language_probability": 1, "text": ""}, Told("elevenlabs", "api", "transcription")),
        ({"audio_base64": ""}, Told("elevenlabs", "api", "speech")),
        ({"conversation_id": "x"}, Told("elevenlabs", "api", "agent_call")),
        ({"task": "translate", "text": ""}, Told("openai", "api", "translation")),
        ({"usageMetadata": {}, "modelVersion": "models/g"}, Told("gemini", "ai_studio", "chat", "g")),
        ([{"usageMetadata": {}}], Told("gemini", "ai_studio", "chat")),
        ({"choices": [], "created": 1787160214}, Told("openai", "api", "chat", None, "2026-08-19T17:23:34Z")),
        ({"text": "only"}, Told()),
        ({"error": {"message": "no"}}, Told()),
        ("text", Told()),
    ],
    ids=str,
)
def test_the_members_of_an_answer_say_who_gave_it_or_nothing(document: object, expected: Told) -> None:
    text = json.dumps(document) if not isinstance(document, str) else document

    assert told(read_body(text.encode(), "body")) == expected


def test_a_live_session_of_gemini_is_told_by_its_frames() -> None:
    lines = b'{"setup": {"model": "models/gemini-live"}}\n{"setupComplete": {}}\n'

    assert told(read_body(lines, "x")) == Told("gemini", "ai_studio", "realtime", "gemini-live")
