"""Reading of files that a user names: each fault is told with the file and the JSON pointer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import PriceBook

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileError", "load_json", "load_price_book", "public_price_book", "read_document"]

T = TypeVar("T")


class FileError(Exception):
    """A file that is not what it should be.

    Args:
        file: the file as the user named it.
        problem: what is wrong, for a person.
        pointer: where in the file, if the fault has a place.
    """

    def __init__(self, file: str, problem: str, pointer: str = "") -> None:
        self.file = file
        self.problem = problem
        self.pointer = pointer
        super().__init__(file, problem, pointer)

    def __str__(self) -> str:
        place = f" at {self.pointer}" if self.pointer else ""
        return f"{self.file}{place}: {self.problem}"


def load_json(path: Path, name: str | None = None) -> Any:
    """Return the JSON value in a file, read strictly.

    Raises:
        FileError: the file cannot be read, or is no strict JSON.
    """
    file = name or str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(file, f"cannot be read: {error.strerror or error}") from None
    return read_document(jsonio.loads, content, file)


def load_price_book(path: Path, name: str | None = None) -> PriceBook:
    """Return the price book in a file.

    Raises:
        FileError: the file cannot be read, or is no price book.
    """
    return read_document(PriceBook.from_json, load_json(path, name), name or str(path))


def public_price_book() -> Path | None:
    """Return the newest book of public list prices that is installed beside this package, or None.

    The fixtures are in the suite's package in a wheel, and at the root of a checkout.
    """
    packages = Path(__file__).resolve().parents[1]
    for fixtures in (packages / "decibill" / "fixtures", packages.parent / "fixtures"):
        books = sorted((fixtures / "price-books").glob("public-*.json"))
        if books:
            return books[-1]
    return None


def read_document(read: Callable[[Any], T], document: Any, file: str) -> T:
    """Return what *read* makes of a document from *file*, a refusal told as a fault of the file.

    Raises:
        FileError: the document was refused.
    """
    try:
        return read(document)
    except DecibillReferenceError as error:
        raise FileError(file, error.message, error.pointer) from None
