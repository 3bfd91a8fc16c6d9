"""``decibill list`` and ``decibill show``: what there is to know about cases, requirements and defects."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from decibill._data import data_directory
from decibill.case import ExchangeCase, ExpectedCharge, RecordCase
from decibill.cases import load_cases, select_cases
from decibill.cli.defects import named_defects
from decibill.declaration_read import declared_names, load
from decibill.errors import UnknownNameError
from decibill.judge_call import plain
from decibill.report.text import printable
from decibill.specification import load_specification
from decibill.transcript import DROPPED, is_session, transcript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decibill.case import Case
    from decibill.cli.defects import NamedDefect
    from decibill.prose import Requirement
    from decibill.specification import Specification
    from decibill.transcript import Entry

__all__ = ["list_", "show"]

_WIDTH = 100
_LABEL = 13


@click.command("list", short_help="List cases, requirements, gateways or defects.")
@click.option("--only", metavar="GLOB", multiple=True, help="Only cases with such an id.")
@click.option("--feature", metavar="NAME", multiple=True, help="Only cases with this feature.")
@click.option("--provider", metavar="NAME", multiple=True, help="Only cases of this provider.")
@click.option("--requirements", "what", flag_value="requirements", help="List the requirements instead.")
@click.option("--gateways", "what", flag_value="gateways", help="List the declared gateways instead.")
@click.option(
    "--defects", "what", flag_value="defects", help="List the reference gateway's named defects instead."
)
@click.pass_context
def list_(context: click.Context, /, what: str | None, **options: tuple[str, ...]) -> None:
    """List what there is, one a line: its id, then what it is about."""
    if what == "requirements":
        rows = [(row.id, f"{row.level:<10} {row.text}") for row in load_specification().requirements.values()]
    elif what == "gateways":
        rows = [(name, _gateway(name)) for name in declared_names()]
    elif what == "defects":
        rows = [(name, str(defect)) for name, defect in named_defects(context).items()]
    else:
        cases = select_cases(
            load_cases(), only=options["only"], features=options["feature"], providers=options["provider"]
        )
        rows = [(case.id, case.title) for case in cases]
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        click.echo(f"{name.ljust(width)}  {text}".rstrip())


def _gateway(name: str) -> str:
    declaration = load(name)
    return f"{declaration.name} {declaration.version}"


@click.command(short_help="Explain a case, a requirement or a defect.")
@click.argument("identity", metavar="ID")
@click.pass_context
def show(context: click.Context, identity: str) -> None:
    """Show everything about a case, a requirement or a named defect."""
    cases = {case.id: case for case in load_cases()}
    specification = load_specification()
    if identity in cases:
        lines = _case(cases[identity], specification)
    elif identity in specification.requirements:
        lines = _requirement(specification.requirements[identity], specification, list(cases.values()))
    else:
        defects = named_defects(context)
        if identity not in defects:
            known = [*cases, *specification.requirements, *defects]
            raise UnknownNameError("case, requirement or defect", identity, known)
        lines = _defect(defects[identity])
    for line in lines:
        click.echo(printable(line))


def _field(label: str, text: str) -> Iterator[str]:
    """Yield *text* behind its label, wrapped below itself."""
    wrapped = textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from wrapped or [label]


def _fields(label: str, texts: Iterable[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        yield from _field(label if index == 0 else "", text)


def _case(case: Case, specification: Specification) -> Iterator[str]:
    yield case.id
    yield f"  {case.title}"
    yield ""
    yield from _field("why", case.why)
    changed = f" {case.source.changed}" if case.source.changed else ""
    yield from _field("source", f"{case.source.kind}, read {case.source.read}: {case.source.url}{changed}")
    yield from _fields("bug", (f"{flag.bug} {flag.effect}" for flag in case.flags))
    yield from _field("features", ", ".join(case.features))
    yield from _field("prices", case.book or "those of the charge")
    if isinstance(case, ExchangeCase):
        yield from _exchange(case)
    elif isinstance(case, RecordCase):
        yield from _field("record", f"a {case.kind} case, for calculators")
    if case.charge is not None:
        yield from _charge(case.charge)
    if case.error is not None:
        yield from _field("refused", f"{case.error.code} {case.error.pointer or ''}")
    for requirement, checks in case.proves.items():
        row = specification.requirements.get(requirement)
        text = f": {row.text}" if row else ""
        yield from _field("proves", f"{requirement} by {', '.join(checks)}{text}")
    yield ""
    yield f"run          decibill run --only {case.id} -v"
    yield f"file         fixtures/cases/{case.id}.json"


def _exchange(case: ExchangeCase) -> Iterator[str]:
    what = f"{case.operation} of {case.provider}'s {case.model}{', streamed' if case.stream else ''}"
    yield from _field("call", f"{what}; asked in the dialect {' or '.join(case.when)}")
    if is_session(case.exchange):
        yield from _session(transcript(case.exchange, data_directory("fixtures")))
    if case.client.kind != "read_all":
        yield from _field("client", f"{case.client.kind} {case.client.number}")
    if len(case.steps) > 1:
        statuses = [str(step.answers[0].exchange["response"]["status"]) for step in case.steps]
        yield from _field("upstream", f"answers {', then '.join(statuses)}")
    if case.usage is not None:
        basis: Mapping[str, Any] = case.usage.record.get("basis", {})
        yield from _fields(
            "usage",
            (f"{name} = {plain(n)} ({basis.get(name, '?')})" for name, n in case.usage.quantities.items()),
        )
        if case.usage.unknown:
            yield from _field("unknown", ", ".join(case.usage.unknown))
        if case.usage.flags:
            yield from _field("flags", ", ".join(case.usage.flags))
    for number, call in enumerate(case.others, 2):
        if call.charge is not None:
            total = (
                "unknown"
                if call.charge.total is None
                else f"{plain(call.charge.total)} {call.charge.currency}"
            )
            yield from _field(f"call {number}", f"{total} ({call.charge.status})")
    for other in case.accepted:
        right = other.status or (plain(other.total) if other.total is not None else "")
        yield from _field("also right", f"{right}: {other.reason} {other.arithmetic}")


def _session(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what is said in a session, runs of one kind counted, and how it ends."""
    for is_server, run in groupby(entries, key=lambda entry: entry.is_server):
        kinds = [(kind, len(list(same))) for kind, same in groupby(run, key=_told)]
        said = ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in kinds)
        yield from _field("server" if is_server else "client", said)
    if not entries or entries[-1].close is None:
        yield from _field("client", "closes with 1000")


