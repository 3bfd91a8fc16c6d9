"""A Parquet or CSV log of usage records, summed by a columnar engine, priced by the calculator.

The engine adds up quantities, in whole numbers and decimals, and prices nothing. Where all rates of a model
are plain ones, what rows of equal signs cost together is what their sum costs (``reference_impl/LOGS.md``
says why), so the calculator rates one record for many rows. All other rows are rated as they are, equal ones
once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.charge import rate
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.files import FileError
from decibill_reference.money import PLACES, multiply
from decibill_reference.quantities import COUNTS
from decibill_reference.rate_lines.columns import KEYS, WORDS, Columns, among, literal, select
from decibill_reference.rate_lines.columns import PLACES as QUANTITY_PLACES
from decibill_reference.rate_lines.summary import Summary
from decibill_reference.usage import UsageRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from decibill_reference.money import UnitPrice
    from decibill_reference.prices import Entry, PriceBook

__all__ = ["Table", "is_linear", "is_table", "rate_table"]

_REPORTED: Final = "provider_reported"
_ROWS: Final = 10_000
"""Rows that are taken from the engine at once."""

_WORD: Final = re.compile("[^ ,]+")


@dataclass(frozen=True, slots=True)
class Table:
    """What a log comes to, and the columns of it that mean nothing here."""

    summary: Summary
    unread: tuple[str, ...]


def rate_table(path: Path, book: PriceBook, at: str | None = None, threads: int | None = None) -> Table:
    """Return what the records of a log come to.

    Args:
        path: a file whose name ends in `.parquet`, or in `.csv`, which can be compressed (`.gz`, `.zst`).
        book: the prices.
        at: the instant whose prices are used, or None for each record's own.
        threads: threads of the engine; None is as many as there are cores.

    Raises:
        FileError: the file is no such log, or DuckDB is not installed.
    """
    engine = _engine(path)
    config: dict[str, Any] = {} if threads is None else {"threads": threads}
    try:
        with engine.connect(config=config) as connection:
            return _Log(connection, path).table(book, at)
    except engine.Error as error:
        raise FileError(str(path), f"cannot be read as a table: {error}") from None


def is_linear(entry: Entry) -> bool:
    """Return whether twice the quantities cost twice as much, to the last place and without rounding.

    A price of so many places that one of `PLACES` cannot hold what a quantity costs would be rounded once for
    each record; so only then is the sum of the totals the total of the sum.
    """
    rates = entry.rates.values()
    changes = [change for rate in rates for change in (rate.step, rate.minimum, rate.tiers, rate.multiply_by)]
    changes += [addon.minimum for addon in entry.addons.values()]
    if entry.fees or any(change is not None for change in changes):
        return False
    return all(
        _is_held(price, entry, 0 if rate.quantity in COUNTS else QUANTITY_PLACES)
        for rate in rates
        for price in (rate.price, *(addon.over(rate.price) for addon in entry.addons.values()))
    )


def _is_held(price: UnitPrice, entry: Entry, places: int) -> bool:
    exact = multiply(price.exact, entry.multiplier)
    return isinstance(exact, Decimal) and _places(exact) + places <= PLACES


def _places(value: Decimal) -> int:
    denominator, places = value.as_integer_ratio()[1], 0
    while 10**places % denominator:
        places += 1
    return places


def _not_linear(book: PriceBook) -> set[tuple[str, str]]:
    return {
        (entry.provider, model) for entry in book.entries if not is_linear(entry) for model in entry.models
    }


def _instants(book: PriceBook) -> Iterator[Any]:
    for entry in book.entries:
        yield entry.start
        if entry.end is not None:
            yield entry.end


def _engine(path: Path) -> Any:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise FileError(str(path), "is a table, which needs DuckDB: pip install 'decibill[table]'") from None
    return duckdb


class _Log:
    """A file as a table of the engine."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self._source = _source(path)
        self._columns = Columns(
            {name: kind for name, kind, *_ in self._query(f"DESCRIBE {select('*', self._source)}")}
        )
        if missing := self._columns.missing():
            raise FileError(str(path), f"has no column {' and none '.join(missing)}")

    def table(self, book: PriceBook, at: str | None) -> Table:
        """Return what the rows come to."""
        summary = Summary()
        rows = select(self._columns.sort(_instants(book)), f"({select(self._columns.read(), self._source)})")
        plain = f"regular AND NOT ({among(_not_linear(book))})"
        for usage, records in self._sums(f"({rows}) WHERE {plain}"):
            try:
                together = rate(usage, book, at)
                summary.add_together(usage.provider, usage.model, together, records)
            except DecibillReferenceError as error:  # a price that is ambiguous is so for each of them
                summary.refuse(error.code, records)
        for document, records in self._rows(f"({rows}) WHERE NOT ({plain})"):
            try:
                usage = UsageRecord.from_json(document)
                summary.add(usage.provider, usage.model, rate(usage, book, at), records)
            except DecibillReferenceError as error:
                summary.refuse(error.code, records)
        return Table(summary, self._columns.unread)

    def _sums(self, rows: str) -> Iterator[tuple[UsageRecord, int]]:
        """Yield the sum of the rows of every group, as one record, and how many they are."""
        quantities = self._columns.quantities
        wanted = ", ".join([*KEYS, "min(said)", "count(*)", *(f"sum({name})" for name in quantities)])
        for row in self._query(f"{select(wanted, rows)} GROUP BY {', '.join([*KEYS, 'period', 'signs'])}"):
            document, basis = _document(row, row[len(KEYS)])
            summed = {
                name: int(value) if name in COUNTS else value
                for name, value in zip(quantities, row[len(KEYS) + 2 :], strict=True)
                if value is not None
            }
            # A sum may have more digits than a quantity of one record; so it does not go through the reader.
            empty = UsageRecord.from_json({**document, "quantities": {}, "basis": {}})
            yield empty._replace(quantities=summed, basis=dict.fromkeys(summed, basis)), row[len(KEYS) + 1]

    def _rows(self, rows: str) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield every record that differs from others in more than its time, and how many it stands for."""
        quantities = self._columns.quantities
        told_apart = ", ".join([*KEYS, *(f"raw_{name}" for name in quantities)])
        wanted = f"{told_apart}, min(said), count(*)"
        for row in self._query(f"{select(wanted, rows)} GROUP BY {told_apart}, period, odd"):
            document, basis = _document(row, row[-2])
            stated = {
                name: Decimal(value) if name in self._columns.binary else value
                for name, value in zip(quantities, row[len(KEYS) : -2], strict=True)
                if value is not None
            }
            yield {**document, "quantities": stated, "basis": dict.fromkeys(stated, basis)}, row[-1]

    def _query(self, statement: str) -> Iterator[tuple[Any, ...]]:
        result = self._connection.execute(statement)
        while rows := result.fetchmany(_ROWS):
            yield from rows


def _source(path: Path) -> str:
    """Return the table of a file; of a CSV file all cells are text, so that none is read as another thing."""
    if _ending(path) == ".parquet":
        return f"read_parquet({literal(str(path))})"
    quotes = "delim = ',', quote = '\"', escape = '\"'"  # nothing is guessed
    return f"read_csv({literal(str(path))}, header = true, all_varchar = true, {quotes})"


def is_table(path: Path) -> bool:
    """Return whether a file is a table, which its name tells."""
    return _ending(path) in {".parquet", ".csv"}


def _ending(path: Path) -> str:
    """Return how the name of a file ends, in lower case, but for the compression of a CSV file."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return Path(name).suffix


def _document(row: tuple[Any, ...], said: str | None) -> tuple[dict[str, Any], str]:
    """Return the members of a usage record but its quantities, and their basis."""
    cells = dict(zip(KEYS, row, strict=False))
    words = {name: _WORD.findall(cells.pop(name) or "") for name in WORDS}
    basis: str = cells.pop("basis") or _REPORTED
    return {**{name: text for name, text in cells.items() if text is not None}, **words, "at": said}, basis
