"""The client sends what a case says to the byte, and survives whatever a gateway answers."""

from __future__ import annotations

import base64
import gzip
import http.server
import io
import json
import os
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill.case import Request
from decibill.curl import curl_line
from decibill.errors import HarnessError
from decibill.media import Body, build, content_type_of
from decibill.process import free_port
from decibill.target import Call, Target
from werkzeug.formparser import parse_form_data

Handler = http.server.BaseHTTPRequestHandler


@contextmanager
def gateway(answer: Callable[[Handler], None]) -> Iterator[str]:
    class Server(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer(self)
            self.close_connection = True

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def request_of(handler: Handler) -> bytes:
    """Return the body of the request, which can be read once only."""
    return handler.rfile.read(int(handler.headers.get("content-length", "0")))


def plain(handler: Handler, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
    # what is left unread when the connection ends makes the system throw away what was just written
    request_of(handler)
    answer(handler, body, status, **headers)


def answer(handler: Handler, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"content-length": str(len(body)), **named}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def call(body: Body | None = None, after: int | None = None, **headers: str) -> Call:
    return Call("POST", "/v1/x", headers, body or Body(b"{}", "application/json"), disconnect_after=after)


def test_what_is_received_is_kept_with_lower_case_header_names() -> None:
    with (
        gateway(lambda handler: plain(handler, b"hello", 418, X_Cost="0.1")) as url,
        Target(url, {}) as target,
    ):
        delivery = target.send(call())
    assert (delivery.status, delivery.body, delivery.error) == (418, b"hello", None)
    assert delivery.headers["x-cost"] == "0.1"
    assert delivery.seconds > 0


def test_headers_of_the_gateway_and_of_the_call_are_sent() -> None:
    seen: list[dict[str, str]] = []

    def answer(handler: Handler) -> None:
        seen.append({name.lower(): value for name, value in handler.headers.items()})
        plain(handler)

    with gateway(answer) as url, Target(url, {"Authorization": "Bearer k"}) as target:
        target.send(call(x_call="7"))
    assert seen[0]["authorization"] == "Bearer k"
    assert seen[0]["x_call"] == "7"
    assert seen[0]["content-type"] == "application/json"
    assert seen[0]["accept-encoding"] == "identity"


def test_no_proxy_and_no_credential_of_the_machine_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with gateway(plain) as url, Target(url, {}) as target:
        assert target.send(call()).status == 200


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    def answer(handler: Handler) -> None:
        plain(handler, b"", 302, location="http://127.0.0.1:9/elsewhere")

    with gateway(answer) as url, Target(url, {}) as target:
        assert target.send(call()).status == 302


def test_an_unreachable_gateway_is_said_in_words() -> None:
    with Target(f"http://127.0.0.1:{free_port()}", {}) as target:
        delivery = target.send(call())
    assert delivery.status is None
    assert (delivery.error or "").startswith("cannot be reached")


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (lambda _: time.sleep(1.0), None, "no complete answer within 0.3 s"),
        (lambda _: None, None, "broke off"),
        (lambda handler: handler.wfile.write(b"\x00\xff garbage\r\n\r\n"), None, "broke off"),
        (lambda handler: plain(handler, b"x", content_length="9"), 200, "broke off"),
        (
            lambda handler: plain(handler, b"not gzip", content_encoding="gzip"),
            200,
            "encoded as gzip, and it is not",
        ),
    ],
    ids=["hangs", "closes", "garbage", "short body", "wrong encoding"],
)
def test_an_answer_that_is_none_is_said_in_words(
    answer: Callable[[Handler], None], status: int | None, says: str
) -> None:
    with gateway(answer) as url, Target(url, {}, timeout_s=0.3) as target:
        delivery = target.send(call())
    assert delivery.status == status
    assert says in (delivery.error or "")


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for _ in range(100):
        try:
            handler.wfile.write(b"1\r\nx\r\n")
        except ConnectionError:
            return
        time.sleep(0.02)


def test_an_answer_that_never_ends_is_left_in_time() -> None:
    with gateway(drip) as url, Target(url, {}, timeout_s=0.3) as target:
        delivery = target.send(call())
    assert (delivery.status, delivery.error) == (200, "no complete answer within 0.3 s")
    assert delivery.cut == "time"


