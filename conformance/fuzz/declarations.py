"""Gateway declarations: any file is told apart with a place, and nothing that is accepted surprises a run.

`check_text` says of any bytes whether they are a declaration. What it accepts is one by parser and schema
both, and can be planned for and configured: every template is filled in, every price list laid out, and no
file stands outside the work folder.
"""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from decibill import declaration_read, schemas
from decibill.cases import load_cases
from decibill.check import check_text
from decibill.configure import Address, configure
from decibill.errors import InvalidFileError
from decibill.plan import plan
from decibill.toml_text import toml_text

from fuzz.trees import changed_tree, strings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from decibill.case import Case

GATEWAYS: Final = Path(__file__).parents[1] / "gateways"
FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
_FILE: Final = Path("input.toml")
_FOLDER: Final = Path("/nowhere/folder")


def seeds() -> Iterator[bytes]:
    """Yield every declaration that there is, without its comments."""
    for path in sorted(GATEWAYS.glob("*.toml")):
        yield _written(tomllib.loads(path.read_text("utf-8"), parse_float=Decimal))


def _written(tree: dict[str, Any]) -> bytes:
    return toml_text(tree, "seed").encode("utf-8", "surrogatepass")


def changed(data: bytes, random: Random) -> bytes | None:
    """Return another declaration."""
    try:
        tree = tomllib.loads(data.decode(), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    try:
        return _written(changed_tree(tree, random, words()))
    except (InvalidFileError, AttributeError, ValueError):  # TOML has no null, and no root but a table
        return None


@cache
def words() -> tuple[str, ...]:
    """Return the vocabulary of declarations, from the seeds and from the schema."""
    found = {word for seed in seeds() for word in strings_of(tomllib.loads(seed.decode()))}
    found.update(strings_of(json.loads(json.dumps(schemas.schema("gateway"), default=str))))
    return tuple(sorted(found.union(("{", "{case.", "{x}", "http://example.org", "/a~2", "../x", "$(id)"))))


@cache
def cases() -> Sequence[Case]:
    """Return a few cases of every kind, for a plan."""
    found = load_cases()
    return found[:: max(1, len(found) // 16)]


def attempt(data: bytes) -> None:
    """Check one declaration, and plan for it."""
    checked = check_text(data, "input.toml", _FILE)
    assert checked.kind in {None, "gateway"}
    lines = checked.lines()
    assert lines
    if checked.faults:
        return
    document = tomllib.loads(data.decode(), parse_float=Decimal)
    declaration = declaration_read.parse(document, "input.toml")
    assert not schemas.faults("gateway", document), schemas.faults("gateway", document)
    plan(declaration, cases())
    try:
        made = configure(declaration, cases(), Address(), folder=_FOLDER, root=FIXTURES)
    except InvalidFileError:
        return
    for path in made.files:
        assert (_FOLDER / path).resolve().is_relative_to(_FOLDER), path
