"""The reference gateway over HTTP, between a client and a provider on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from decibill_reference.gateway import Gateway, GatewayConfig, _listen
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_metering import SOUND, Seams
from decibill_reference.ledger import Ledger, LedgerError
from pytest_httpserver import HTTPServer
from tests.gateway_scene import (
    BOOK,
    STREAM,
    WAV,
    Running,
    Seen,
    answering,
    as_json,
    as_stream,
    running,
)
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


TRANSCRIPTION = {
    "text": "The harbour is silent.",
    "usage": {
        "type": "tokens",
        "input_tokens": 37,
        "output_tokens": 12,
        "total_tokens": 49,
        "input_token_details": {"audio_tokens": 37, "text_tokens": 0},
    },
}
TRANSCRIPTION_COST = "0.000413"  # 37 x 7.4 + 12 x 11.6 = 413 millionths


@pytest.fixture
def start(tmp_path: Path, upstream: HTTPServer) -> Iterator[Callable[..., Running]]:
    """Start gateways; all that a call takes of an alias can be changed."""
    with contextlib.ExitStack() as stack:

        def starter(
            *, seams: Seams = SOUND, key: str | None = None, retries: int = 0, **changes: Any
        ) -> Running:
            base = upstream.url_for("")
            aliases = {
                "transcribe": Alias("transcribe", "openai", "gpt-4o-transcribe", f"{base}/v1", BOOK),
                "whisper": Alias("whisper", "openai", "whisper-1", f"{base}/v1", BOOK),
                "speak": Alias("speak", "openai", "tts-1", f"{base}/v1", BOOK),
                "speak-tokens": Alias("speak-tokens", "openai", "gpt-4o-mini-tts", f"{base}/v1", BOOK),
                "chat": Alias("chat", "openai", "gpt-4o-mini", f"{base}/v1", BOOK),
                "azure": Alias(
                    "azure",
                    "azure",
                    "gpt-4o-transcribe",
                    base,
                    BOOK,
                    "secret",
                    "2025-04-01-preview",
                    "team a",
                ),
                "unpriced": Alias("unpriced", "openai", "tts-9", f"{base}/v1", BOOK),
            }
            aliases = {name: replace(alias, retries=retries, **changes) for name, alias in aliases.items()}
            return stack.enter_context(running(GatewayConfig(tmp_path / "usage.sqlite", aliases, key), seams))

        yield starter


SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
CHAT = "/v1/chat/completions"


# What reaches the provider


def test_the_alias_becomes_the_model_and_nothing_else_changes(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION))

    answer = start().transcribe(response_format="json", **{"include[]": "logprobs"})

    assert answer.status_code == 200
    assert seen[0].form == {
        "model": "gpt-4o-transcribe",
        "response_format": "json",
        "include[]": "logprobs",
    }
    assert seen[0].upload == WAV


def test_azure_is_asked_by_deployment_and_key(start: Callable[..., Running], upstream: HTTPServer) -> None:
    path = "/openai/deployments/team a/audio/transcriptions"
    seen = answering(upstream, path, as_json(TRANSCRIPTION))

    gateway = start()
    answer = gateway.transcribe("azure")

    assert answer.status_code == 200
    assert seen[0].query == {"api-version": "2025-04-01-preview"}
    assert seen[0].headers["api-key"] == "secret"
    assert gateway.row(answer)["usage"]["surface"] == "azure_openai"


def test_a_deployment_path_names_the_alias_and_keeps_its_api_version(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, "/openai/deployments/team a/audio/transcriptions", as_json(TRANSCRIPTION))

    answer = start().client.post(
        "/openai/deployments/azure/audio/transcriptions?api-version=2026-01-01",
        data={"response_format": "json"},
        files={"file": ("a.wav", WAV)},
    )

    assert answer.status_code == 200
    assert seen[0].query == {"api-version": "2026-01-01"}
    assert "model" not in seen[0].form


def test_a_deployment_path_of_an_openai_alias_gets_its_model(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, SPEECH, Response(b"mp3", content_type="audio/mpeg"))

    answer = start().client.post("/openai/deployments/speak/audio/speech", json={"input": "a"})

    assert answer.status_code == 200
    assert json.loads(seen[0].body) == {"model": "tts-1", "input": "a"}


def test_credentials_of_the_client_stay_with_the_gateway(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, SPEECH, Response(b"mp3", content_type="audio/mpeg"))

    start(key="sk-gateway", api_key="sk-provider").client.post(
        SPEECH,
        json={"model": "speak", "input": "a"},
        headers={"authorization": "Bearer sk-gateway", "cookie": "a=b", "openai-organization": "org"},
    )

    assert seen[0].headers["authorization"] == "Bearer sk-provider"
    assert "cookie" not in seen[0].headers
    assert seen[0].headers["openai-organization"] == "org"


def test_a_chat_stream_is_asked_for_its_usage_in_the_place_of_the_client(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, CHAT, as_stream(b"data: [DONE]\n\n"))

    start().client.post(CHAT, json={"model": "chat", "stream": True, "messages": []})

    assert json.loads(seen[0].body)["stream_options"] == {"include_usage": True}


# What reaches the client


def test_an_answer_reaches_the_client_byte_for_byte(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    body = b'{ "text":"\xc3\xa9", "usage" : {"type":"duration","seconds":1e0} }\n'
    answering(
        upstream,
        TRANSCRIPTIONS,
        Response(body, content_type="application/json", headers={"x-served-by": "c1"}),
    )

    answer = start().transcribe("whisper")

    assert answer.content == body
    assert answer.headers["x-served-by"] == "c1"


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_a_stream_reaches_the_client_byte_for_byte(
    start: Callable[..., Running], upstream: HTTPServer, size: int
) -> None:
    answering(upstream, TRANSCRIPTIONS, as_stream(size=size))

    assert start().transcribe(stream="true").content == STREAM


def test_a_stream_is_passed_on_while_it_comes(start: Callable[..., Running], upstream: HTTPServer) -> None:
    read = threading.Event()

    def slowly(_: Seen) -> Response:
        def pieces() -> Iterator[bytes]:
            yield STREAM[:50]
            assert read.wait(5)  # the rest comes only after the client has read the start
            yield STREAM[50:]

        return Response(pieces(), content_type="text/event-stream")

    answering(upstream, TRANSCRIPTIONS, slowly)
    gateway = start()
    with gateway.client.stream(
        "POST", TRANSCRIPTIONS, data={"model": "transcribe", "stream": "true"}, files={"file": WAV}
    ) as answer:
        chunks = answer.iter_raw()
        first = next(chunks)
        read.set()
        rest = b"".join(chunks)

    assert first + rest == STREAM


def test_audio_reaches_the_client_byte_for_byte(start: Callable[..., Running], upstream: HTTPServer) -> None:
    audio = bytes(range(256)) * 4000
    answering(upstream, SPEECH, Response(audio, content_type="audio/mpeg"))

    answer = start().speak()

    assert answer.content == audio
    assert answer.headers["content-length"] == str(len(audio))


def test_an_encoding_that_nobody_asked_for_is_undone(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    body = gzip.compress(json.dumps(TRANSCRIPTION).encode())
    answering(
        upstream,
        TRANSCRIPTIONS,
        Response(body, content_type="application/json", headers={"content-encoding": "gzip"}),
    )

    answer = start().transcribe()

    assert answer.json() == TRANSCRIPTION
    assert answer.headers["x-decibill-cost"] == TRANSCRIPTION_COST


def test_a_large_upload_reaches_the_provider_whole(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION))
    upload = bytes(range(256)) * 8192  # 2 MiB

    answer = start().client.post(TRANSCRIPTIONS, data={"model": "transcribe"}, files={"file": upload})

    assert answer.headers["x-decibill-cost"] == TRANSCRIPTION_COST
    assert seen[0].upload == upload


# What is recorded


def test_headers_and_ledger_state_id_cost_and_status(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION))
    gateway = start()

    answer = gateway.transcribe()
    row = gateway.row(answer)

    assert answer.headers["x-decibill-cost"] == row["cost"] == TRANSCRIPTION_COST
    assert answer.headers["x-decibill-cost-status"] == row["status"] == "priced"
    assert row["usage"]["quantities"]["audio_input_tokens"] == 37
    assert row["charge"]["entry"] == "openai/gpt-4o-transcribe/conformance"
    assert (row["alias"], row["model"], row["operation"]) == (
        "transcribe",
        "gpt-4o-transcribe",
        "transcription",
    )
    assert (row["http_status"], row["attempts"], row["complete"], row["row"]) == (200, 1, True, 1)


def test_a_gateway_behind_this_one_does_not_speak_for_it(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    theirs = {"x-decibill-cost": "9", "x-decibill-request-id": "theirs", "x-decibill-cost-status": "free"}
    answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION, **theirs))

    answer = start().transcribe()

    assert answer.headers.get_list("x-decibill-cost") == [TRANSCRIPTION_COST]
    assert answer.headers.get_list("x-decibill-cost-status") == ["priced"]
    assert answer.headers["x-decibill-request-id"] != "theirs"


def test_a_stream_is_charged_like_the_call_without_one(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, as_stream())
    gateway = start()

    answer = gateway.transcribe(stream="true")

    assert gateway.row(answer)["cost"] == TRANSCRIPTION_COST
    assert "x-decibill-cost" not in answer.headers


def test_speech_is_charged_by_the_characters_of_the_request(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, SPEECH, Response(b"mp3", content_type="audio/mpeg"))
    gateway = start()

    answer = gateway.speak()

    assert (
        answer.headers["x-decibill-cost"] == gateway.row(answer)["cost"] == "0.0001548"
    )  # 9 x 17.2 millionths


def test_an_upload_is_measured_where_the_answer_does_not_say_its_length(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, Response("The harbour is silent.\n", content_type="text/plain"))
    gateway = start()

    row = gateway.row(gateway.transcribe("whisper", response_format="text"))

    assert row["usage"]["quantities"] == {"audio_duration_seconds": "0.95"}
    assert row["usage"]["basis"] == {"audio_duration_seconds": "media"}
    assert row["cost"] == "0.0001615"  # 0.95 x 0.0102 / 60


def test_an_upload_that_cannot_be_measured_is_unmetered(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, Response("text", content_type="text/plain"))
    gateway = start()

    answer = gateway.client.post(TRANSCRIPTIONS, data={"model": "whisper"}, files={"file": b"no audio"})

    assert (gateway.row(answer)["status"], gateway.row(answer)["cost"]) == ("unmetered", None)


@pytest.mark.parametrize(("alias", "status"), [("speak-tokens", "unmetered"), ("unpriced", "unpriced")])
def test_a_cost_that_is_not_known_is_never_stated(
    start: Callable[..., Running], upstream: HTTPServer, alias: str, status: str
) -> None:
    answering(upstream, SPEECH, Response(b"mp3", content_type="audio/mpeg"))
    gateway = start()

    answer = gateway.speak(alias)

    assert "x-decibill-cost" not in answer.headers
    assert answer.headers["x-decibill-cost-status"] == gateway.row(answer)["status"] == status
    assert gateway.row(answer)["cost"] is None


def test_usage_that_contradicts_itself_is_recorded_as_refused(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    wrong = {"text": "a", "usage": {**TRANSCRIPTION["usage"], "input_tokens": 5}}
    answering(upstream, TRANSCRIPTIONS, as_json(wrong))
    gateway = start()

    answer = gateway.transcribe()
    row = gateway.row(answer)

    assert answer.json() == wrong
    assert "x-decibill-cost" not in answer.headers
    assert (row["status"], row["cost"], row["charge"]) == ("refused", None, None)
    assert row["error"]["code"] == "inconsistent_usage"
    assert row["error"]["pointer"] == "/response/text/usage/input_token_details/audio_tokens"


def test_an_answer_that_is_not_what_it_says_is_passed_on_and_refused(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, Response("<html>", content_type="application/json"))
    gateway = start()

    answer = gateway.transcribe()

    assert answer.text == "<html>"
    assert gateway.row(answer)["error"]["code"] == "malformed_body"


def test_a_fault_of_the_gateway_does_not_lose_the_record(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError

    answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION))
    gateway = start(seams=replace(SOUND, read=broken))

    answer = gateway.transcribe()

    assert answer.json() == TRANSCRIPTION
    assert gateway.row(answer)["error"]["code"] == "internal_error"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (TRANSCRIPTIONS, as_json(TRANSCRIPTION)),
        (TRANSCRIPTIONS, as_stream()),
        (SPEECH, Response(bytes(200_000), content_type="audio/mpeg")),
        (SPEECH, Response(iter([b"a", b"b"]), content_type="audio/mpeg")),
    ],
    ids=["whole", "stream", "audio of known length", "audio of unknown length"],
)
def test_the_row_is_there_before_the_response_ends(
    tmp_path: Path, upstream: HTTPServer, path: str, answer: Response
) -> None:
    answering(upstream, path, answer)
    alias = Alias("a", "openai", "tts-1", upstream.url_for("/v1"), BOOK)
    at_the_end: list[Any] = []

    async def call(ledger: Ledger) -> None:
        application = Gateway(GatewayConfig(ledger.path, {"a": alias}), ledger).application()
        headers: dict[bytes, bytes] = {}
        received = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b'{"model":"a","input":"b"}', "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal received
            headers.update(message.get("headers", []))
            received += len(message.get("body", b""))
            announced = headers.get(b"content-length", b"-1")
            if received == int(announced) or message.get("more_body") is False:
                at_the_end.append(ledger.find(headers[b"x-decibill-request-id"].decode()))

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        async with application.router.lifespan_context(application):
            await application(scope, receive, send)  # type: ignore[arg-type]

    with Ledger(tmp_path / "usage.sqlite") as ledger:
        asyncio.run(call(ledger))

    assert at_the_end
    assert all(at_the_end)


# Failures and attempts


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_of_the_provider_is_passed_on_and_not_billed(
    start: Callable[..., Running], upstream: HTTPServer, status: int
) -> None:
    error = {"error": {"message": "no"}, "usage": {"type": "duration", "seconds": 9}}
    answering(upstream, TRANSCRIPTIONS, as_json(error, status, **{"retry-after": "7"}))
    gateway = start()

    answer = gateway.transcribe("whisper")
    row = gateway.row(answer)

    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (status, error, "7")
    assert (row["status"], row["cost"], row["http_status"]) == ("not_billable", "0", status)
    assert row["usage"]["quantities"] == {}


def test_a_call_is_charged_once_however_many_attempts_it_took(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, TRANSCRIPTIONS, as_json({}, 500), as_json({}, 503), as_json(TRANSCRIPTION))
    gateway = start(retries=2)

    answer = gateway.transcribe()

    assert (answer.status_code, len(seen)) == (200, 3)
    (row,) = gateway.rows(1)
    assert (row["attempts"], row["cost"]) == (3, TRANSCRIPTION_COST)


@pytest.mark.parametrize(("retries", "status", "attempts"), [(0, 500, 1), (1, 500, 2), (2, 400, 1)])
def test_an_attempt_is_repeated_after_a_server_error_only_and_as_often_as_allowed(
    start: Callable[..., Running], upstream: HTTPServer, retries: int, status: int, attempts: int
) -> None:
    answering(upstream, TRANSCRIPTIONS, as_json({}, status))
    gateway = start(retries=retries)

    assert gateway.row(gateway.transcribe())["attempts"] == attempts


def test_a_provider_that_cannot_be_reached_is_not_billed(start: Callable[..., Running]) -> None:
    with _listen("127.0.0.1", 0) as nobody:
        closed = nobody.getsockname()[1]
    gateway = start(base_url=f"http://127.0.0.1:{closed}/v1", retries=1)

    answer = gateway.transcribe()

    assert answer.status_code == 502
    assert "cannot be reached" in answer.json()["error"]["message"]
    (row,) = gateway.rows(1)
    assert (row["status"], row["cost"], row["attempts"], row["complete"]) == ("not_billable", "0", 2, False)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SMTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    ],
    ids=["nothing", "no HTTP", "a part", "chunks without an end", "no gzip"],
)
def test_a_provider_that_gives_no_whole_answer_may_have_billed(
    start: Callable[..., Running], said: bytes
) -> None:
    with _listen("127.0.0.1", 0) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            with connection:
                while b"--\r\n" not in connection.recv(65536):
                    pass
                connection.sendall(said)

        thread = threading.Thread(target=hang_up)
        thread.start()
        gateway = start(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", retries=3)
        answer = gateway.transcribe()
        thread.join()

    assert answer.status_code == 502
    assert "/v1" not in answer.text  # nor is the client told where the provider is
    (row,) = gateway.rows(1)
    assert (row["status"], row["cost"], row["attempts"], row["complete"]) == ("unmetered", None, 1, False)


def broken_off(body: bytes, content_type: str) -> Callable[[Seen], Response]:
    """Return an answer that breaks off after *body* although its header announces more."""

    def answer(_: Seen) -> Response:
        def pieces() -> Iterator[bytes]:
            yield body
            raise BrokenPipeError  # werkzeug drops the connection without a word

        return Response(pieces(), content_type=content_type, headers={"content-length": "100000"})

    return answer


def test_a_stream_that_breaks_off_is_unmetered_and_seen_to_break_off(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, broken_off(STREAM[:60], "text/event-stream"))
    gateway = start()

    with pytest.raises(httpx.RemoteProtocolError):
        gateway.transcribe(stream="true")

    (row,) = gateway.rows(1)
    assert (row["status"], row["cost"], row["complete"]) == ("unmetered", None, False)
    assert row["usage"]["flags"] == ["stream_incomplete"]


def test_audio_that_breaks_off_is_charged_and_marked(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, SPEECH, broken_off(b"mp3", "audio/mpeg"))
    gateway = start()

    with pytest.raises(httpx.RemoteProtocolError):
        gateway.speak()

    (row,) = gateway.rows(1)
    assert (row["status"], row["cost"], row["complete"]) == ("priced", "0.0001548", False)


def test_a_client_that_goes_away_is_still_charged(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    gone = threading.Event()

    def slowly(_: Seen) -> Response:
        def pieces() -> Iterator[bytes]:
            yield STREAM[:50]
            assert gone.wait(5)
            for place in range(50, len(STREAM), 5):
                yield STREAM[place : place + 5]

        return Response(pieces(), content_type="text/event-stream")

    answering(upstream, TRANSCRIPTIONS, slowly)
    gateway = start()
    with gateway.client.stream(
        "POST", TRANSCRIPTIONS, data={"model": "transcribe", "stream": "true"}, files={"file": WAV}
    ) as answer:
        next(answer.iter_raw())
    gone.set()

    (row,) = gateway.rows(1)
    assert (row["cost"], row["complete"]) == (TRANSCRIPTION_COST, True)


def test_a_server_that_raises_when_the_client_is_gone_changes_nothing(
    tmp_path: Path, upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTIONS, as_stream())
    alias = Alias("a", "openai", "gpt-4o-transcribe", upstream.url_for("/v1"), BOOK)

    async def call(ledger: Ledger) -> None:
        application = Gateway(GatewayConfig(ledger.path, {"a": alias}), ledger).application()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b'{"model":"a"}', "more_body": False}

        async def send(_: dict[str, Any]) -> None:
            raise BrokenPipeError

        scope = {
            "type": "http",
            "method": "POST",
            "path": TRANSCRIPTIONS,
            "query_string": b"",
            "headers": [],
        }
        async with application.router.lifespan_context(application):
            await application(scope, receive, send)  # type: ignore[arg-type]

    with Ledger(tmp_path / "usage.sqlite") as ledger:
        asyncio.run(call(ledger))

        assert [row.cost for row in ledger.rows()] == [TRANSCRIPTION_COST]


def test_a_client_that_leaves_before_it_has_asked_is_no_call(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    gateway = start()
    host, port = gateway.client.base_url.host, gateway.client.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as connection:
        connection.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{")

    assert gateway.rows(0) == []


def test_calls_in_flight_at_once_are_charged_with_their_own_usage(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    together = threading.Barrier(4)

    def counted(request: Seen) -> Response:
        together.wait(5)
        return as_json({"text": "a", "usage": {"type": "duration", "seconds": int(request.form["prompt"])}})

    answering(upstream, TRANSCRIPTIONS, counted)
    gateway = start()
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda seconds: gateway.transcribe("whisper", prompt=str(seconds)), (1, 20, 300, 4000))
        )

    assert [gateway.row(answer)["cost"] for answer in answers] == ["0.00017", "0.0034", "0.051", "0.68"]


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every row fail to be written."""

    async def record(self: Ledger, *rows: Any) -> None:
        raise LedgerError("disk full")

    monkeypatch.setattr(Ledger, "record", record)


