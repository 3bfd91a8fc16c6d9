"""The suite inside a program or a test of yours: cases, and the verdict on one case.

::

    from decibill.library import load_cases, observed, run_case, select_cases, subject

    mine = subject(quantities=["audio_input_tokens", "text_output_tokens"])


    def transport(instance):
        bill = my_gateway.account(instance.case.exchange)  # what the provider answered
        return observed(instance, cost=bill.cost, usage=bill.usage)


    for case in select_cases(load_cases(), only=["azure/transcription-founding-report"]):
        for result in run_case(case, mine, transport):
            assert result.outcome == "pass", [check.because for check in result.checks]

`run_case` judges as a run does. A transport may also speak HTTP: what it returns is what was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from decibill.cases import load_cases, select_cases
from decibill.declaration import (
    DIALECTS,
    OPERATIONS,
    PROVIDERS,
    Auth,
    Correlate,
    Cost,
    Declaration,
    Features,
    Prices,
    Source,
    Upstream,
)
from decibill.engine import run_case
from decibill.plan import Instance
from decibill.statements import Attempt, Delivery, Kind, Observation, SourceObservation, Statement

__all__ = ["load_cases", "observed", "run_case", "select_cases", "subject"]

_SOURCE = "record"

Number = str | int | Decimal | None


def subject(
    *,
    operations: Iterable[str] = OPERATIONS,
    providers: Iterable[str] = PROVIDERS,
    dialects: Iterable[str] = DIALECTS,
    quantities: Iterable[str] = (),
) -> Declaration:
    """Return the declaration of what a transport hands over: one record of a call, its cost and quantities.

    Args:
        operations: what it does; other cases have no results.
        providers: whose answers it reads.
        dialects: the dialects of the calls.
        quantities: what it counts; others are not judged.
    """
    known, spoken = tuple(operations), tuple(dialects)
    return Declaration(
        file="(a library)",
        id="library",
        name="library",
        version="",
        url="",
        port=0,
        dialects=spoken,
        features=Features(operations=frozenset(known), stream=frozenset(known), price_scope="alias"),
        start=None,
        auth=Auth(),
        model_name="",
        upstream=Upstream("none", "path", dict.fromkeys(providers, "")),
        provider_names={},
        operation_names={},
        prices=Prices("book"),
        files={},
        routes={dialect: dict.fromkeys(known, "/") for dialect in spoken},
        correlate=Correlate(),
        observe=(
            Source(
                _SOURCE,
                "body",
                "ledger",
                cost=Cost("/cost"),
                usage={name: (f"/usage/{name}",) for name in quantities},
            ),
        ),
    )


def observed(instance: Instance, *, cost: Number, usage: Mapping[str, Number] | None = None) -> Observation:
    """Return what was seen of a case whose calls all reached the provider as recorded, once each.

    Args:
        instance: the case.
        cost: in US dollars, exact; None is unknown. Never a float.
        usage: quantities by their names in the specification; None is unknown.
    """
    case = instance.case
    attempts = tuple(
        Attempt("POST", "(not sent)", {}, step)
        for _ in range(case.upstream_calls)
        for step in range(len(case.steps))
    )
    source = SourceObservation(
        _SOURCE,
        "ledger",
        cost=_statement("cost", cost),
        usage={name: _statement(name, number) for name, number in (usage or {}).items()},
    )
    delivery = Delivery(int(case.exchange["response"]["status"]))
    calls = case.client.calls
    return Observation((delivery,) * calls, attempts, ((source,),) * calls)


def _statement(name: str, number: Number) -> Statement:
    where = f"{name} of the record"
    if number is None:
        return Statement(Kind.UNKNOWN, where)
    if isinstance(number, float):
        raise TypeError(f"{name} is a float, which is not exact; hand over a Decimal, an int or its text")
    return Statement(Kind.NUMBER, where, Decimal(number), str(number))
