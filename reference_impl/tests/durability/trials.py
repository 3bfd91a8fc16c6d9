"""The trials: what is done to the gateway while its clients call, each ended by an audit of the ledger."""

from __future__ import annotations

import http.client
import json
import random
import resource
import sqlite3
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.durability.audit import audit
from tests.durability.clients import Clients, Record
from tests.durability.gateway import SERVE, GatewayProcess, configure
from tests.durability.money import Prices
from tests.durability.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Figures", "clock_trial", "disk_trial", "kill_trial", "lock_trial"]

_LONGEST_S: Final = 900
_POLL_S: Final = 0.002
_ROOM: Final = 64 * 1024
"""How large a file may become while the disk is full; the ledger is larger by then, or soon."""

_JUMPING: Final = ("-m", "tests.durability.jumping")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a trial did and found."""

    trial: str
    requests: int
    received: int
    lost: int
    unrecorded: int
    times: int
    """How often the trouble was made."""

    rows: int
    charged: str
    refund_requests: int
    refunds: int
    refunded: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.trial}, {self.times} times: {self.requests} requests, {self.received} received in full, "
            f"{self.lost} lost, {self.unrecorded} answered as not recorded; "
            f"{self.rows} rows, {self.charged} charged; "
            f"{self.refund_requests} requests for refunds, {self.refunds} refunds, {self.refunded}; "
            f"{self.seconds:.0f} seconds"
        )


class _Trial:
    """A provider, a gateway and its clients in a folder of their own."""

    def __init__(self, name: str, folder: Path, provider: Provider, program: tuple[str, ...]) -> None:
        # Half a year away, so that a clock that is right stays on one side of the change and one that jumps
        # does not.
        self.prices = Prices((datetime.now(UTC) + timedelta(days=200)).replace(microsecond=0))
        self.ledger = folder / "usage.sqlite"
        self.record = Record()
        config = configure(folder, provider.url, self.prices)
        self.gateway = GatewayProcess(config, program)
        self.times = 0
        self._name = name
        self._provider = provider
        self._begun = time.monotonic()

    @contextmanager
    def load(self, requests: int, name: str) -> Iterator[Clients]:
        """Let eight clients make so many calls; wait for them in the end."""
        with Clients(self.gateway, self.record, requests, f"{self._name}/{name}") as clients:
            yield clients

    def figures(self) -> Figures:
        """End the gateway in order, audit its ledger, and return the figures."""
        listed = self._listed()
        assert self.gateway.stop() == 0, self.gateway.said
        totals = audit(self.ledger, self.record, self._provider, self.prices)
        charged = sum((Fraction(row["cost"]) for row in listed if row["cost"] is not None), Fraction(0))
        assert (len(listed), charged) == (totals.rows, totals.charged), "GET /v1/usage tells something else"
        unrecorded = sum(one.unrecorded for one in self.record.received)
        return Figures(
            trial=self._name,
            requests=self.record.requests,
            received=len(self.record.received) - unrecorded,
            lost=self.record.lost,
            unrecorded=unrecorded,
            times=self.times,
            rows=totals.rows,
            charged=_plain(totals.charged),
            refund_requests=self.record.refund_requests,
            refunds=totals.refunds,
            refunded=_plain(totals.refunded),
            seconds=time.monotonic() - self._begun,
        )

    def _listed(self) -> list[dict[str, Any]]:
        """Return every row of the ledger as the gateway lists them."""
        address = self.gateway.address()
        assert address is not None, (
            f"the gateway ended by itself, or hangs: {''.join(self.gateway.said[-20:])}"
        )
        rows: dict[tuple[str, int], dict[str, Any]] = {}
        since, more = "", True
        with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
            while more:
                connection.request("GET", f"/v1/usage?limit=1000&since={since}")
                page = json.loads(connection.getresponse().read())
                rows |= {(row["id"], row["row"]): row for row in page["data"]}
                more = page["more"]
                since = page["data"][-1]["at"] if page["data"] else ""
        return list(rows.values())


@contextmanager
def _trial(name: str, program: tuple[str, ...] = SERVE) -> Iterator[_Trial]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        trial = _Trial(name, folder, stack.enter_context(Provider()), program)
        overdue = threading.Timer(_LONGEST_S, trial.gateway.give_up)  # a gateway that hangs must not hang us
        overdue.start()
        trial.gateway.start()
        try:
            yield trial
        finally:
            overdue.cancel()
            trial.gateway.give_up()
            trial.gateway.kill()


def kill_trial(requests: int, kills: int, seed: int = 0, program: tuple[str, ...] = SERVE) -> Figures:
    """Kill the gateway at random points under load, *kills* times and a few more, and start it again."""
    chance = random.Random(seed)
    with _trial("kill", program) as trial:
        with trial.load(requests, str(seed)) as clients:
            # Each kill has its place among the calls, so that a slow machine has as many.
            for place in sorted(chance.sample(range(requests - 20), kills)):
                while trial.record.requests < place and not clients.done:
                    time.sleep(_POLL_S)
                time.sleep(chance.random() / 50)
                trial.gateway.kill()
                trial.times += 1
                trial.gateway.start()
                if chance.random() < 0.1:  # while it starts, and may be mending its ledger
                    time.sleep(chance.random())
                    trial.gateway.kill()
                    trial.gateway.start()
        return trial.figures()


def lock_trial(requests: int, locks: int, longest_s: float, seed: int = 0) -> Figures:
    """Lock the ledger as another program would, again and again, once for *longest_s* seconds."""
    chance = random.Random(seed)
    with _trial("lock") as trial:
        trial.gateway.address()
        with trial.load(requests, str(seed)) as clients, closing(_open(trial.ledger)) as other:
            while trial.times < locks and not clients.done:
                other.execute("BEGIN IMMEDIATE")
                time.sleep(longest_s if trial.times == 0 else chance.random() / 5)
                other.execute("ROLLBACK")
                trial.times += 1
                time.sleep(chance.random() / 10)
        return trial.figures()


def disk_trial(requests: int, times: int, seed: int = 0) -> Figures:
    """Let no file of the gateway grow for a while, again and again, and kill it once while that is so."""
    chance = random.Random(seed)
    with _trial("disk") as trial:
        trial.gateway.address()
        with trial.load(requests, str(seed)) as clients:
            while not clients.done:
                _wait_for(clients, 1 + chance.randrange(max(1, requests // times)))
                if clients.done:
                    break
                _limit(trial.gateway.pid, _ROOM)
                _wait_for(clients, 1 + chance.randrange(max(1, requests // times)))
                trial.times += 1
                if trial.times % 4 == 1:
                    trial.gateway.kill()
                    trial.gateway.start()
                else:
                    _limit(trial.gateway.pid, resource.RLIM_INFINITY)
        _limit(trial.gateway.pid, resource.RLIM_INFINITY)
        return trial.figures()


def clock_trial(requests: int, kills: int, seed: int = 0) -> Figures:
    """Let the gateway's clock jump with every call, over a change of prices, and kill it now and then."""
    chance = random.Random(seed)
    with _trial("clock", _JUMPING) as trial:
        with trial.load(requests, str(seed)) as clients:
            while trial.times < kills and not clients.done:
                _wait_for(clients, 1 + chance.randrange(max(1, requests // (kills + 1))))
                trial.gateway.kill()
                trial.times += 1
                trial.gateway.start()
        return trial.figures()


def _wait_for(clients: Clients, calls: int) -> None:
    """Wait until so many more calls have been made or refunds been asked for, or all."""
    # Refunds count: while the disk is full they are asked for again and again, and no call is made.
    end = _sent(clients) + calls
    while _sent(clients) < end and not clients.done:
        time.sleep(_POLL_S)


def _sent(clients: Clients) -> int:
    return clients.record.requests + clients.record.refund_requests


def _open(ledger: Path) -> sqlite3.Connection:
    return sqlite3.connect(ledger, isolation_level=None, timeout=60)


def _limit(process: int, size: int) -> None:
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _plain(amount: Fraction) -> str:
    """Return an amount of at most twelve places in full."""
    scaled = amount * 10**12
    assert scaled.denominator == 1
    return f"{Decimal(scaled.numerator).scaleb(-12):f}"
