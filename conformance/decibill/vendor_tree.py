"""A copy of the fixtures on disk: written without ever leaving its folder, and verified to the last byte.

A run first writes every new file into a staging folder inside the target, so that a full disk or an interrupt
changes nothing. Then it moves each into its place, the manifest last: a run that is stopped there is seen by
``--check``, and the next one finishes it. Symbolic links are never followed below the target.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from decibill import jsonio, schemas
from decibill.errors import DecibillError, HarnessError, InvalidFileError, UsageError
from decibill.manifest import NAME, entry
from decibill.vendor import PACK, Copy, render, unpack

__all__ = ["STAGING", "Changes", "Problem", "RefusedError", "check", "read_manifest", "read_within", "update"]

STAGING: Final = ".decibill-staging"
"""Where a run prepares files; it also keeps a second run out."""

_MISSING: Final = "is missing"


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which a copy is not what its manifest says."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run did; each is a list of names."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    foreign: tuple[str, ...]
    """Files in the folder that no copy brought; they are left alone."""


class RefusedError(DecibillError):
    """Writing would lose what somebody else wrote."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(problems)

    def __str__(self) -> str:
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        return f"nothing was written, since that would lose what is not decibill's; --force does it\n{listed}"


def read_manifest(target: Path) -> Mapping[str, Any]:
    """Return the manifest of the copy at *target*; no path in it leads out.

    Raises:
        InvalidFileError: there is none, or it is not the manifest of a copy.
    """
    document = jsonio.loads(read_within(target, NAME), NAME)
    schemas.validate("manifest", document, NAME)
    for n, listed in enumerate(document["files"]):
        if not _stays_inside(listed["path"]):
            raise InvalidFileError(NAME, "names a file outside the copy", pointer=f"/files/{n}/path")
    if "selection" not in document or "content" not in document:
        raise InvalidFileError(NAME, "is not the manifest of a copy made by decibill vendor")
    return document  # type: ignore[no-any-return]  # the schema says that it is an object


def read_within(target: Path, name: str) -> bytes:
    """Return the content of a regular file of the copy; no symbolic link is followed.

    Raises:
        InvalidFileError: there is no such file, or something on its way is a link.
    """
    fault = _obstacle(target, name)
    if fault:
        raise InvalidFileError(name, fault)
    try:
        return (target / name).read_bytes()
    except OSError as error:
        raise InvalidFileError(name, f"cannot be read: {error.strerror or error}") from None


def check(target: Path) -> tuple[Problem, ...]:
    """Return every difference between the copy at *target* and its manifest; no network, no fixtures needed.

    Raises:
        UsageError: *target* is no folder.
    """
    _refuse_unless_folder(target)
    try:
        raw = read_within(target, NAME)
        manifest = read_manifest(target)
    except InvalidFileError as error:
        where = f" at {error.pointer}" if error.pointer else ""
        return (Problem(NAME, f"{error.problem}{where}"),)
    found: list[Problem] = []
    if render(manifest) != raw:
        found.append(Problem(NAME, "was changed: it is not the text that its own digest is of"))
    listed = {each["path"]: each for each in manifest["files"]}
    if len(listed) != len(manifest["files"]):
        found.append(Problem(NAME, "names a file twice"))
    added = [name for name in sorted(_files(target, staging=True)) if name not in listed and name != NAME]
    for name, right in listed.items():
        fault = _obstacle(target, name) or _difference(target / name, right)
        if fault == _MISSING and (new := _renamed(target, right, added)):
            added.remove(new)
            fault = f"was renamed to {new}"
        if fault:
            found.append(Problem(name, fault))
    return (*found, *(Problem(name, "was added") for name in added))


def _renamed(target: Path, right: Mapping[str, Any], added: Sequence[str]) -> str | None:
    """Return which of the added files has the content of a missing one."""
    regular = (name for name in added if _obstacle(target, name) is None)
    return next((name for name in regular if not _difference(target / name, {**right, "path": name})), None)


def _difference(path: Path, right: Mapping[str, Any]) -> str | None:
    size = path.stat().st_size
    if size != right["bytes"]:
        return f"was changed: it has {size} bytes, not {right['bytes']}"
    same = entry(path.read_bytes(), right["path"]) == right
    return None if same else "was changed: its digest is not the listed one"


