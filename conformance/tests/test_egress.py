"""A gateway under test that tries to reach another machine is noticed and refused."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from decibill import sockets
from decibill._data import data_directory
from decibill.cases import load_cases, select_cases
from decibill.declaration import Declaration
from decibill.declaration_read import parse
from decibill.drive import DriveOptions
from decibill.egress import Egress
from decibill.engine import RunOptions, run
from decibill.errors import PreflightError
from decibill.report.model import Report
from decibill.sockets import Peer, is_elsewhere, peers, table

linux = pytest.mark.skipif(sys.platform != "linux", reason="sockets are looked at on Linux only")


def proxied(egress: Egress) -> httpx.Client:
    """Return a client that does what the variables say."""
    return httpx.Client(proxy=egress.environment["ALL_PROXY"], trust_env=False, timeout=5)


def test_nothing_is_said_of_a_gateway_that_stays_on_this_machine() -> None:
    with Egress() as egress:
        assert egress.notes() == ()


def test_a_plain_request_is_refused_and_its_host_noted() -> None:
    with Egress() as egress, proxied(egress) as client:
        answer = client.post("http://user:secret@api.example/v1/audio/speech", content=b"x")

        assert answer.status_code == 403
        assert "this machine only" in answer.text
        assert egress.notes() == (
            "the gateway tried to reach api.example:80, which is not on this machine (once, refused)",
        )


def test_a_tunnel_is_refused_and_counted() -> None:
    with Egress() as egress, proxied(egress) as client:
        for _ in range(3):
            with pytest.raises(httpx.ProxyError, match="403"):
                client.get("https://generativelanguage.example:8443/v1beta/models")

        assert egress.notes() == (
            "the gateway tried to reach generativelanguage.example:8443, which is not on this machine "
            "(3 times, refused)",
        )


def test_of_many_hosts_some_are_named() -> None:
    with Egress() as egress, proxied(egress) as client:
        for number in range(7):
            client.get(f"http://h{number}.example/")
        notes = egress.notes()

    assert len(notes) == 6
    assert notes[-1] == "it did so with 2 more hosts"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://[broken/ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"HEAD /health HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"",
    ],
    ids=["to the listener itself", "no address", "head", "no http", "nothing"],
)
def test_what_is_no_request_to_a_proxy_is_not_held_against_the_gateway(sent: bytes) -> None:
    with Egress() as egress:
        port = int(egress.environment["http_proxy"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
        assert egress.notes() == ()


def test_a_host_cannot_steer_a_terminal_or_fill_the_report() -> None:
    with Egress() as egress:
        port = int(egress.environment["http_proxy"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"CONNECT \x1b[31m" + b"x" * 1000 + b":443 HTTP/1.1\r\n\r\n")
            while client.recv(4096):
                pass
        (note,) = egress.notes()

    assert "\x1b" not in note
    assert len(note) < 400


def test_this_machine_and_the_upstream_need_no_proxy() -> None:
    with Egress(["upstream.internal"]) as egress:
        environment = egress.environment

    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost,::1,upstream.internal"
    assert {environment[name] for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY")} == {
        environment["http_proxy"]
    }


# Sockets

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(own: str, other: str, inode: int = 7) -> str:
    """Return one line of a table of sockets, whose words are in the order of this machine."""
    return f"   0: {own} {other} 01 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0\n"


def kernel(address: str, port: int) -> str:
    """Return an address as the kernel prints it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"


@pytest.mark.parametrize(
    ("address", "shown", "elsewhere"),
    [
        ("93.184.216.34", "93.184.216.34:443", True),
        ("127.0.0.53", "127.0.0.53:443", False),
        ("::1", "[::1]:443", False),
        ("2001:db8::7", "[2001:db8::7]:443", True),
        ("::ffff:93.184.216.34", "93.184.216.34:443", True),
        ("::ffff:127.0.0.1", "127.0.0.1:443", False),
    ],
)
def test_the_other_end_of_a_socket_is_read(address: str, shown: str, elsewhere: bool) -> None:
    own = "2001:db8::1" if ":" in address else "10.0.0.2"
    (peer,) = table(HEADER + row(kernel(own, 40000), kernel(address, 443)), "tcp6")

    assert (str(peer), is_elsewhere(peer), peer.inode) == (shown, elsewhere, 7)


def test_a_socket_that_only_listens_has_no_other_end() -> None:
    listens = row(kernel("0.0.0.0", 8000), kernel("0.0.0.0", 0))
    assert list(table(HEADER + listens + "a line that is cut", "tcp")) == []


