"""Running the reference gateway, which bills the audio of four providers: calls, streams and sessions."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from decibill_reference.gateway_app import Gateway
from decibill_reference.gateway_config import GatewayConfig
from decibill_reference.gateway_metering import SOUND, Seams
from decibill_reference.gateway_realtime_upstream import LARGEST_FRAME
from decibill_reference.ledger import Ledger, LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

__all__ = ["SOUND", "Gateway", "GatewayConfig", "LedgerError", "Seams", "serve_forever", "settings_of"]


def serve_forever(
    config: GatewayConfig,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seams: Seams = SOUND,
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until the process is told to stop.

    Args:
        config: what to serve.
        host: the address to listen on.
        port: 0 for any free port.
        seams: the steps of metering, replaced by a named defect's.
        started: is told the gateway's address once it listens.

    Raises:
        OSError: the address cannot be listened on.
        LedgerError: the ledger cannot be opened.
    """
    with _listen(host, port) as listening, Ledger(config.ledger) as ledger:
        bound: int = listening.getsockname()[1]
        settings = settings_of(Gateway(config, ledger, seams))
        shown = f"[{host}]" if ":" in host else host
        server = uvicorn.Server(settings)
        with _ending(server):
            started(f"http://{shown}:{bound}")
            server.run(sockets=[listening])


def settings_of(gateway: Gateway) -> uvicorn.Config:
    """Return how a gateway is served."""
    return uvicorn.Config(
        gateway.application(),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=LARGEST_FRAME,
        ws_per_message_deflate=False,  # audio is not made shorter by it
    )


@contextlib.contextmanager
def _ending(server: uvicorn.Server) -> Generator[None]:
    """End the server on SIGINT and SIGTERM, and let the process live on to close the ledger.

    While it serves, the server catches both itself, and raises them again when its calls are finished. Here
    they are caught before and after.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol spelt out, asyncio turns Nagle's algorithm off, which would cost 40 ms a response.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except BaseException:
        listening.close()
        raise
    return listening
