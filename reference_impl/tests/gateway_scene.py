"""A reference gateway that serves, a client of it, and a provider on the loopback interface behind it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import threading
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from decibill_reference.gateway import Gateway, GatewayConfig, _listen, settings_of
from decibill_reference.ledger import Ledger
from decibill_reference.prices import PriceBook
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from decibill_reference.gateway_metering import Seams
    from pytest_httpserver import HTTPServer
    from werkzeug import Request

__all__ = [
    "BOOK",
    "STREAM",
    "WAV",
    "Running",
    "Seen",
    "answering",
    "as_json",
    "as_stream",
    "running",
    "silence",
]

FIXTURES = Path(__file__).parents[2] / "fixtures"
BOOK = PriceBook.from_json(json.loads((FIXTURES / "price-books" / "conformance.json").read_text()))


def silence(seconds: float) -> bytes:
    """Return a WAV file of 16-bit silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(round(seconds * 8000) * 2))
    return file.getvalue()


WAV = silence(0.95)

STREAM = b"".join(
    (
        b'data: {"type":"transcript.text.delta","delta":"The harbour"}\r\n\r\n',
        b": a comment\r\n\r\n",
        b'data: {"type":"transcript.text.done","text":"\xc3\xa9","usage":{"type":"tokens","input_tokens":37,'
        b'"output_tokens":12,"total_tokens":49,"input_token_details":{"audio_tokens":37,"text_tokens":0}}}\r\n\r\n',
        b"data: [DONE]\r\n\r\n",
    )
)


class Server(uvicorn.Server):
    """A server that stops when it is told to.

    The one of a real gateway looks for that every tenth of a second, and then waits for another: hundreds of
    tests start one, and what they wait for is not the server.
    """

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self._serves = threading.Event()
        self._told = asyncio.Event()

    def stop(self) -> None:
        """Stop serving, as a signal would make it; a second one changes nothing."""
        assert self._serves.wait(10)
        with contextlib.suppress(RuntimeError):  # it has stopped
            self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self.on_tick(0)
        self._serves.set()
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_tasks_to_complete()
        await self.lifespan.shutdown()


@dataclass
class Running:
    """A gateway that serves, and a client of it."""

    url: str
    ledger: Ledger
    client: httpx.Client
    server: Server
    thread: threading.Thread

    def stop(self) -> None:
        """Tell the gateway to stop, and wait until it has."""
        self.server.stop()
        self.thread.join()

    def rows(self, count: int) -> list[dict[str, Any]]:
        """Return the rows of the ledger, which must come to *count* within ten seconds."""
        for _ in range(1000):
            rows: list[dict[str, Any]] = self.client.get("/v1/usage").json()["data"]
            if len(rows) >= count:
                break
            time.sleep(0.01)
        assert len(rows) == count
        return rows

    def row(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the row of the call that was answered."""
        found = self.client.get(f"/v1/usage/{answer.headers['x-decibill-request-id']}")
        assert found.status_code == 200
        row: dict[str, Any] = found.json()
        return row

    def transcribe(self, alias: str = "transcribe", **fields: str) -> httpx.Response:
        return self.client.post(
            "/v1/audio/transcriptions",
            data={"model": alias, **fields},
            files={"file": ("a.wav", WAV, "audio/wav")},
        )

    def speak(self, alias: str = "speak", **members: Any) -> httpx.Response:
        return self.client.post("/v1/audio/speech", json={"model": alias, "input": "Grüß Gott", **members})


@dataclass
class Seen:
    """A request as the provider received it."""

    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    upload: bytes
    body: bytes

    @classmethod
    def of(cls, request: Request) -> Seen:
        with contextlib.closing(request):
            upload = request.files["file"].read() if "file" in request.files else b""
            headers = {name.lower(): value for name, value in request.headers.items()}
            return cls(request.args.to_dict(), headers, request.form.to_dict(), upload, request.get_data())


@contextlib.contextmanager
def running(config: GatewayConfig, seams: Seams) -> Iterator[Running]:
    with _listen("127.0.0.1", 0) as listening, Ledger(config.ledger) as ledger:
        settings = settings_of(Gateway(config, ledger, seams))
        settings.log_level = "critical"
        server = Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
                yield Running(url, ledger, client, server, thread)
        finally:
            server.stop()
            thread.join()


def answering(upstream: HTTPServer, path: str, *answers: Response | Callable[[Seen], Response]) -> list[Seen]:
    """Let the provider give these answers in turn, the last one for ever; return the requests it gets."""
    seen: list[Seen] = []

    def handler(request: Request) -> Response:
        seen.append(Seen.of(request))
        answer = answers[min(len(seen), len(answers)) - 1]
        return answer if isinstance(answer, Response) else answer(seen[-1])

    upstream.expect_request(path, method="POST").respond_with_handler(handler)
    return seen


def as_json(document: Any, status: int = 200, **headers: str) -> Response:
    return Response(json.dumps(document), status, {"content-type": "application/json", **headers})


def as_stream(body: bytes = STREAM, size: int = 7) -> Response:
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    return Response(iter(pieces), content_type="text/event-stream; charset=utf-8")