def update(target: Path, copy: Copy, *, force: bool = False) -> Changes:
    """Make *target* hold the copy: add, update, and remove what only the earlier copy brought.

    Raises:
        UsageError: *target* is a file or a symbolic link, or another run is at work there.
        RefusedError: a file was changed by hand, or a folder holds other files, and *force* is not given.
        InvalidFileError: the manifest there is not one, and *force* is not given.
    """
    if target.is_symlink():
        raise UsageError(f"{target} is a symbolic link; name the folder itself")
    if target.exists():
        _refuse_unless_folder(target)
    bad = [name for name in copy.files if not _stays_inside(name)]
    if bad:
        raise HarnessError(f"{bad[0]} would be written outside {target}")
    target.mkdir(parents=True, exist_ok=True)
    staging = target / STAGING
    try:
        staging.mkdir()
    except FileExistsError:
        problem = f"{staging} is there: another run is at work, or one was stopped; remove it, then try again"
        raise UsageError(problem) from None
    try:
        return _update(target, copy, staging, force=force)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _update(target: Path, copy: Copy, staging: Path, *, force: bool) -> Changes:
    earlier = _earlier(target, force=force)
    files = dict(_same_pack(target, copy.files))
    manifest = Copy(copy.selection, files, copy.cases).manifest()
    present = set(_files(target)) - {NAME}
    problems = tuple(_conflicts(target, files, earlier, present))
    if problems and not force:
        raise RefusedError(problems)
    new = {name: content for name, content in files.items() if _needs_writing(target, name, content)}
    for number, content in enumerate(new.values()):
        _write(staging / str(number), content)
    _write(staging / NAME, manifest)
    gone = tuple(sorted(name for name in earlier if name not in files and name in present))
    for name in gone:
        _remove(target, name)
    for number, name in enumerate(new):
        _make_way(target, name)
        (staging / str(number)).replace(target / name)
    _make_way(target, NAME)
    (staging / NAME).replace(target / NAME)
    return Changes(
        added=tuple(sorted(name for name in new if name not in earlier)),
        changed=tuple(sorted(name for name in new if name in earlier)),
        removed=gone,
        foreign=tuple(sorted(present - set(files) - set(gone))),
    )


def _earlier(target: Path, *, force: bool) -> Mapping[str, str]:
    """Return the digests of the files that the manifest there lists; none where there is no manifest."""
    if not os.path.lexists(target / NAME):
        return {}
    try:
        return {each["path"]: each["sha256"] for each in read_manifest(target)["files"]}
    except InvalidFileError:
        if force:  # what it listed cannot be known, so nothing is removed by it
            return {}
        raise


def _conflicts(
    target: Path, files: Mapping[str, bytes], earlier: Mapping[str, str], present: set[str]
) -> Iterator[Problem]:
    """Yield what would be lost or what stands in the way."""
    for name in sorted({*files, *earlier}):
        if not os.path.lexists(target / name) and not _block_on_the_way(target, name):
            continue
        fault = _obstacle(target, name)
        if fault:
            yield Problem(name, fault)
            continue
        digest = hashlib.sha256((target / name).read_bytes()).hexdigest()
        right = hashlib.sha256(files[name]).hexdigest() if name in files else None
        if digest not in (earlier.get(name), right):
            yield Problem(name, "was changed by hand" if name in earlier else "is another file")
    if not earlier:  # a first copy goes into an empty folder, or into one where an earlier run was stopped
        yield from (Problem(name, "is not decibill's") for name in sorted(present - set(files)))


def _same_pack(target: Path, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return *files* with the pack that is there already, if it holds the same: compressors differ."""
    if PACK not in files:
        return files
    content = unpack(files[PACK])
    try:
        there = read_within(target, PACK)
        same = unpack(there, len(content) + 1) == content
    except InvalidFileError:
        return files
    return {**files, PACK: there} if same else files


def _needs_writing(target: Path, name: str, content: bytes) -> bool:
    return _obstacle(target, name) is not None or (target / name).read_bytes() != content


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove(target: Path, name: str) -> None:
    """Remove a file and the folders that it leaves empty, never through a link."""
    if _block_on_the_way(target, name):
        return
    path = target / name
    path.unlink()
    for folder in list(path.relative_to(target).parents)[:-1]:
        try:
            (target / folder).rmdir()
        except OSError:
            return


def _make_way(target: Path, name: str) -> None:
    """Make the folders of *name*; with force, a link or a file in their place is removed, not followed."""
    for folder in list(PurePosixPath(name).parents)[-2::-1]:
        path = target / folder
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            path.unlink()
        path.mkdir(exist_ok=True)
    place = target / name
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)


def _obstacle(target: Path, name: str) -> str | None:
    """Return why *name* is not a regular file reached without links; None where it is."""
    block = _block_on_the_way(target, name)
    if block:
        return f"{block} is a symbolic link, or no folder"
    try:
        kind = (target / name).lstat().st_mode
    except FileNotFoundError:
        return _MISSING
    if stat.S_ISLNK(kind):
        return "is a symbolic link"
    return None if stat.S_ISREG(kind) else "is not a regular file"


def _block_on_the_way(target: Path, name: str) -> str | None:
    """Return what is between *target* and *name* and is a symbolic link, or no folder."""
    for folder in list(PurePosixPath(name).parents)[-2::-1]:
        path = target / folder
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            return str(folder)
    return None


def _files(target: Path, *, staging: bool = False) -> Iterator[str]:
    """Yield the name of everything below *target* that is no folder, links included but not followed."""
    for folder, folders, names in os.walk(target):
        at = Path(folder)
        if at == target and STAGING in folders and not staging:
            folders.remove(STAGING)
        links = [name for name in folders if (at / name).is_symlink()]
        yield from ((at / name).relative_to(target).as_posix() for name in [*names, *links])


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in name
        and ":" not in name
        and path.as_posix() == name
        and path.parts[0] != STAGING
        and name != NAME
    )


def _refuse_unless_folder(target: Path) -> None:
    if not target.is_dir():
        raise UsageError(f"{target} is not a folder")
