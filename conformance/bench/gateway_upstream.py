"""The provider of the gateways' bench: one recorded answer to every call, as fast as Python can give it.

It is a program of its own, so that neither the clients nor the gateway wait for its interpreter. It prints
its address, and ends with its standard input. ``GET /asked`` says how many calls it has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["provider"]

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


@contextlib.contextmanager
def provider(answer: Path) -> Generator[str]:
    """Run a provider that gives the JSON of this file as its answer; yield its address."""
    command = [sys.executable, __file__, str(answer)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this very file
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        assert process.stdin is not None
        process.stdin.close()


class _Provider:
    """What all connections share."""

    def __init__(self, answer: bytes) -> None:
        self.answer = _whole(answer)
        self.asked = 0

    def to(self, head: bytes) -> bytes:
        """Return the answer to a request."""
        method, path = head.split(b" ", 2)[:2]
        if method == b"POST" and b"/audio/transcriptions" in path:
            self.asked += 1
            return self.answer
        if path == b"/asked":
            return _whole(b"%d" % self.asked)
        # a gateway that asks for the provider's models, or pushes its records
        return _whole(b'{"object":"list","data":[]}')


class _Connection(asyncio.Protocol):
    """One connection, which is kept as long as the other side wants."""

    def __init__(self, provider: _Provider) -> None:
        self._provider = provider
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0 or not self._is_whole(head):
            return
        assert self._transport is not None
        self._transport.write(self._provider.to(bytes(self._received[:head])))
        self._received.clear()  # nobody sends a request before the last one is answered

    def _is_whole(self, head: int) -> bool:
        length = _LENGTH.search(self._received, 0, head + 2)
        if length is not None:
            return len(self._received) - head - 4 >= int(length[1])
        chunked = _CHUNKED.search(self._received, 0, head + 2) is not None
        return not chunked or self._received.endswith(_LAST_CHUNK)


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


async def _serve(answer: bytes) -> None:
    shared = _Provider(answer)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(shared), "127.0.0.1", 0)
    address: tuple[str, int] = server.sockets[0].getsockname()
    print(f"http://127.0.0.1:{address[1]}", flush=True)  # noqa: T201 - a program's output
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(json.dumps(json.loads(Path(sys.argv[1]).read_bytes())).encode()))
