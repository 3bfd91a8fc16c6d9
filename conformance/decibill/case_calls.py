"""The calls of a case whose client makes several: each read as a case of its own.

A client that makes different calls at once, or that gets one answer from the gateway's cache, needs more than
one right answer. The calls after the first stand in ``others``; here they take the place of the first, so
that what is checked of one call can be checked of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from decibill.errors import Fault

__all__ = ["count_faults", "faults_at_call", "other_calls"]


def other_calls(case: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and document of each call after the first, as if it were the only call of its case."""
    sent, upstream = case["when"].get("others", ()), case["given"]["upstream"]
    for n, then in enumerate(case["then"].get("others", ())):
        answers = upstream[-1]["answers"]
        when = {name: case["when"][name] for name in case["when"] if name not in ("others", "client")}
        if n < len(sent):
            when = dict(sent[n])
            answers = [*answers[n + 1 : n + 2], *answers[: n + 1], *answers[n + 2 :]]
        last = {**upstream[-1], "answers": answers}
        yield (
            n,
            {
                **case,
                "given": {**case["given"], "upstream": [*upstream[:-1], last]},
                "when": when,
                "then": {"proves": case["then"]["proves"], **then},
            },
        )


def count_faults(case: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield where the calls, what is right for them, and the answers to them are not equally many."""
    client, when, then = case["when"].get("client", "read_all"), case["when"], case["then"]
    calls = 1 if client == "read_all" else client.get("repeat", client.get("parallel", 1))
    for part, others in (("when", when.get("others")), ("then", then.get("others"))):
        if others is not None and len(others) != calls - 1:
            yield Fault(
                f"/{part}/others", f"has {len(others)} calls; the client makes {calls}, the first apart"
            )
    if "others" not in when:
        return
    if "others" not in then:
        yield Fault("/then", "says nothing of the calls in /when/others")
    if len(case["given"]["upstream"][-1]["answers"]) < calls:
        yield Fault("/given/upstream", f"needs an answer for each of the {calls} calls, in their order")
    dialects = {name for name in when if name not in ("others", "client")}
    for n, call in enumerate(when["others"]):
        if set(call) != dialects:
            yield Fault(
                f"/when/others/{n}", f"must be in the dialects of the first call: {', '.join(dialects)}"
            )


def faults_at_call(n: int, faults: Iterable[Fault]) -> Iterator[Fault]:
    """Yield *faults* of the document of the *n*-th other call with the places that they have in the file."""
    for fault in faults:
        part, slash, rest = fault.pointer.removeprefix("/").partition("/")
        own = part in {"when", "then"} and slash and not rest.startswith("proves")
        yield Fault(f"/{part}/others/{n}/{rest}", fault.problem) if own else fault
