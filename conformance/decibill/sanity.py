"""Sanity of our own data: ``python -m decibill.sanity`` checks the fixtures as a whole.

Each check is a function from a `Tree` to findings; `CHECKS` is all of them. A finding names the file, the
JSON pointer and what to change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import click

from decibill import jsonio, schemas
from decibill._data import data_directory
from decibill.book_checks import ambiguities, book_faults
from decibill.book_doubts import doubts
from decibill.case_checks import case_faults, exchange_of, files_of
from decibill.errors import Fault, InvalidFileError
from decibill.pointer import join

__all__ = ["CHECKS", "MAX_BYTES", "Finding", "Tree", "main", "run"]

MAX_BYTES: Final = 5_000_000
"""Size that the whole tree stays under, so that others can vendor it."""

_CONFORMANCE: Final = "price-books/conformance.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to put right in the fixtures."""

    file: str
    pointer: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}{f' at {self.pointer}' if self.pointer else ''}: {self.problem}"


class Tree:
    """The fixtures at *root*, each file read once, and the ids of the requirements in *spec*."""

    def __init__(self, root: Path, spec: Path | None = None) -> None:
        self.root = root
        self.spec = spec

    def name(self, path: Path) -> str:
        """Return the name of a file below the root, as findings give it."""
        return path.relative_to(self.root).as_posix()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file of the tree, sorted."""
        return tuple(sorted(path for path in self.root.rglob("*") if path.is_file()))

    @cached_property
    def cases(self) -> dict[str, dict[str, Any]]:
        """Cases by file name; unreadable ones are left out, since `unreadable` reports them."""
        return self._read("cases")

    @cached_property
    def books(self) -> dict[str, dict[str, Any]]:
        """Price books by file name."""
        return self._read("price-books")

    @cached_property
    def schema_faults(self) -> dict[str, tuple[Fault, ...]]:
        """What the schemas find in cases and price books, by file name."""
        return {name: schemas.faults("case", case) for name, case in self.cases.items()} | {
            name: schemas.faults("price-book", book) for name, book in self.books.items()
        }

    @cached_property
    def sound_cases(self) -> dict[str, dict[str, Any]]:
        """Cases that their schema accepts."""
        return {name: case for name, case in self.cases.items() if not self.schema_faults[name]}

    @cached_property
    def exchange_cases(self) -> dict[str, dict[str, Any]]:
        """Sound cases that start from an exchange."""
        return {name: case for name, case in self.sound_cases.items() if "upstream" in case["given"]}

    @cached_property
    def sound_books(self) -> dict[str, dict[str, Any]]:
        """Price books that their schema accepts."""
        return {name: book for name, book in self.books.items() if not self.schema_faults[name]}

    @cached_property
    def requirements(self) -> frozenset[str] | None:
        """Ids of all requirements; None where there is no catalogue."""
        file = self.spec / "requirements.json" if self.spec else None
        if file is None or not file.is_file():
            return None
        return frozenset(row["id"] for row in jsonio.load_file(file)["requirements"])

    def books_of_error(self, code: str) -> frozenset[str]:
        """Return the price books of the cases that expect a refusal with *code*."""
        return frozenset(
            case["given"]["prices"]
            for case in self.sound_cases.values()
            if case["then"].get("error", {}).get("code") == code
        )

    def _read(self, folder: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path in self.files:
            if self.name(path).startswith(f"{folder}/") and path.suffix == ".json":
                try:
                    found[self.name(path)] = jsonio.load_file(path, self.name(path))
                except InvalidFileError:
                    continue
        return found


Check = Callable[[Tree], Iterator[Finding]]


def run(tree: Tree) -> list[Finding]:
    """Return what every check finds, sorted by file."""
    return sorted((finding for check in CHECKS for finding in check(tree)), key=lambda finding: finding.file)


def unreadable(tree: Tree) -> Iterator[Finding]:
    """Our JSON files are strict JSON in canonical form: two spaces, no escapes, one line break at the end."""
    for path in tree.files:
        name = tree.name(path)
        if path.suffix != ".json" or name.startswith("upstream/"):
            continue
        try:
            jsonio.load_file(path, name)
        except InvalidFileError as error:
            yield Finding(name, error.pointer or "", error.problem)
            continue
        text = path.read_bytes().decode()
        if json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n" != text:
            yield Finding(name, "", "is not in canonical form: json.dumps(..., indent=2, ensure_ascii=False)")


def schema_faults(tree: Tree) -> Iterator[Finding]:
    """Cases and price books are what their schemas say, but for books that a case expects to be refused."""
    refused = tree.books_of_error("invalid_price_book")
    for name, faults in tree.schema_faults.items():
        for fault in faults if name not in refused else ():
            yield Finding(name, fault.pointer, fault.problem)
        if name in refused and not faults:
            yield Finding(name, "", "is sound, and a case expects it to be refused as invalid_price_book")


def cases_by_themselves(tree: Tree) -> Iterator[Finding]:
    """Each case proves what it names, its files exist, and its numbers add up."""
    for name, case in tree.sound_cases.items():
        for fault in case_faults(case, tree.root):
            yield Finding(name, fault.pointer, fault.problem)


def books_by_themselves(tree: Tree) -> Iterator[Finding]:
    """Price books have unique ids, periods that end after they begin, and one entry for every call."""
    meant = tree.books_of_error("ambiguous_price")
    for name, book in tree.sound_books.items():
        allowed = ambiguities(book) if name in meant else ()
        for fault in book_faults(book):
            if fault not in allowed:
                yield Finding(name, fault.pointer, fault.problem)


def doubtful_prices(tree: Tree) -> Iterator[Finding]:
    """Published prices are as prices usually are, or a note says why not."""
    for name, book in tree.sound_books.items():
        for fault in doubts(book):
            yield Finding(name, fault.pointer, fault.problem)


def ids_and_titles(tree: Tree) -> Iterator[Finding]:
    """The id of a case is its path, and no two cases have one title."""
    titles: dict[str, str] = {}
    for name, case in tree.sound_cases.items():
        path = name.removeprefix("cases/").removesuffix(".json")
        if case["id"] != path:
            yield Finding(name, "/id", f"is {case['id']}, and the file says {path}")
        other = titles.setdefault(case["title"].casefold(), name)
        if other != name:
            yield Finding(name, "/title", f"is the title of {other} as well; say what is different")


def known_requirements(tree: Tree) -> Iterator[Finding]:
    """Every requirement that a case names exists."""
    if tree.requirements is None:
        return
    for name, case in tree.sound_cases.items():
        for requirement in case["then"]["proves"]:
            if requirement not in tree.requirements:
                yield Finding(
                    name, join("then", "proves", requirement), "there is no such requirement in spec/"
                )


def unused_files(tree: Tree) -> Iterator[Finding]:
    """Every upstream body, audio file and price book is used by a case."""
    used = {path for case in tree.cases.values() for _, path in files_of(case)}
    used |= {str(case.get("given", {}).get("prices")) for case in tree.cases.values()}
    for path in tree.files:
        name = tree.name(path)
        folder = name.split("/", 1)[0]
        if folder in ("upstream", "audio", "price-books") and path.name != "README.md" and name not in used:
            yield Finding(name, "", "no case uses this file")


def no_floats(tree: Tree) -> Iterator[Finding]:
    """Our own data has no JSON number with a fraction; bodies of providers and clients may."""
    refused = tree.books_of_error("invalid_price_book")
    for name, document in {**tree.cases, **tree.books}.items():
        for pointer, number in _fractions(document):
            open_part = "/exchange/" in pointer or pointer.startswith("/when/")
            if not open_part and name not in refused:
                yield Finding(name, pointer, f"is the number {number}; write it as a decimal string")


def _fractions(value: Any, at: str = "") -> Iterator[tuple[str, Decimal]]:
    if isinstance(value, Decimal):
        yield at, value
    elif isinstance(value, dict):
        for key, member in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _fractions(member, at + join(str(key)))  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for n, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _fractions(item, at + join(n))


def events_told_apart(tree: Tree) -> Iterator[Finding]:
    """Two events of a session have one id only where they are one event, sent again.

    A provider's ids are its own, so a gateway may drop an event whose id it has seen.
    """
    for path in tree.files:
        name = tree.name(path)
        if not name.startswith("upstream/") or path.suffix != ".json" or path.read_bytes()[:1] != b"[":
            continue
        try:
            events: list[dict[str, Any]] = jsonio.load_file(path)
        except InvalidFileError:
            continue  # some answers are wrong on purpose
        seen: dict[str, object] = {}
        for index, event in enumerate(events):
            frame: dict[str, Any] = event.get("frame", {}) if event.get("from") == "server" else {}
            identity = frame.get("event_id")
            if identity is not None and seen.setdefault(identity, frame) != frame:
                yield Finding(name, f"/{index}/frame/event_id", f"{identity} is another event's id")


def conformance_prices(tree: Tree) -> Iterator[Finding]:
    """The prices of gateway cases: one entry a model, finite in every unit, unlike any published price."""
    book = tree.sound_books.get(_CONFORMANCE)
    if book is None:
        yield Finding(_CONFORMANCE, "", "is missing or invalid")
        return
    published = {
        (model, quantity): (name, _price(rate))
        for name, other in tree.sound_books.items()
        for entry in other["entries"]
        if entry["source"]["url"].startswith("http")
        for model in entry["models"]
        for quantity, rate in entry["rates"].items()
    }
    seen: set[tuple[str, str]] = set()
    for n, entry in enumerate(book["entries"]):
        at = join("entries", n)
        for selector in {"operations", "surface", "region", "service_tier", "until"} & set(entry):
            yield Finding(
                _CONFORMANCE, f"{at}/{selector}", "a model has one price in a run, so no entry has selectors"
            )
        for model in entry["models"]:
            if (entry["provider"], model) in seen:
                yield Finding(_CONFORMANCE, f"{at}/models", f"{model} has an entry already")
            seen.add((entry["provider"], model))
        for quantity, rate in entry["rates"].items():
            where = f"{at}/rates/{quantity}"
            if not _is_finite(_price(rate)):
                yield Finding(
                    _CONFORMANCE, where, "has no finite price for one unit, which some gateways need"
                )
            for model in entry["models"]:
                name, price = published.get((model, quantity), ("", None))
                if price == _price(rate):
                    yield Finding(_CONFORMANCE, where, f"is the published price of {model} (see {name})")


def _price(rate: Mapping[str, Any]) -> Fraction:
    return Fraction(rate["amount"]) / Fraction(rate["per"])


def _is_finite(value: Fraction) -> bool:
    """Whether *value* has a finite decimal expansion."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def second_prices(tree: Tree) -> Iterator[Finding]:
    """Cases without ``price.second`` never give one model two prices in a run."""
    prices: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name, case in tree.exchange_cases.items():
        book = tree.sound_books.get(case["given"]["prices"])
        exchange = exchange_of(case)
        if book is None or "price.second" in case["features"]:
            continue
        key = str(exchange.get("provider")), str(exchange.get("model"))
        entries = [
            {**entry, "id": "", "source": ""}
            for entry in book["entries"]
            if entry["provider"] == key[0] and key[1] in entry["models"]
        ]
        rates = json.dumps([[entry["pricing_model"], entry["rates"]] for entry in entries], sort_keys=True)
        prices.setdefault(key, {}).setdefault(rates, []).append(name)
    for (provider, model), by_price in prices.items():
        usual = max(by_price.values(), key=len)
        for name in (name for names in by_price.values() if names is not usual for name in names):
            others = f"{len(usual)} other case{'s' if len(usual) > 1 else ''} ({usual[0]})"
            problem = f"gives {provider} {model} another price than {others}"
            yield Finding(name, "/features", f"{problem}; add price.second, or use their price book")


def size(tree: Tree) -> Iterator[Finding]:
    """The whole tree stays small enough to vendor."""
    total = sum(path.stat().st_size for path in tree.files)
    if total >= MAX_BYTES:
        yield Finding("fixtures", "", f"holds {total} bytes; keep it under {MAX_BYTES}")


CHECKS: Final[tuple[Check, ...]] = (
    unreadable,
    schema_faults,
    cases_by_themselves,
    books_by_themselves,
    doubtful_prices,
    ids_and_titles,
    known_requirements,
    unused_files,
    no_floats,
    events_told_apart,
    conformance_prices,
    second_prices,
    size,
)


@click.command(help="Check the fixtures as a whole.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=lambda: data_directory("fixtures"),
    help="Root of the fixtures.",
)
def main(root: Path) -> None:
    """Print every finding, and exit with 1 where there is one."""
    tree = Tree(root, data_directory("spec"))
    findings = run(tree)
    for finding in findings:
        click.echo(str(finding), err=True)
    if findings:
        sys.exit(1)
    click.echo(f"{len(tree.cases)} cases and {len(tree.books)} price books are sound")


if __name__ == "__main__":
    main()
