"""What no schema can say of the session in a case: its order, its end, and that the client says its part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from decibill.errors import DecibillError, Fault
from decibill.pointer import join
from decibill.transcript import Entry, is_session, kind_of, transcript

__all__ = ["session_faults"]

_CLOSES: Final = frozenset({1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


def session_faults(case: Mapping[str, Any], dialects: Sequence[str], root: Path) -> Iterator[Fault]:
    """Yield the faults of the sessions in a *case* of exchanges.

    Args:
        case: the case, valid by its schema.
        dialects: those of its `when`.
        root: the fixtures root.
    """
    frames: list[str] | None = None
    for s, step in enumerate(case["given"]["upstream"]):
        for a, answer in enumerate(step["answers"]):
            exchange = answer["exchange"]
            if not is_session(exchange):
                continue
            at = join("given", "upstream", s, "answers", a, "exchange", "response")
            try:
                entries = transcript(exchange, root)
            except DecibillError as error:
                yield Fault(at, str(error))
                continue
            yield from _order_faults(entries, at)
            frames = [entry.kind for entry in entries if not entry.is_server and entry.close is None]
    if frames is None:
        return
    for dialect in dialects:
        sent = [kind_of(frame) for frame in case["when"][dialect].get("frames", ())]
        if sent != frames:
            yield Fault(
                join("when", dialect),
                f"sends {_listed(sent)}; in the transcript the client sends {_listed(frames)}",
            )


def _order_faults(entries: Sequence[Entry], at: str) -> Iterator[Fault]:
    for number, entry in enumerate(entries):
        if entry.close is None:
            if not entry.kind:
                yield Fault(at, f"entry {number} of the transcript is no frame with a kind")
            continue
        if number < len(entries) - 1:
            yield Fault(at, f"entry {number} ends the session, and entries follow it")
        if not (entry.close in _CLOSES or 3000 <= entry.close <= 4999):
            yield Fault(at, f"entry {number} closes with {entry.close}, which no one may send")


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(kinds) or "nothing"
