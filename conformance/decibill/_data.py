"""Where the data that decibill carries is found: in the wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from decibill.errors import HarnessError

__all__ = ["data_directory", "fixture_bytes"]

DataName = Literal["schemas", "fixtures", "gateways", "runners", "spec"]

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = {
    "schemas": "schemas",
    "fixtures": "fixtures",
    "gateways": "conformance/gateways",
    "runners": "conformance/runners",
    "spec": "spec",
}


def data_directory(name: DataName) -> Path:
    """Return the directory of one kind of bundled data.

    A wheel carries the data inside the package; an editable install and a plain checkout read the tree
    itself, so an edited fixture is seen at once.
    """
    bundled = _PACKAGE / name
    if bundled.is_dir():
        return bundled
    return _PACKAGE.parents[1] / _IN_CHECKOUT[name]


def fixture_bytes(root: Path, name: str) -> bytes:
    """Return the content of the file *name* of the fixtures at *root*.

    Raises:
        HarnessError: the file is not there, or lies outside.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise HarnessError(f"{name} is outside the fixtures")
    try:
        return path.read_bytes()
    except OSError as error:
        raise HarnessError(f"{name} cannot be read: {error.strerror or error}") from None