def test_a_machine_that_calls_itself_by_its_own_address_stays_where_it_is() -> None:
    (peer,) = table(HEADER + row(kernel("10.0.0.2", 40000), kernel("10.0.0.2", 8471)), "udp")

    assert str(peer) == "10.0.0.2:8471 (UDP)"
    assert not is_elsewhere(peer)


CHILD = textwrap.dedent(
    """
    import socket, subprocess, sys, time
    if len(sys.argv) > 2:
        subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]]).wait()
    held = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    time.sleep(30)
    """
)


@contextmanager
def connected(*more: str) -> Iterator[tuple[int, int]]:
    """Yield the session of a program, and the port of a listener that it is connected to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = subprocess.Popen([sys.executable, "-c", CHILD, str(port), *more], start_new_session=True)
        try:
            accepted, _ = listener.accept()
            with accepted:
                yield program.pid, port
        finally:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


@linux
@pytest.mark.parametrize("more", [(), (CHILD,)], ids=["itself", "its child"])
def test_connections_of_a_session_are_seen(more: tuple[str, ...]) -> None:
    with connected(*more) as (session, port):
        assert f"127.0.0.1:{port}" in peers(session, lambda peer: peer.port == port)
        assert peers(session) == frozenset(), "loopback is this machine"


@linux
def test_an_open_connection_to_another_machine_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback stands for another machine, because a test reaches no other."""
    with connected() as (session, port), Egress() as egress:
        monkeypatch.setattr(egress, "_is_elsewhere", lambda peer: peer.port == port)
        egress.watch(session)
        deadline = time.monotonic() + 5
        while not egress.notes() and time.monotonic() < deadline:
            time.sleep(0.02)
        notes = egress.notes()

    assert notes == (
        f"the gateway was connected to 127.0.0.1:{port}, which is not on this machine; nothing refused that",
    )


@linux
def test_a_host_that_the_gateway_may_reach_is_not_held_against_it() -> None:
    allowed = Peer("tcp", "198.51.100.7", 443, "10.0.0.2", 1)
    with Egress() as strict, Egress(["198.51.100.7", "no such host at all."]) as told:
        assert strict._is_elsewhere(allowed)
        assert not told._is_elsewhere(allowed)


def test_looking_at_a_session_that_is_gone_finds_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    gone.wait()

    assert peers(gone.pid) == frozenset()


def test_a_system_without_such_tables_shows_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sockets, "_PROC", tmp_path)
    assert peers(1) == frozenset()


def test_it_ends_with_its_block() -> None:
    before = threading.active_count()
    with Egress() as egress:
        egress.watch(1)
        port = int(egress.environment["http_proxy"].rpartition(":")[2])
    assert threading.active_count() == before
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


# A whole run

GOES_OUT = """
import os, sys, urllib.request
try:
    urllib.request.urlopen("http://telemetry.example/v1/traces", timeout=5)
except OSError:
    os.execv(sys.executable, [sys.executable, "-m", "decibill", "serve", *sys.argv[1:]])
"""

WRONG_BASE = """
import http.server, sys, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        try:
            urllib.request.urlopen("https://api.provider.example/v1/chat/completions", timeout=5)
        except OSError:
            self.send_response(502)
            self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""

DIES = """
import sys, urllib.request
try:
    urllib.request.urlopen("https://licence.example/check", timeout=5)
except OSError:
    sys.exit("no licence")
"""


def gateway_of(program: str) -> Declaration:
    """Return the reference gateway with another program before it."""
    text = (data_directory("gateways") / "reference.toml").read_text("utf-8")
    document = tomllib.loads(text, parse_float=Decimal)
    document["start"]["argv"][1:4] = ["{file.program}"]
    document["files"]["program"] = {"path": "program.py", "text": program}
    return parse(document, "goes-out.toml")


def run_of(program: str) -> Report:
    """Return the report on a gateway that is started."""
    cases = select_cases(load_cases(), only=["gateway/preflight-text-chat"])
    return run(gateway_of(program), cases, RunOptions(drive=DriveOptions(start=True)))


def test_a_run_notes_the_host_that_the_gateway_tried() -> None:
    report = run_of(GOES_OUT)

    assert report.verdict.word == "conformant"
    assert report.notes == (
        "the gateway tried to reach telemetry.example:80, which is not on this machine (once, refused)",
    )


def test_a_gateway_that_calls_the_provider_instead_is_told_so_before_the_run() -> None:
    with pytest.raises(PreflightError, match=r"never called the upstream .* api\.provider\.example:443"):
        run_of(WRONG_BASE)


def test_a_gateway_that_needs_another_machine_to_start_is_told_so() -> None:
    with pytest.raises(PreflightError, match=r"(?s)ended with code 1 .* licence\.example:443.*no licence"):
        run_of(DIES)
