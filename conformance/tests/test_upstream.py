"""The replay upstream plays recordings to the byte, to the right call, and says what it was asked in vain."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from decibill.case import Answer, Step
from decibill.declaration import Probe
from decibill.errors import HarnessError
from decibill.statements import Attempt
from decibill.upstream_answer import wire
from decibill.upstream_server import ReplayUpstream

PATH = "/c/one/v1/chat/completions"


def answer(condition: dict[str, Any] | None = None, **response: Any) -> Answer:
    exchange = {
        "provider": "openai",
        "operation": "chat",
        "model": "m",
        "response": {"status": 200, **(response or {"json": {"usage": {"n": 1}}})},
    }
    return Answer(condition or {}, exchange)


def step(*answers: Answer) -> Step:
    return Step(answers or (answer(),))


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[ReplayUpstream]:
    probes = (Probe("GET", "*/models", {"data": []}), Probe("GET", "/health", {"ok": True}))
    with ReplayUpstream(probes=probes, fixtures=tmp_path) as server:
        yield server


def post(upstream: ReplayUpstream, path: str = PATH, **arguments: Any) -> httpx.Response:
    if not {"json", "data", "files", "content"} & set(arguments):
        arguments["json"] = {"model": "m"}
    return httpx.post(upstream.url + path, trust_env=False, **arguments)


def test_the_case_is_found_by_base_path_before_key_and_arming(upstream: ReplayUpstream) -> None:
    for name in ("one", "two", "three"):
        upstream.load(name, [step(answer(json={"case": name}))], key=f"key-{name}")
    upstream.begin("three", arm=True)
    key = {"authorization": "Bearer key-two"}
    assert post(upstream, headers=key).json() == {"case": "one"}
    assert post(upstream, "/v1/chat/completions", headers=key).json() == {"case": "two"}
    assert post(upstream, "/v1/chat/completions").json() == {"case": "three"}
    assert post(upstream, "/v1/chat/completions", headers={"authorization": "Bearer x"}).json() == {
        "case": "three"
    }
    upstream.disarm()
    assert post(upstream, "/v1/chat/completions").status_code == 501


@pytest.mark.parametrize("header", ["api-key", "x-api-key", "x-goog-api-key", "xi-api-key"])
def test_a_key_is_read_from_the_header_of_any_provider(upstream: ReplayUpstream, header: str) -> None:
    upstream.load("one", [step()], key="key-one")
    assert post(upstream, "/v1/chat/completions", headers={header: "key-one"}).status_code == 200


def test_each_attempt_of_a_call_gets_its_step_and_the_last_one_repeats(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step(answer(status=500, json={})), step(answer(json={}))])
    assert [post(upstream).status_code for _ in range(3)] == [500, 200, 200]
    upstream.begin("one")
    assert post(upstream).status_code == 500
    assert [served.attempt.step for served in upstream.take("one")] == [0, 1, 1, 0]
    assert upstream.take("one") == ()


def test_the_first_answer_whose_conditions_hold_is_given(upstream: ReplayUpstream) -> None:
    upstream.load(
        "one",
        [
            step(
                answer({"/json/stream": True, "/json/n": 2}, json={"n": 1}),
                answer({"/json/stream": None}, json={"n": 2}),
                answer({"/query/v": "1"}, json={"n": 3}),
                answer({"/headers/x-mark": "yes"}, json={"n": 4}),
            )
        ],
    )
    assert post(upstream, json={"stream": True, "n": 2}).json() == {"n": 1}
    assert post(upstream, json={}).json() == {"n": 2}
    assert post(upstream, json={"stream": None}).json() == {"n": 2}
    assert post(upstream, PATH + "?v=1", json={"stream": True}).json() == {"n": 3}
    assert post(upstream, json={"stream": True}, headers={"X-Mark": "yes"}).json() == {"n": 4}


@pytest.mark.parametrize(
    ("condition", "body", "fits"),
    [
        ({"/json/t": True}, '{"t": 1}', False),
        ({"/json/t": 1}, '{"t": true}', False),
        ({"/json/t": 1}, '{"t": "1"}', False),
        ({"/json/t": "a"}, '{"t": "a"}', True),
        ({"/json/m/0/role": "user"}, '{"m": [{"role": "user"}]}', True),
        ({"/json/t": 0}, '{"t": 0.0}', True),
        ({"/json/t": None}, '{"t": false}', False),
        ({"/json/t": 1}, "not json", False),
    ],
)
def test_a_condition_compares_kind_and_value(
    upstream: ReplayUpstream, condition: dict[str, Any], body: str, fits: bool
) -> None:
    upstream.load("one", [step(answer(condition))])
    response = post(upstream, content=body, headers={"content-type": "application/json"})
    assert response.status_code == (200 if fits else 501)


def test_a_form_is_matched_by_its_text_and_its_media_is_not_kept(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step(answer({"/form/response_format": "json"}))])
    files = {"file": ("a.wav", b"RIFF" * 5000, "audio/wav")}
    data = {"response_format": "json", "timestamp_granularities[]": ["word", "segment"]}
    assert post(upstream, data=data, files=files).status_code == 200
    (served,) = upstream.take("one")
    form = served.attempt.request["form"]
    assert form["file"] == {"filename": "a.wav", "content_type": "audio/wav", "bytes": 20000}
    assert form["timestamp_granularities[]"] == ["word", "segment"]
    assert b"RIFF" not in repr(served).encode()


def test_what_no_recording_fits_is_refused_by_member(upstream: ReplayUpstream) -> None:
    upstream.load(
        "one", [step(answer({"/json/stream": True, "/json/n": 1}), answer({"/json/format": "srt"}))]
    )
    response = post(upstream, json={"format": "text"})
    assert response.status_code == 501
    assert response.json()["error"]["param"] == ["/json/format"]
    assert "the case one holds no recording" in response.json()["error"]["message"]
    (served,) = upstream.take("one")
    assert served.attempt.unmatched == ("/json/format",)
    assert served.exchange is None


@pytest.mark.parametrize(
    ("path", "unmatched"),
    [("/c/one/v1/responses", ("/path",)), ("/c/one", ("/path",)), (PATH, ())],
)
def test_another_endpoint_is_not_a_recording_of_the_case(
    upstream: ReplayUpstream, path: str, unmatched: tuple[str, ...]
) -> None:
    upstream.load("one", [step()])
    post(upstream, path)
    assert upstream.take("one")[0].attempt.unmatched == unmatched


@pytest.mark.parametrize(
    ("path", "unmatched"),
    [("/c/one/cognitiveservices/v1", ("/path",)), ("/c/one/speechtotext/transcriptions:transcribe", ())],
)
def test_the_recorded_path_tells_the_endpoints_of_azure_speech_apart(
    upstream: ReplayUpstream, path: str, unmatched: tuple[str, ...]
) -> None:
    request = {"method": "POST", "path": "/speechtotext/transcriptions:transcribe"}
    asked = {"provider": "azure", "surface": "azure_speech", "operation": "transcription", "request": request}
    upstream.load("one", [step(Answer({}, {**asked, "model": "m", "response": {"status": 200, "json": {}}}))])
    post(upstream, path)
    assert upstream.take("one")[0].attempt.unmatched == unmatched


def test_another_method_is_not_a_recording_of_the_case(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step()])
    assert httpx.get(upstream.url + PATH, trust_env=False).status_code == 501
    assert upstream.take("one")[0].attempt.unmatched == ("/method",)


def test_start_up_probes_are_answered_apart_from_any_case(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step()])
    upstream.begin("one", arm=True)
    for path in ("/v1/models", "/c/one/v1/models", "/c/unknown/v1/models", "/health"):
        response = httpx.get(upstream.url + path, trust_env=False)
        assert (path, response.status_code) == (path, 200)
    assert upstream.take("one") == ()


def test_a_request_for_no_case_is_kept_as_a_stray(upstream: ReplayUpstream) -> None:
    assert post(upstream, "/c/gone/v1/chat/completions").status_code == 501
    assert post(upstream, "/v1/chat/completions").status_code == 501
    assert [stray.why for stray in upstream.strays] == [
        "there is no case 'gone' in this run",
        "it names no case by path or key, and none was armed",
    ]


def test_secrets_and_long_media_do_not_reach_the_record(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step()])
    secret = {"authorization": "Bearer sk-live-1", "api-key": "abc123", "cookie": "session=1", "x-ok": "kept"}
    post(upstream, json={"data": "A" * 5000}, headers=secret)
    (served,) = upstream.take("one")
    shown = json.dumps(served.attempt.request)
    assert "sk-live-1" not in shown
    assert "abc123" not in shown
    assert "session=1" not in shown
    assert served.attempt.request["headers"]["x-ok"] == "kept"
    assert len(shown) < 2000


STREAM = b'data: {"n": 1}\r\n\r\n: comment\r\ndata: {"n": 2}\r\n\r\ndata: [DONE]\r\n\r\n'


def test_a_stream_is_sent_in_chunks_with_its_own_line_ends(upstream: ReplayUpstream, tmp_path: Path) -> None:
    (tmp_path / "x.sse").write_bytes(STREAM)
    upstream.load(
        "one", [step(answer(sse_file="x.sse", headers={"Content-Type": "text/event-stream", "x-a": "1"}))]
    )
    with httpx.stream("POST", upstream.url + PATH, json={}, trust_env=False) as response:
        assert response.headers["transfer-encoding"] == "chunked"
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["x-a"] == "1"
        assert b"".join(response.iter_raw()) == STREAM


def test_a_stream_that_was_cut_within_an_event_breaks_the_connection(
    upstream: ReplayUpstream, tmp_path: Path
) -> None:
    (tmp_path / "x.sse").write_bytes(STREAM[:-30])
    upstream.load("one", [step(answer(sse_file="x.sse"))])
    received: list[bytes] = []
    with (
        httpx.stream("POST", upstream.url + PATH, json={}, trust_env=False) as response,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        received.extend(response.iter_raw())
    assert b"".join(received) == STREAM[:-30]


@pytest.mark.parametrize(
    ("response", "body", "content_type"),
    [
        ({"json": {"a": [1, None]}}, b'{"a": [1, null]}', "application/json"),
        ({"text": "hello\r\n"}, b"hello\r\n", "text/plain; charset=utf-8"),
        ({"text_file": "x.txt"}, b"caf\xe9", "text/plain; charset=utf-8"),
        ({"json_file": "x.txt"}, b"caf\xe9", "application/json"),
        ({"media": {"content_type": "audio/mpeg", "media_file": "x.txt"}}, b"caf\xe9", "audio/mpeg"),
        ({"media": {}}, b"", "application/octet-stream"),
        ({"text": "x", "headers": {"CONTENT-TYPE": "text/vtt"}}, b"x", "text/vtt"),
    ],
    ids=str,
)
def test_every_kind_of_body_is_sent_as_recorded(
    upstream: ReplayUpstream, tmp_path: Path, response: dict[str, Any], body: bytes, content_type: str
) -> None:
    (tmp_path / "x.txt").write_bytes(b"caf\xe9")
    upstream.load("one", [step(answer(**response))])
    received = post(upstream)
    assert received.content == body
    assert received.headers["content-type"] == content_type
    assert received.headers["content-length"] == str(len(body))


def test_headers_that_frame_a_body_are_not_replayed(tmp_path: Path) -> None:
    recorded = {
        "Content-Length": "1",
        "Transfer-Encoding": "chunked",
        "Content-Encoding": "br",
        "x-empty": "",
    }
    sent = wire(answer(json={}, headers={**recorded, "Request-Id": "r"}).exchange, tmp_path)
    assert dict(sent.headers) == {"request-id": "r", "content-type": "application/json"}


@pytest.mark.parametrize("name", ["gone.json", "../secret.json"])
def test_a_file_that_cannot_be_replayed_is_said_to_the_caller(upstream: ReplayUpstream, name: str) -> None:
    upstream.load("one", [step(answer(json_file=name))])
    response = post(upstream)
    assert response.status_code == 501
    assert name in response.json()["error"]["message"]


def test_an_answer_without_an_http_body_is_a_fault_of_the_suite(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no body that HTTP can carry"):
        wire(answer(events=[]).exchange, tmp_path)


@pytest.mark.parametrize("kind", ["sse", "text"])
def test_a_held_answer_ends_when_its_client_has_gone(upstream: ReplayUpstream, kind: str) -> None:
    upstream.load("one", [step(answer(**{kind: STREAM.decode()}))], hold=True)
    upstream.begin("one")
    started = time.monotonic()
    with httpx.stream("POST", upstream.url + PATH, json={}, trust_env=False) as answered:
        pieces = answered.iter_raw()
        first = next(pieces)
        assert not upstream.has_answered("one")
        threading.Timer(0.1, upstream.release, ["one"]).start()
        whole = first + b"".join(pieces)
    assert whole == STREAM
    assert 0.1 <= time.monotonic() - started < 1.5
    assert upstream.has_answered("one", 10)


def test_a_held_stream_keeps_its_usage_until_its_client_has_gone(upstream: ReplayUpstream) -> None:
    usage = b'data: {"usage": {"n": 1}}\n\n'
    stream = b"data: 1\n\n" + usage + b"data: 2\n\ndata: 3\n\ndata: [DONE]\n\n"
    upstream.load("one", [step(answer(sse=stream.decode()))], hold=True)
    upstream.begin("one")
    with httpx.stream("POST", upstream.url + PATH, json={}, trust_env=False) as answered:
        pieces = answered.iter_raw()
        assert next(pieces) == b"data: 1\n\n"
        upstream.release("one")
        released = time.monotonic()
        second = next(pieces)
        assert time.monotonic() - released >= 0.15  # time for a gateway to notice that its client has left
        assert b"data: 1\n\n" + second + b"".join(pieces) == stream


def test_a_request_nested_deeper_than_any_does_no_harm(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step()])
    body = b'{"a": ' + b"[" * 400 + b"]" * 400 + b', "b\\ud800": "\\ud800"}'
    assert post(upstream, content=body, headers={"content-type": "application/json"}).status_code == 200
    (served,) = upstream.take("one")
    json.dumps(served.attempt.request, ensure_ascii=False).encode()
    assert "[nested too deeply]" in repr(served)


def test_calls_at_the_same_time_are_answered_at_the_same_time(upstream: ReplayUpstream) -> None:
    upstream.load("one", [step(answer(text="a" * 10))], hold=True)
    upstream.load("two", [step()])
    upstream.begin("one")
    held = threading.Thread(target=post, args=(upstream,))
    held.start()
    started = time.monotonic()
    assert post(upstream, "/c/two/v1/chat/completions").status_code == 200
    assert time.monotonic() - started < 1.5
    upstream.release("one")
    held.join()


def test_a_request_larger_than_any_case_is_refused(
    upstream: ReplayUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decibill.upstream_server._LARGEST_REQUEST", 100)
    upstream.load("one", [step()])
    assert post(upstream, content=b"x" * 200).status_code == 413


def test_a_port_in_use_is_a_clear_error(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HarnessError, match=rf"port {port} of 127\.0\.0\.1 is in use.*--upstream-port"):
            ReplayUpstream(port=port).__enter__()
    assert capfd.readouterr() == ("", "")


def test_an_upstream_for_all_addresses_is_reached_at_loopback(tmp_path: Path) -> None:
    with ReplayUpstream(host="0.0.0.0", fixtures=tmp_path) as server:
        server.load("one", [step()])
        assert server.url.startswith("http://127.0.0.1:")
        assert post(server).status_code == 200


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(HarnessError, match="cannot be listened on"):
        ReplayUpstream(host="192.0.2.1").__enter__()


def test_whoever_listens_is_told_of_every_attempt(tmp_path: Path) -> None:
    heard: list[tuple[str | None, Attempt]] = []
    with ReplayUpstream(fixtures=tmp_path, on_attempt=lambda *each: heard.append(each)) as server:
        server.load("one", [step()])
        post(server)
        post(server, "/nowhere")
    assert [(token, attempt.path) for token, attempt in heard] == [("one", PATH), (None, "/nowhere")]


def run_alone(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "decibill", "upstream", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_upstream_runs_alone_and_prints_what_arrives() -> None:
    process = run_alone("--port", "0", "--case", "gateway/preflight-text-chat")
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        address = next(word for word in said.split() if word.startswith("http://")).removesuffix("/c/CASE;")
        asked = httpx.post(f"{address}/v1/chat/completions", json={"model": "m"}, trust_env=False)
        named = httpx.post(
            f"{address}/c/gateway--preflight-text-chat/v1/chat/completions", json={}, trust_env=False
        )
    finally:
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=10)
    assert asked.json()["usage"] == named.json()["usage"]
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["case"] for line in lines] == ["gateway--preflight-text-chat"] * 2
    assert lines[0]["path"] == "/v1/chat/completions"
    assert "Traceback" not in errors
    assert process.returncode == 0


def test_the_upstream_alone_lists_a_base_address_for_every_case() -> None:
    process = run_alone("--list")
    out, _ = process.communicate(timeout=30)
    assert "http://127.0.0.1:8471/c/gateway--preflight-text-chat/v1" in out.splitlines()
    assert "http://127.0.0.1:8471/c/azure--transcription-founding-report" in out.splitlines()


def test_the_upstream_alone_names_an_unknown_case() -> None:
    process = run_alone("--case", "gateway/preflight-text-chatt")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "did you mean gateway/preflight-text-chat" in errors


def test_an_answer_takes_the_upstreams_own_time_until_it_has_ended(tmp_path: Path) -> None:
    with ReplayUpstream(fixtures=tmp_path, on_attempt=lambda *_: time.sleep(0.2)) as upstream:
        upstream.load("one", [step()])
        upstream.begin("one")
        assert post(upstream).status_code == 200
        assert upstream.has_answered("one", 10)
        assert upstream.seconds("one") >= 0.2
        assert upstream.seconds("one") == 0.0


def test_an_answer_that_the_suite_fails_to_make_has_ended(tmp_path: Path) -> None:
    def fail(token: str | None, attempt: Attempt) -> None:
        raise RuntimeError("a fault")

    with ReplayUpstream(fixtures=tmp_path, on_attempt=fail) as upstream:
        upstream.load("one", [step()])
        upstream.begin("one")
        assert post(upstream).status_code == 500
        assert upstream.has_answered("one", 10)
