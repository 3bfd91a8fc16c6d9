"""What a copy of the fixtures holds: the chosen cases and exactly the files that they name.

Every file of a copy is byte for byte the file of the release, so that its digest is the one in the release's
own manifest. Only the cases are packed, one a line, into ``cases.jsonl.gz``: hundreds of small files become
one, and the whole copy stays small enough for other people's repositories. ``packed=False`` leaves them as
files.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from decibill import SPEC_VERSION, __version__, jsonio, schemas
from decibill._data import data_directory, fixture_bytes
from decibill.case_checks import files_of
from decibill.cases import Case, load_cases, select_cases
from decibill.errors import InvalidFileError, UnknownNameError, UsageError
from decibill.manifest import FORMAT, entry

__all__ = ["PACK", "Copy", "Selection", "content_digest", "pack", "plan", "render", "runners", "unpack"]

PACK: Final = "cases.jsonl.gz"
"""The chosen cases, one JSON object a line, sorted by id."""

LARGEST: Final = 64_000_000
"""A pack that opens to more is refused: ours has some megabytes."""

_SCHEMAS: Final = ("case", "charge", "exchange", "manifest", "price-book", "refund", "usage-record")
_ALWAYS: Final = ("LICENSE", "README.md", "price-books/README.md")
_ATTRIBUTES: Final = b"# Payloads are exact bytes: git must not touch their line ends.\n* -text\n"
_BETWEEN_TOKENS: Final = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+')


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which cases a copy holds, and in which form; empty choices mean everything."""

    providers: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    spec: str | None = None
    audio: bool = False
    packed: bool = True
    runners: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the selection as the manifest states it."""
        return {
            "providers": sorted(self.providers),
            "features": sorted(self.features),
            **({"spec": self.spec} if self.spec else {}),
            "audio": self.audio,
            "packed": self.packed,
            "runners": sorted(self.runners),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Selection:
        """Return the selection that a valid manifest states."""
        lists = {name: tuple(document[name]) for name in ("providers", "features", "runners")}
        return cls(**lists, spec=document.get("spec"), audio=document["audio"], packed=document["packed"])


@dataclass(frozen=True, slots=True)
class Copy:
    """All files of a copy but its manifest, and the selection that they are."""

    selection: Selection
    files: Mapping[str, bytes]
    cases: tuple[str, ...]
    """Ids of the cases, sorted."""

    def manifest(self) -> bytes:
        """Return the bytes of the copy's manifest."""
        document: dict[str, Any] = {
            "$schema": schemas.schema_id("manifest"),
            "format": FORMAT,
            "spec": SPEC_VERSION,
            "version": __version__,
            "selection": self.selection.to_json(),
            "cases": len(self.cases),
            "files": [entry(content, name) for name, content in sorted(self.files.items())],
        }
        return render(document)


def render(document: Mapping[str, Any]) -> bytes:
    """Return the one text of a copy's manifest, with the digest that covers everything else in it."""
    return jsonio.dumps({**document, "content": content_digest(document)}).encode()


def content_digest(document: Mapping[str, Any]) -> str:
    """Return the digest of a manifest without its own member ``content``: it pins the whole copy."""
    rest = {name: value for name, value in document.items() if name != "content"}
    return hashlib.sha256(jsonio.dumps(rest).encode()).hexdigest()


def plan(selection: Selection, root: Path | None = None) -> Copy:
    """Return the copy that *selection* asks for.

    Args:
        selection: what to copy.
        root: the fixtures root; by default the fixtures that come with decibill.

    Raises:
        UnknownNameError: a provider, feature, runner or version that nothing has.
        UsageError: no case fits every choice.
        HarnessError: a case names a file outside the fixtures.
    """
    base = root or data_directory("fixtures")
    cases = _chosen(load_cases(base), selection)
    sources = {case.id: fixture_bytes(base, f"cases/{case.id}.json") for case in cases}
    files: dict[str, bytes] = {".gitattributes": _ATTRIBUTES}
    if selection.packed:
        files[PACK] = pack(sources)
    else:
        files |= {f"cases/{name}.json": content for name, content in sources.items()}
    names = {*_ALWAYS, *(name for case in cases for name in _needed(case, audio=selection.audio))}
    if any(name.startswith("audio/") for name in names):
        names.add("audio/README.md")
    files |= {name: fixture_bytes(base, name) for name in sorted(names)}
    for name in _SCHEMAS:
        files[f"schemas/{name}.schema.json"] = fixture_bytes(data_directory("schemas"), f"{name}.schema.json")
    for runner in selection.runners:
        files |= _runner(runner)
    return Copy(selection, files, tuple(sources))


def pack(sources: Mapping[str, bytes]) -> bytes:
    """Return case files as gzipped JSON Lines, sorted by id, members and digits as they stand."""
    lines = [_BETWEEN_TOKENS.sub(rb"\1", sources[name]) for name in sorted(sources)]
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return packed.getvalue()


def unpack(packed: bytes, most: int = LARGEST) -> bytes:
    """Return what a pack holds.

    Raises:
        InvalidFileError: it is no gzip, is cut off, or opens to more than *most* bytes.
    """
    reader = zlib.decompressobj(wbits=31)
    try:
        content = reader.decompress(packed, most)
    except zlib.error:
        raise InvalidFileError(PACK, "is not gzipped JSON Lines") from None
    if not reader.eof or reader.unused_data:
        raise InvalidFileError(PACK, f"is cut off, goes on after its end, or opens to more than {most} bytes")
    return content


def runners() -> tuple[str, ...]:
    """Return the languages that decibill has runners in."""
    return tuple(sorted(path.name for path in data_directory("runners").iterdir() if path.is_dir()))


def _runner(name: str) -> Mapping[str, bytes]:
    if name not in runners():
        raise UnknownNameError("runner", name, runners())
    base = data_directory("runners")
    found = [path for path in (base / name).rglob("*") if path.is_file() and _is_source(path)]
    return {
        f"runners/{path.relative_to(base).as_posix()}": path.read_bytes()
        for path in [base / "LICENSE", *found]
    }


def _is_source(path: Path) -> bool:
    """Whether a file of a runner is written by people, and not what a compiler left."""
    return path.suffix in {".mjs", ".java", ".go", ".md", ".mod"}


def _chosen(cases: Sequence[Case], selection: Selection) -> tuple[Case, ...]:
    versions = sorted({case.since for case in cases} | {SPEC_VERSION}, key=_version)
    wanted = selection.spec or SPEC_VERSION
    if wanted not in versions:
        raise UnknownNameError("version of the specification", wanted, versions)
    old = [case for case in cases if _version(case.since) <= _version(wanted)]
    chosen = select_cases(
        old, features=selection.features, providers=selection.providers, with_deprecated=True
    )
    if not chosen:
        raise UsageError("no case has both such a provider and such a feature")
    return chosen


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _needed(case: Case, *, audio: bool) -> Iterator[str]:
    """Yield the files that a case names; media only where it is wanted."""
    if case.book is not None:
        yield case.book
    for pointer, name in files_of(case.document):
        if audio or not pointer.endswith(("/media_file", "/$base64")):
            yield str(PurePosixPath(name))