@pytest.mark.usefixtures("full_disk")
def test_a_call_that_cannot_be_recorded_fails(start: Callable[..., Running], upstream: HTTPServer) -> None:
    answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION))

    answer = start().transcribe()

    assert answer.status_code == 500
    assert "x-decibill-cost" not in answer.headers


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("kind", ["audio/mpeg", "text/event-stream"])
def test_a_response_that_cannot_be_recorded_is_seen_to_break_off(
    start: Callable[..., Running], upstream: HTTPServer, kind: str
) -> None:
    answering(upstream, SPEECH, Response(iter([b"mp3"]), content_type=kind))
    gateway = start()

    with pytest.raises(httpx.RemoteProtocolError):
        gateway.speak()


@pytest.mark.usefixtures("full_disk")
def test_an_empty_response_does_not_end_before_it_is_recorded(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, SPEECH, Response(b"", content_type="audio/mpeg"))

    assert start().speak().status_code == 500


def test_an_empty_response_is_passed_on_and_recorded(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, SPEECH, Response(b"", content_type="audio/mpeg"))
    gateway = start()
    answer = gateway.speak()

    assert (answer.status_code, answer.content) == (200, b"")
    assert gateway.row(answer)["cost"] == answer.headers["x-decibill-cost"]


def test_half_a_surrogate_pair_from_the_provider_is_recorded_and_told(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    answering(upstream, CHAT, as_json({"service_tier": "\ud83d", "usage": usage}))
    gateway = start()
    answer = gateway.client.post(CHAT, json={"model": "chat", "messages": []})

    assert answer.status_code == 200
    assert gateway.row(answer)["usage"]["service_tier"] == "\ud83d"


@pytest.mark.usefixtures("full_disk")
def test_a_failure_that_cannot_be_recorded_is_a_failure(start: Callable[..., Running]) -> None:
    with _listen("127.0.0.1", 0) as nobody:
        closed = nobody.getsockname()[1]

    assert start(base_url=f"http://127.0.0.1:{closed}/v1").transcribe().status_code == 500


# Requests that never reach the provider


@pytest.mark.parametrize(
    ("path", "content", "content_type", "status", "problem"),
    [
        (SPEECH, b'{"input":"a"}', "application/json", 404, "names no model"),
        (SPEECH, b'{"model":"nobody"}', "application/json", 404, "no model 'nobody'"),
        (SPEECH, b'{"model":7}', "application/json", 404, "names no model"),
        (SPEECH, b"{", "application/json", 400, "not JSON"),
        (SPEECH, b"a=1", "application/x-www-form-urlencoded", 400, "neither"),
        (TRANSCRIPTIONS, b"", "multipart/form-data", 400, "boundary"),
        ("/openai/deployments/nobody/audio/speech", b"{}", "application/json", 404, "no model 'nobody'"),
        ("/v1/images", b"{}", "application/json", 404, "Not Found"),
    ],
)
def test_a_request_that_cannot_be_forwarded_is_refused_and_not_recorded(
    start: Callable[..., Running],
    *,
    path: str,
    content: bytes,
    content_type: str,
    status: int,
    problem: str,
) -> None:
    gateway = start()

    answer = gateway.client.post(path, content=content, headers={"content-type": content_type})

    assert answer.status_code == status
    assert problem in answer.json()["error"]["message"]
    assert gateway.rows(0) == []


def test_a_request_that_is_too_large_is_refused(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decibill_reference.gateway_app._LARGEST_BODY", 1000)

    assert start().client.post(SPEECH, content=b"a" * 1001).status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic key"}, 401),
        ({"api-key": "wrong"}, 401),
        ({"authorization": "Bearer key"}, 200),
        ({"authorization": "bearer key"}, 200),
        ({"api-key": "key"}, 200),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/usage"])
def test_only_those_who_know_the_key_get_in(
    start: Callable[..., Running], path: str, headers: dict[str, str], status: int
) -> None:
    assert start(key="key").client.get(path, headers=headers).status_code == status


def test_calls_need_the_key_as_well(start: Callable[..., Running]) -> None:
    assert start(key="key").speak().status_code == 401


def test_health_needs_no_key(start: Callable[..., Running]) -> None:
    assert start(key="key").client.get("/health").json() == {"status": "ok"}


def test_the_models_are_the_aliases(start: Callable[..., Running]) -> None:
    models = start().client.get("/v1/models").json()["data"]

    assert {"id": "azure", "object": "model", "owned_by": "azure"} in models


# The ledger's window


def test_the_ledger_is_listed_by_time(start: Callable[..., Running], upstream: HTTPServer) -> None:
    answering(upstream, TRANSCRIPTIONS, as_json(TRANSCRIPTION))
    gateway = start()
    rows = [gateway.row(gateway.transcribe()) for _ in range(3)]

    def listed(query: str) -> list[str]:
        return [row["id"] for row in gateway.client.get(f"/v1/usage?{query}").json()["data"]]

    ids = [row["id"] for row in rows]
    assert listed("") == ids
    assert listed(f"since={rows[1]['at']}") == ids[1:]
    assert listed(f"until={rows[1]['at']}") == ids[:1]
    assert listed(f"since={rows[0]['at'][:19]}Z") == ids
    assert gateway.client.get("/v1/usage?limit=2").json()["more"] is True
    assert gateway.client.get("/v1/usage?limit=3").json()["more"] is False


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=", "since=now", "until=2026-13-01"]
)
def test_a_window_that_is_none_is_refused(start: Callable[..., Running], query: str) -> None:
    assert start().client.get(f"/v1/usage?{query}").status_code == 400


def test_a_call_that_is_not_in_the_ledger_is_not_found(start: Callable[..., Running]) -> None:
    assert start().client.get("/v1/usage/nobody").status_code == 404