def test_an_answer_larger_than_any_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decibill.target.LARGEST_ANSWER", 1000)
    with gateway(lambda handler: plain(handler, b"x" * 100_000)) as url, Target(url, {}) as target:
        delivery = target.send(call())
    assert len(delivery.body) == 1000
    assert delivery.error == "the answer is larger than 1000 bytes"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_packed_although_nobody_asked_is_read(coding: str) -> None:
    packed = gzip.compress(b"hello" * 50_000) if coding == "gzip" else zlib.compress(b"hello" * 50_000)
    with (
        gateway(lambda handler: plain(handler, packed, content_encoding=coding)) as url,
        Target(url, {}) as target,
    ):
        delivery = target.send(call())
    assert (delivery.body, delivery.error) == (b"hello" * 50_000, None)


def test_nothing_at_all_needs_no_unpacking() -> None:
    with (
        gateway(lambda handler: plain(handler, b"", content_encoding="gzip")) as url,
        Target(url, {}) as target,
    ):
        assert target.send(call()).error is None


@pytest.mark.parametrize(
    ("coding", "says"),
    [
        ("gzip", "the answer broke off: its gzip encoding has no end"),
        ("br", "the answer is encoded as br; the client accepts no encoding"),
    ],
)
def test_what_is_packed_in_a_way_that_is_not_read_is_said(coding: str, says: str) -> None:
    packed = gzip.compress(b"hello")[:-4]
    with (
        gateway(lambda handler: plain(handler, packed, content_encoding=coding)) as url,
        Target(url, {}) as target,
    ):
        delivery = target.send(call())
    assert (delivery.status, delivery.error, delivery.cut) == (200, says, "coding")


def test_when_a_run_has_kept_enough_only_small_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decibill.target.LARGEST_RUN", 150_000)
    bodies = iter([b"x" * 100_000, b"y" * 100_000, b"z" * 1000])
    with gateway(lambda handler: plain(handler, next(bodies))) as url, Target(url, {}) as target:
        first, second, third = (target.send(call()) for _ in range(3))
    assert (len(first.body), first.cut) == (100_000, None)
    assert (len(second.body), second.cut) == (65_536, "size")
    assert second.error == "the answers of this run are larger than 150000 bytes in all"
    assert (len(third.body), third.cut) == (1000, None)


def test_what_is_only_looked_up_does_not_count_for_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decibill.target.LARGEST_RUN", 1)
    with gateway(lambda handler: plain(handler, b"x" * 100_000)) as url, Target(url, {}) as target:
        assert len(target.get("/usage").body) == 100_000


def test_a_client_that_goes_away_keeps_what_it_had() -> None:
    gone = threading.Event()

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        try:
            for _ in range(200):
                handler.wfile.write(b"a\r\n0123456789\r\n")
                time.sleep(0.01)
        except ConnectionError:
            gone.set()

    with gateway(answer) as url, Target(url, {}) as target:
        delivery = target.send(call(after=25))
        assert gone.wait(3)
    assert 25 <= len(delivery.body) < 2000
    assert delivery.error is None


# bodies


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/a.wav").write_bytes(b"RIFF\r\n--x\x00\xff")
    return tmp_path


def received(body: Body) -> dict[str, Any]:
    """Return the parts of a multipart body as a real parser sees them."""
    environment = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": body.content_type,
        "CONTENT_LENGTH": str(len(body.content)),
        "wsgi.input": io.BytesIO(body.content),
    }
    _, form, files = parse_form_data(environment)
    uploads = {name: (each.filename, each.mimetype, each.stream.read()) for name, each in files.items()}
    for each in files.values():
        each.close()
    return {**form.to_dict(flat=False), **uploads}


def test_a_form_is_a_multipart_upload_with_the_bytes_of_the_file(fixtures: Path) -> None:
    request = Request(
        form={
            "model": "{model}",
            "prompt": "say {model}",
            "timestamp_granularities[]": ["word", "segment"],
            "file": {"media_file": "audio/a.wav", "media_seconds": "1"},
        }
    )
    assert received(build(request, "my-alias", fixtures)) == {
        "model": ["my-alias"],
        "prompt": ["say {model}"],
        "timestamp_granularities[]": ["word", "segment"],
        "file": ("a.wav", "audio/wav", b"RIFF\r\n--x\x00\xff"),
    }


