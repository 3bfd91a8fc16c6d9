"""The clients of a trial: each calls, remembers what it received in full, and asks for refunds."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.durability.money import CHARGED, KINDS, quantity_of

if TYPE_CHECKING:
    from tests.durability.gateway import GatewayProcess

__all__ = ["Asked", "Clients", "Received", "Record"]

_WEIGHTS: Final = (24, 18, 12, 16, 8, 6, 4, 4, 4, 4)
_CLIENTS: Final = 8
_GIVEN: Final = (200, 201)
_TIMEOUT_S: Final = 120
_BOUNDARY: Final = "durability"


class Received(NamedTuple):
    """A response that a client had in full."""

    id: str
    kind: str
    amount: int
    http_status: int
    cost: str | None
    """As the header states it."""

    unrecorded: bool
    """Whether the gateway said that it could not record the call."""


@dataclass(slots=True)
class Asked:
    """A refund that was asked for until there was an answer."""

    call: str
    body: dict[str, Any]
    asked: int = 0
    status: int = 0
    answer: Any = None


@dataclass
class Record:
    """What all clients together know."""

    requests: int = 0
    """Calls that were sent."""

    received: list[Received] = field(default_factory=list)
    refunds: list[Asked] = field(default_factory=list)
    refund_requests: int = 0
    faults: list[str] = field(default_factory=list)
    lost: int = 0
    """Calls whose response did not come, or not in full."""

    amounts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(lambda: 20))
    """The quantity of the latest call of each kind."""


class Clients:
    """Eight clients, each in a thread, as a context manager that waits for them."""

    def __init__(self, gateway: GatewayProcess, record: Record, requests: int, name: str) -> None:
        self.record = record
        self._gateway = gateway
        self._left = requests
        self._lock = threading.Lock()
        self._hot: deque[Received] = deque(maxlen=1)
        self._threads = [
            threading.Thread(target=self._client, args=(random.Random(f"{name}/{n}"), f"{name}/{n}"))
            for n in range(_CLIENTS)
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is not None:
            self._gateway.give_up()
        for thread in self._threads:
            thread.join()

    @property
    def done(self) -> bool:
        """Whether all calls have been made and all refunds asked for."""
        return not any(thread.is_alive() for thread in self._threads)

    def _client(self, chance: random.Random, name: str) -> None:
        connection: http.client.HTTPConnection | None = None
        seen_hot = ""
        made = 0
        try:
            while (taken := self._take(chance)) is not None:
                kind, amount = taken
                connection, received = self._call(connection, kind, amount)
                hot = self._hot[-1] if self._hot else None
                if hot is not None and hot.id != seen_hot:  # all clients want a part of the same call at once
                    seen_hot, made = hot.id, made + 1
                    part = {quantity_of(hot.kind): (hot.amount + 3) // 4}
                    body = {"id": f"{name}/{made}", "quantities": part}
                    connection = self._refund(connection, hot.id, body, chance)
                if received is None or kind not in CHARGED or received.unrecorded:
                    continue
                if not self._hot or chance.random() < 0.04:
                    self._hot.append(received)
                    continue
                if chance.random() > 0.08:
                    continue
                made += 1
                body = {"id": f"{name}/{made}", "full": True}
                if chance.random() < 0.6:
                    body = {
                        "id": body["id"],
                        "quantities": {quantity_of(kind): chance.randint(1, amount + 2)},
                    }
                connection = self._refund(connection, received.id, body, chance)
        except Exception as error:  # noqa: BLE001 - a client that dies must not look like one that is done
            self._fault(f"client {name} failed: {error!r}")
        finally:
            if connection is not None:
                connection.close()

    def _take(self, chance: random.Random) -> tuple[str, int] | None:
        (kind,) = chance.choices(KINDS, _WEIGHTS)
        with self._lock:
            if self._left == 0:
                return None
            self._left -= 1
            self.record.amounts[kind] += 1
            return kind, self.record.amounts[kind]

    def _fault(self, fault: str) -> None:
        with self._lock:
            self.record.faults.append(fault)

    def _call(
        self, connection: http.client.HTTPConnection | None, kind: str, amount: int
    ) -> tuple[http.client.HTTPConnection | None, Received | None]:
        path, content_type, body = _request(kind, amount)
        sent, answer = False, None
        while not sent and self._gateway.address() is not None:
            connection, sent, answer = self._send(connection, path, body, content_type)
        with self._lock:
            self.record.requests += sent
            self.record.lost += sent and answer is None
        if answer is None:
            return connection, None
        response, content = answer
        unrecorded = response.status == 500 and b"could not be recorded" in content
        received = Received(
            response.getheader("x-decibill-request-id", ""),
            kind,
            amount,
            response.status,
            response.getheader("x-decibill-cost"),
            unrecorded,
        )
        with self._lock:
            self.record.received.append(received)
        return connection, received

    def _refund(
        self,
        connection: http.client.HTTPConnection | None,
        call: str,
        body: dict[str, Any],
        chance: random.Random,
    ) -> http.client.HTTPConnection | None:
        """Ask until there is an answer, now and then once more, and now and then for something else."""
        asked = Asked(call, body)
        while True:
            connection, answer = self._ask(connection, asked)
            if answer is None:
                if self._gateway.address() is None:
                    return None
                continue
            if asked.status:
                if not _same((asked.status, asked.answer), answer):
                    self._fault(f"refund {body['id']}: first {asked.status} {asked.answer}, then {answer}")
                break
            asked.status, asked.answer = answer
            if chance.random() > 0.2:
                break
        with self._lock:
            self.record.refunds.append(asked)
        if asked.status in _GIVEN and chance.random() < 0.2:
            other = Asked(call, {"id": body["id"], "quantities": {"text_output_tokens": 5}})
            connection, answer = self._ask(connection, other)
            if answer is not None and answer[0] != 409:
                self._fault(f"refund {body['id']} with another content: {answer}")
        return connection

    def _ask(
        self, connection: http.client.HTTPConnection | None, asked: Asked
    ) -> tuple[http.client.HTTPConnection | None, tuple[int, Any] | None]:
        """Return what the gateway answers, or None if that is not known, or it could not even try."""
        document = json.dumps({"call": asked.call, **asked.body}).encode()
        connection, sent, answer = self._send(connection, "/v1/refunds", document, "application/json")
        asked.asked += sent
        with self._lock:
            self.record.refund_requests += sent
        if answer is None or answer[0].status == 503:
            return connection, None
        return connection, (answer[0].status, json.loads(answer[1]))

    def _send(
        self,
        connection: http.client.HTTPConnection | None,
        path: str,
        body: bytes,
        content_type: str,
    ) -> tuple[http.client.HTTPConnection | None, bool, tuple[http.client.HTTPResponse, bytes] | None]:
        """Return a connection to go on with, whether the request was sent, and the whole response."""
        sent = False
        try:
            if connection is None:
                address = self._gateway.address()
                if address is None:
                    return None, False, None
                connection = http.client.HTTPConnection(*address, timeout=_TIMEOUT_S)
                connection.connect()
            sent = True
            connection.request("POST", path, body, {"content-type": content_type})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            if connection is not None:
                connection.close()
            return None, sent, None
        if response.will_close:
            connection.close()
            connection = None
        return connection, True, (response, content)


def _same(first: tuple[int, Any], second: tuple[int, Any]) -> bool:
    """Tell whether the answers to one refund, asked for twice, are those of one refund."""
    if first[0] in _GIVEN:
        return second == (200, first[1])
    return second[0] == first[0] and second[1]["error"]["code"] == first[1]["error"]["code"]


def _request(kind: str, amount: int) -> tuple[str, str, bytes]:
    """Return path, content type and body of a call."""
    mark = f"<{kind}:{amount}>"
    if kind == "speech":
        body = {"model": kind, "voice": "alloy", "input": mark.ljust(amount, "é")}
        return "/v1/audio/speech", "application/json", json.dumps(body).encode()
    if kind == "chat":
        chat = {"model": kind, "messages": [{"role": "user", "content": mark}]}
        return "/v1/chat/completions", "application/json", json.dumps(chat).encode()
    fields = {"model": kind, "prompt": mark} | ({"stream": "true"} if kind == "sse" else {})
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    disposition = 'Content-Disposition: form-data; name="file"; filename="a.wav"'
    file = f"--{_BOUNDARY}\r\n{disposition}\r\n\r\nRIFF\r\n--{_BOUNDARY}--\r\n"
    return (
        "/v1/audio/transcriptions",
        f"multipart/form-data; boundary={_BOUNDARY}",
        ("".join(parts) + file).encode(),
    )
