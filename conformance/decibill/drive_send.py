"""Sending the calls of one instance, and keeping what came back and what reached the upstream."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from decibill import template
from decibill.case import Request
from decibill.curl import curl_line, session_line
from decibill.declaration import Declaration
from decibill.drive_values import case_values
from decibill.media import Body, build, frame_texts, named_frames
from decibill.observe_ledger import SentCall
from decibill.plan import Instance
from decibill.session_client import Talk
from decibill.statements import Attempt, Delivery, Spent
from decibill.target import Call, Target
from decibill.template_tree import render
from decibill.transcript import is_session, transcript
from decibill.upstream_server import ReplayUpstream

__all__ = ["Sender", "Sent", "in_order"]

_ENDS_WITHIN_S: Final = 5.0
"""How long the upstream's side of a call may go on after the client has gone."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What happened when the calls of one instance were sent."""

    instance: Instance
    calls: tuple[SentCall, ...]
    deliveries: tuple[Delivery, ...]
    attempts: tuple[Attempt, ...]
    exchanges: tuple[Mapping[str, Any] | None, ...]
    """For every call, the exchange that answered the gateway's last attempt."""

    curl: str
    spent: Spent | None = None
    """Where the time went, as far as it can be told; without what is left to do for the instance."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    call: Call
    values: Mapping[str, str]
    curl: str


def in_order(send: Callable[[Instance], Sent], instances: Sequence[Instance], jobs: int) -> Iterator[Sent]:
    """Yield what came of each instance, in order, *jobs* of them in flight at once."""
    if jobs <= 1:
        yield from map(send, instances)
        return
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(send, instances)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C nothing more is sent
            raise


class Sender:
    """Sends calls to one gateway.

    Args:
        declaration: the gateway.
        target: its client side.
        upstream: the replay upstream behind it.
        values: template values of the run.
        root: the fixtures root.
    """

    def __init__(
        self,
        declaration: Declaration,
        target: Target,
        upstream: ReplayUpstream,
        values: Mapping[str, str],
        root: Path,
    ) -> None:
        self._declaration = declaration
        self._target = target
        self._upstream = upstream
        self._values = values
        self._root = root
        self._armed = declaration.upstream.select == "armed"

    def load(self, instances: Sequence[Instance]) -> None:
        """Make the instances known to the upstream."""
        # Also where the path tells: a gateway may leave it out of some calls, as for sessions.
        by_key = not {"case.token", "case.id"}.isdisjoint(template.names(self._declaration.upstream.key))
        for instance in instances:
            self._upstream.load(
                instance.token,
                instance.case.steps,
                key=self.values(instance)["case.key"] if by_key else None,
                hold=instance.case.client.kind == "disconnect_after",
                together=instance.case.client.calls if instance.case.client.kind == "parallel" else 1,
            )

    def values(self, instance: Instance) -> dict[str, str]:
        """Return the template values of *instance*."""
        return case_values(instance, self._declaration, self._values, self._root)

    def send(self, instance: Instance, label: str | None = None) -> Sent:
        """Send the calls of *instance*, one after another or at once as its client does.

        Args:
            instance: what to send.
            label: the name of its calls in the ledgers; by default the instance's id.
        """
        started = time.monotonic()
        name = label or instance.id
        prepared = [self._prepare(instance, number) for number in range(1 + len(instance.case.others))]
        self._upstream.take(instance.token)
        self._upstream.seconds(instance.token)  # from here on
        if instance.case.client.kind == "parallel":
            deliveries, calls, served = self._at_once(instance, prepared, name)
        else:
            deliveries, calls, served = self._in_turn(instance, prepared, name)
        if self._armed:
            self._upstream.disarm()
        return Sent(
            instance=instance,
            calls=tuple(calls),
            deliveries=tuple(deliveries),
            attempts=tuple(attempt for attempts, _ in served for attempt in attempts),
            exchanges=_exchanges(instance, served),
            curl=prepared[0].curl,
            spent=self._spent(instance, deliveries, time.monotonic() - started),
        )

    def _spent(self, instance: Instance, deliveries: Sequence[Delivery], whole: float) -> Spent | None:
        """Return where the time of an instance went, unless the sides of its calls wait for each other."""
        at_upstream = self._upstream.seconds(instance.token)
        if instance.case.client.kind not in {"read_all", "repeat"} or instance.case.operation == "realtime":
            return None
        if any(delivery.error is not None for delivery in deliveries):
            return None
        gateway = max(sum(delivery.seconds for delivery in deliveries) - at_upstream, 0.0)
        return Spent(overhead=whole - gateway, gateway=gateway)

    def _prepare(self, instance: Instance, number: int) -> _Prepared:
        case, declaration = instance.case.of_call(number), self._declaration
        values = self.values(instance)
        request = self._with_additions(case.when[instance.dialect], values)
        route = declaration.routes[instance.dialect][case.operation]
        path = _with_query(template.fill(route, values, declaration.file), request.query)
        secret = {name: f"{{{name}}}" for name in values if name.startswith(("env.", "set."))}
        added = _filled(declaration.request.headers, {**values, **secret}, declaration.file)
        named = template.fill(route, {**values, **secret}, declaration.file)
        shown = {**declaration.auth.headers, **request.headers, **added}
        url, name = self._target.url + _with_query(named, request.query, safe="{}"), values["case.name"]
        if case.operation == "realtime":
            talk = self._talk(instance, request, name)
            call = Call("GET", path, request.headers, Body(b"", None), talk=talk)
            return _Prepared(call, values, session_line(url, shown, named_frames(request, name)))
        body = build(request, name, self._root)
        client = case.client
        after = client.number if client.kind == "disconnect_after" else None
        call = Call("POST", path, request.headers, body, disconnect_after=after)
        return _Prepared(call, values, curl_line("POST", url, shown, body))

    def _talk(self, instance: Instance, request: Request, name: str) -> Talk:
        """Return what the client of a session does, told how far the upstream is."""
        exchange = instance.case.exchange
        return Talk(
            entries=transcript(exchange, self._root) if is_session(exchange) else (),
            frames=frame_texts(request, name, self._root),
            has_played=partial(self._upstream.has_played, instance.token),
            is_complete=partial(self._upstream.is_complete, instance.token),
        )

    def _with_additions(self, request: Request, values: Mapping[str, str]) -> Request:
        """Return *request* with what the declaration adds to every call."""
        added, file = self._declaration.request, self._declaration.file
        headers = {**request.headers, **_filled(added.headers, values, file)}
        if request.json is None or not added.json:
            return replace(request, headers=headers)
        return replace(
            request, headers=headers, json={**render(added.json, values, (), file), **request.json}
        )

    def _in_turn(self, instance: Instance, prepared: Sequence[_Prepared], name: str) -> _Sendings:
        deliveries: list[Delivery] = []
        calls: list[SentCall] = []
        served: list[_Served] = []
        for number in range(instance.case.client.calls):
            self._upstream.begin(instance.token, arm=self._armed)
            delivery, values = self._one(prepared[number % len(prepared)])
            if instance.case.client.kind == "disconnect_after" or prepared[0].call.talk is not None:
                self._upstream.release(instance.token)
                self._let_the_answer_end(instance)
            deliveries.append(delivery)
            calls.append(SentCall(name, number, values))
            served.append(self._take(instance))
        return deliveries, calls, served

    def _at_once(self, instance: Instance, prepared: Sequence[_Prepared], name: str) -> _Sendings:
        count = instance.case.client.calls
        self._upstream.begin(instance.token, arm=self._armed)
        together = threading.Barrier(count)

        def one(number: int) -> tuple[Delivery, Mapping[str, str]]:
            together.wait(10)
            return self._one(prepared[number % len(prepared)])

        with ThreadPoolExecutor(count) as pool:
            results = list(pool.map(one, range(count)))
        if prepared[0].call.talk is not None:
            self._upstream.release(instance.token)
            self._let_the_answer_end(instance)
        calls = [SentCall(name, number, values) for number, (_, values) in enumerate(results)]
        return [delivery for delivery, _ in results], calls, [self._take(instance)]

    def _one(self, prepared: _Prepared) -> tuple[Delivery, Mapping[str, str]]:
        correlate = self._declaration.correlate
        call_id = str(uuid.uuid4())
        call = prepared.call
        if correlate.send_header is not None:
            call = replace(call, headers={**call.headers, correlate.send_header: call_id})
        delivery = self._target.send(call)
        if correlate.response_header is not None:
            call_id = delivery.headers.get(correlate.response_header, "")
        elif correlate.send_header is None:
            call_id = ""
        return delivery, {**prepared.values, "call.id": call_id}

    def _take(self, instance: Instance) -> _Served:
        served = self._upstream.take(instance.token)
        answered = [each.exchange for each in served if each.exchange is not None]
        return tuple(each.attempt for each in served), answered[-1] if answered else None

    def _let_the_answer_end(self, instance: Instance) -> None:
        """Wait until the upstream has sent the rest, which the gateway must read to its end; at most 5 s."""
        self._upstream.has_answered(instance.token, _ENDS_WITHIN_S)


def _exchanges(instance: Instance, served: Sequence[_Served]) -> tuple[Mapping[str, Any] | None, ...]:
    """Return for every call the exchange that answered it; of calls at once only the case can say which."""
    case = instance.case
    if case.client.kind != "parallel":
        return tuple(exchange for _, exchange in served)
    return tuple(case.of_call(n).exchange if case.others else served[0][1] for n in range(case.client.calls))


def _with_query(path: str, query: Mapping[str, str], safe: str = "") -> str:
    """Return *path* with the members of *query* in its query string."""
    if not query:
        return path
    path, _, own = path.partition("?")
    return f"{path}?{urlencode({**dict(parse_qsl(own, keep_blank_values=True)), **query}, safe=safe)}"


def _filled(headers: Mapping[str, str], values: Mapping[str, str], file: str) -> dict[str, str]:
    return {name: template.fill(value, values, file) for name, value in headers.items()}


_Served = tuple[tuple[Attempt, ...], Mapping[str, Any] | None]
_Sendings = tuple[list[Delivery], list[SentCall], list[_Served]]