def test_an_upload_may_have_its_own_name_and_type(fixtures: Path) -> None:
    file = {"media_file": "audio/a.wav", "filename": 'q"1.webm', "content_type": "video/webm"}
    assert received(build(Request(form={"file": file}), "m", fixtures))["file"][:2] == (
        'q"1.webm',
        "video/webm",
    )


def test_json_carries_media_in_base64_and_numbers_with_their_digits(fixtures: Path) -> None:
    document = {
        "model": "{model}",
        "n": Decimal("0.10"),
        "messages": [{"input_audio": {"data": {"$base64": "audio/a.wav"}, "format": "wav"}}],
    }
    body = build(Request(json=document), "my-alias", fixtures)
    sent = json.loads(body.content)
    assert sent["model"] == "my-alias"
    assert base64.b64decode(sent["messages"][0]["input_audio"]["data"]) == b"RIFF\r\n--x\x00\xff"
    assert b'"n": 0.10' in body.content
    assert body.content_type == "application/json"


def test_text_and_raw_media_are_sent_as_they_are(fixtures: Path) -> None:
    text = build(Request(text="<speak/>"), "m", fixtures)
    assert (text.content, text.content_type) == (b"<speak/>", "text/plain; charset=utf-8")
    media = build(Request(media={"media_file": "audio/a.wav"}), "m", fixtures)
    assert (media.content, media.content_type) == (b"RIFF\r\n--x\x00\xff", "audio/wav")
    assert build(Request(), "m", fixtures) == Body(b"", None)


@pytest.mark.parametrize("name", ["audio/gone.wav", "../outside.wav"])
def test_a_file_that_cannot_be_sent_is_a_fault_of_the_suite(fixtures: Path, name: str) -> None:
    with pytest.raises(HarnessError, match=name.rpartition("/")[2]):
        build(Request(form={"file": {"media_file": name}}), "m", fixtures)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.wav", "audio/wav"),
        ("A.MP3", "audio/mpeg"),
        ("a.webm", "audio/webm"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_the_ending(name: str, kind: str) -> None:
    assert content_type_of(name) == kind


# curl


def run_curl(line: str, folder: Path, **environment: str) -> None:
    subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "request_",
    [
        Request(
            form={"model": "{model}", "prompt": 'it\'s @ "<x>" $HOME;', "file": {"media_file": "audio/a.wav"}}
        ),
        Request(json={"model": "{model}", "input": "it's $HOME `x` \\ \"", "d": {"$base64": "audio/a.wav"}}),
        Request(text="<speak>it's</speak>"),
        Request(media={"media_file": "audio/a.wav"}),
    ],
    ids=["form", "json", "text", "media"],
)
def test_the_curl_line_sends_what_decibill_sent(fixtures: Path, request_: Request) -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    def keep(handler: Handler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen.append((handler.path, headers, request_of(handler)))
        answer(handler)

    body = build(request_, "my-alias", fixtures)
    declared = {"Authorization": 'Bearer {env.KEY} "$x"'}
    with gateway(keep) as url:
        with Target(url, {"Authorization": 'Bearer k1 "$x"'}) as target:
            target.send(Call("POST", "/v1/x?a=1&b=2", {}, body))
        line = curl_line("POST", f"{url}/v1/x?a=1&b=2", declared, body, fixtures=str(fixtures))
        run_curl(line, fixtures, KEY="k1")
    assert "k1" not in line
    ours, curls = seen
    assert ours[0] == curls[0]
    assert ours[1]["authorization"] == curls[1]["authorization"]
    if body.fields:
        sent = [received(Body(content, headers["content-type"])) for _, headers, content in seen]
        assert sent[0] == sent[1]
    else:
        assert ours[1]["content-type"] == curls[1]["content-type"]
        assert ours[2] == curls[2]


def test_the_curl_line_is_one_line(fixtures: Path) -> None:
    body = build(Request(json={"a": {"b": [1, 2]}}), "m", fixtures)
    assert "\n" not in curl_line("POST", "http://127.0.0.1:1/x", {}, body)
