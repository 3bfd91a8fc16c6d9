"""What a new release changes in a copy of the fixtures, case by case and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from decibill import jsonio
from decibill.case_checks import files_of
from decibill.vendor import PACK, Copy, unpack
from decibill.vendor_tree import read_manifest, read_within

__all__ = ["case_differences", "cases_of", "differences"]

_MOST: Final = 5
"""Differences of one case that are told; the rest is counted."""

_LONGEST: Final = 60


def differences(target: Path, copy: Copy) -> Iterator[str]:
    """Yield a line for each new, changed or removed case, and one for each other file that differs.

    Args:
        target: the copy that is there.
        copy: what this release would put there.

    Raises:
        InvalidFileError: the copy that is there cannot be read.
    """
    manifest = read_manifest(target)
    digests = {each["path"]: each["sha256"] for each in manifest["files"]}
    new_digests = {each["path"]: each["sha256"] for each in jsonio.loads(copy.manifest(), "copy")["files"]}
    old = cases_of({name: read_within(target, name) for name in digests if _holds_cases(name)})
    new = cases_of(copy.files)
    other = {
        name
        for name in {*digests, *new_digests}
        if digests.get(name) != new_digests.get(name) and not _holds_cases(name)
    }
    told: set[str] = set()
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"new      {name}: {new[name]['title']}"
        elif name not in new:
            yield f"removed  {name}: {old[name]['title']}"
        else:
            files = sorted(_named(new[name]) & other)
            told.update(files)
            words = [*case_differences(old[name], new[name]), *(f"{file} is other" for file in files)]
            if words:
                yield f"changed  {name}: {_shortened(words)}"
    named = {file for case in (*old.values(), *new.values()) for file in _named(case)}
    for name in sorted(other - told - named):
        yield f"file     {name} {_fate(name, digests, new_digests)}"


def cases_of(files: Mapping[str, bytes]) -> dict[str, Mapping[str, Any]]:
    """Return the cases in the files of a copy, packed or not, by id."""
    texts = [content for name, content in files.items() if name.startswith("cases/")]
    if PACK in files:
        texts += unpack(files[PACK]).splitlines()
    return {case["id"]: case for case in (jsonio.loads(text, PACK) for text in texts)}


def case_differences(old: object, new: object, at: str = "") -> Iterator[str]:
    """Yield each place where two documents differ, as ``then.charge.total was "0.1" and is "0.2"``."""
    ends = (old, new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _member_differences(
            cast("Mapping[str, object]", old), cast("Mapping[str, object]", new), at
        )
        return
    if isinstance(old, list) and isinstance(new, list):
        before, after = cast("list[object]", old), cast("list[object]", new)
        if len(before) == len(after):
            for n, pair in enumerate(zip(before, after, strict=True)):
                yield from case_differences(*pair, f"{at}.{n}")
            return
    yield from _end_differences(*ends, at)


def _end_differences(old: object, new: object, at: str) -> Iterator[str]:
    if old == new and type(old) is type(new):
        return
    texts = [jsonio.dumps(value).strip() for value in (old, new)]
    if isinstance(old, str | int) and isinstance(new, str | int) and max(map(len, texts)) <= _LONGEST:
        yield f"{at} was {texts[0]} and is {texts[1]}"
    else:
        yield f"{at} is other"


def _member_differences(old: Mapping[str, object], new: Mapping[str, object], at: str) -> Iterator[str]:
    for name in [*old, *(name for name in new if name not in old)]:
        place = f"{at}.{name}" if at else name
        if name not in new:
            yield f"{place} is gone"
        elif name not in old:
            yield f"{place} is new"
        else:
            yield from case_differences(old[name], new[name], place)


def _named(case: Mapping[str, Any]) -> set[str]:
    names = {name for _, name in files_of(case)}
    if "prices" in case["given"]:
        names.add(case["given"]["prices"])
    return names


def _holds_cases(name: str) -> bool:
    return name == PACK or name.startswith("cases/")


def _shortened(words: list[str]) -> str:
    more = len(words) - _MOST
    return ", ".join(words[:_MOST]) + (f", and {more} more" if more > 0 else "")


def _fate(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if name not in old:
        return "is new"
    return "is other" if name in new else "is gone"
