"""The provider of a trial: answers by what the request asks for, and remembers what it answered."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tests.durability.money import OUTPUT

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Provider"]

_MARK: Final = re.compile(rb"<(\w+):(\d+)>")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PAUSE_S: Final = 0.004


def _tokens(audio: int, *, contradictory: bool = False) -> dict[str, Any]:
    return {
        "type": "tokens",
        "input_tokens": audio,
        "output_tokens": OUTPUT,
        "total_tokens": audio + OUTPUT,
        "input_token_details": {"audio_tokens": audio + contradictory, "text_tokens": 0},
    }


class Provider:
    """An HTTP server on loopback, as a context manager, in a thread of its own."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, int]] = Counter()
        """How often each call reached the provider."""

        self.answered: set[tuple[str, int]] = set()
        """The calls that it began to answer with success."""

        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="durability-provider")
        self._end: asyncio.Event | None = None

    def __enter__(self) -> Provider:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._listening.set()
        await self._end.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the gateway was killed, or the trial is over
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        mark = _MARK.search(body)
        assert mark is not None
        kind, amount = mark[1].decode(), int(mark[2])
        self.asked[kind, amount] += 1
        if kind == "dropped":
            return False
        if kind in {"refused", "busy"} or (kind == "retry" and self.asked[kind, amount] == 1):
            status = 429 if kind == "busy" else 503
            document = {"error": {"message": "not now"}, "usage": _tokens(amount)}
            await self._whole(writer, status, "application/json", json.dumps(document).encode())
            return True
        self.answered.add((kind, amount))
        if kind == "sse":
            await self._stream(writer, amount)
        elif kind == "speech":
            await self._audio(writer, amount)
        elif kind == "broken":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{")
            await writer.drain()
            return False
        else:
            await self._whole(writer, 200, "application/json", json.dumps(_answer(kind, amount)).encode())
        return True

    async def _whole(self, writer: asyncio.StreamWriter, status: int, kind: str, body: bytes) -> None:
        head = f"HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter, amount: int) -> None:
        done = {"type": "transcript.text.done", "text": "a b c", "usage": _tokens(amount)}
        events = [{"type": "transcript.text.delta", "delta": letter} for letter in "abc"] + [done]
        pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in events] + [b"data: [DONE]\n\n"]
        await self._chunked(writer, "text/event-stream", pieces)

    async def _audio(self, writer: asyncio.StreamWriter, amount: int) -> None:
        pieces = [b"audio" * 100] * 4
        if amount % 2:
            await self._chunked(writer, "audio/mpeg", pieces)
            return
        length = sum(map(len, pieces))
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: {length}\r\n\r\n".encode()
        )
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(_PAUSE_S)

    async def _chunked(self, writer: asyncio.StreamWriter, kind: str, pieces: list[bytes]) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(_PAUSE_S)
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _answer(kind: str, amount: int) -> dict[str, Any]:
    if kind == "chat":
        usage = {
            "prompt_tokens": amount,
            "completion_tokens": OUTPUT,
            "total_tokens": amount + OUTPUT,
            "prompt_tokens_details": {"audio_tokens": 0, "text_tokens": amount, "cached_tokens": 0},
            "completion_tokens_details": {"audio_tokens": 0, "text_tokens": OUTPUT, "reasoning_tokens": 0},
        }
        return {"object": "chat.completion", "choices": [], "usage": usage}
    return {"text": "a b c", "usage": _tokens(amount, contradictory=kind == "contradictory")}
