"""Signals end a server of a process, and leave one in a thread of another program alone."""

from __future__ import annotations

import signal
import threading

import uvicorn
from decibill_reference.gateway import _ending


def handlers_while_serving(server: uvicorn.Server, seen: list[object]) -> None:
    with _ending(server):
        seen.append(signal.getsignal(signal.SIGTERM))


def test_a_server_in_a_thread_leaves_the_programs_signals_alone() -> None:
    server, seen = uvicorn.Server(uvicorn.Config("unused:app")), list[object]()
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=handlers_while_serving, args=(server, seen))
    thread.start()
    thread.join()

    assert seen == [before]


def test_in_the_main_thread_a_signal_ends_the_server_and_is_then_the_programs_again() -> None:
    server = uvicorn.Server(uvicorn.Config("unused:app"))
    before = signal.getsignal(signal.SIGTERM)
    with _ending(server):
        signal.raise_signal(signal.SIGTERM)

    assert server.should_exit
    assert signal.getsignal(signal.SIGTERM) is before
