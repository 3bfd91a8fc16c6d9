"""Whom a program is connected to, as Linux tells everyone: the other ends of its sockets.

Only sockets that are open at the moment of looking are seen. On other systems nothing is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Peer", "is_elsewhere", "peers", "table"]

_PROC: Final = Path("/proc")
_TABLES: Final = ("tcp", "tcp6", "udp", "udp6")
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")
_SESSION: Final = 3
"""Which of the fields after the name in ``/proc/PID/stat`` is the session."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of one socket."""

    protocol: str
    """``tcp`` or ``udp``."""

    address: str
    port: int
    own: str
    """The address of this end."""

    inode: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}{' (UDP)' if self.protocol == 'udp' else ''}"


def is_elsewhere(peer: Peer) -> bool:
    """Return whether the other end is on another machine, as far as addresses tell."""
    address = ipaddress.ip_address(peer.address)
    return not (address.is_loopback or address.is_unspecified or peer.address == peer.own)


def peers(session: int, wanted: Callable[[Peer], bool] = is_elsewhere) -> frozenset[str]:
    """Return the other ends of the sockets of all processes of *session*, each as ``HOST:PORT``.

    Args:
        session: the process that leads the session, as with ``start_new_session``.
        wanted: which ends are returned.
    """
    found: set[str] = set()
    for process in _processes(session):
        inodes = frozenset(_inodes(process))
        for name in _TABLES if inodes else ():
            with contextlib.suppress(OSError):
                text = (process / "net" / name).read_text("ascii", "replace")
                found |= {str(peer) for peer in table(text, name) if peer.inode in inodes and wanted(peer)}
    return frozenset(found)


def table(text: str, name: str) -> Iterator[Peer]:
    """Yield the connected sockets in *text*, the contents of ``/proc/net/NAME``."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10:
            continue
        address, _, port = fields[2].partition(":")
        if int(port, 16):  # a socket that only listens has no other end
            own = _address(fields[1].partition(":")[0])
            yield Peer(name.removesuffix("6"), _address(address), int(port, 16), own, int(fields[9]))


def _address(text: str) -> str:
    """Return the address that the kernel prints word by word, each in the machine's own byte order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _processes(session: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(_PROC):
            if entry.name.isdecimal() and _session_of(Path(entry.path)) == session:
                yield Path(entry.path)


def _session_of(process: Path) -> int | None:
    try:
        stat = (process / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # the name stands in brackets and can hold anything, brackets too
    return int(stat.rpartition(")")[2].split()[_SESSION])


def _inodes(process: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(process / "fd"):
            with contextlib.suppress(OSError):
                if match := _SOCKET.fullmatch(str(Path(entry.path).readlink())):
                    yield int(match[1])