def _told(entry: Entry) -> str:
    if entry.close is None:
        return entry.kind
    return "drops the connection" if entry.close == DROPPED else f"closes with {entry.close}"


def _charge(charge: ExpectedCharge) -> Iterator[str]:
    total = "unknown" if charge.total is None else f"{plain(charge.total)} {charge.currency}"
    yield from _field("cost", f"{total} ({charge.status})")
    times = "\N{MULTIPLICATION SIGN}"
    for line in charge.lines:
        factor = "" if line.multiplier == 1 else f" {times} {plain(line.multiplier)}"
        addon = f" for {line.addon}" if line.addon else ""
        sum_ = (
            f"{plain(line.billed)} {line.quantity} {times} {line.amount} / {plain(line.per)}{factor}{addon}"
        )
        yield from _field("", f"{sum_} = {plain(line.subtotal)}")
    for gap in charge.unpriced:
        yield from _field("", f"{gap.get('quantity', '')} is not priced: {gap.get('reason')}")


def _requirement(row: Requirement, specification: Specification, cases: Sequence[Case]) -> Iterator[str]:
    yield f"{row.id}  {row.level}"
    yield from textwrap.wrap(row.text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield from _field("where", row.href)
    yield from _field("observable", _OBSERVABLE.get(row.observable, row.observable))
    if row.features:
        yield from _field("features", ", ".join(row.features))
    if row.id in specification.exclusions:
        yield from _field("no case", specification.exclusions[row.id])
    proving = [case for case in cases if row.id in case.proves]
    yield from _fields("cases", (f"{case.id} ({', '.join(case.proves[row.id])})" for case in proving))
    if proving:
        yield ""
        yield f"run          decibill run --only {row.id} -v"


_OBSERVABLE = {
    "wire": "on a gateway and in a calculator's records",
    "record": "in a calculator's records",
    "internal": "neither on a gateway nor in records",
}


def _defect(defect: NamedDefect) -> Iterator[str]:
    yield defect.name
    yield from textwrap.wrap(defect.summary, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield from _fields("breaks", defect.requirements)
    yield from _field("kind", defect.kind)
    yield from _field("seen at", defect.bug or "no public report known")
    yield ""
    yield f"run          decibill run --defect {defect.name}"
