"""The specification as a run needs it: its requirements, and why some of them have no case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decibill import jsonio
from decibill._data import data_directory
from decibill.prose import Requirement
from decibill.requirements import EXCLUSIONS, load

__all__ = ["Specification", "load_specification"]


@dataclass(frozen=True, slots=True)
class Specification:
    """The requirements, in the order of the text."""

    requirements: Mapping[str, Requirement]
    exclusions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Requirement → why no case proves it."""


def load_specification(folder: Path | None = None) -> Specification:
    """Return the specification that comes with decibill, or the one in *folder*.

    Raises:
        InvalidFileError: a file of it is missing or unreadable.
    """
    spec = folder or data_directory("spec")
    return Specification(load(spec), jsonio.load_file(spec / EXCLUSIONS))
