"""Known failures of one gateway: each with a reason and a link, and gone from the list as soon as it passes.

A baseline lets a gateway's build stay green on what is known and red on what is new. An entry names a
requirement, a case, or one check of a case (``case:check``); it covers whatever of it does not pass. An
entry of which everything passes is *stale* and fails the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from decibill import SPEC_VERSION, jsonio
from decibill.errors import InvalidFileError, UnknownNameError

__all__ = ["Baseline", "KnownFailure", "load_baseline", "updated", "write_baseline"]

_SCHEMA: Final = "urn:decibill:schema:baseline:0.1"
_TODO: Final = "TODO"
_SHORTEST: Final = 10


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """One entry of a baseline."""

    id: str
    """A requirement, a case, or a check of a case as ``case:check``."""

    reason: str
    link: str
    since: str | None = None

    def covers(self, requirement: str, case: str, instance: str, check: str) -> bool:
        """Say whether the entry is about this requirement, or about this check of this case."""
        return self.id in {requirement, case, instance, f"{case}:{check}", f"{instance}:{check}"}


@dataclass(frozen=True, slots=True)
class Baseline:
    """The known failures of one gateway."""

    file: str
    entries: tuple[KnownFailure, ...] = ()


def load_baseline(path: Path, *, gateway: str, known: Collection[str], drafts: bool = False) -> Baseline:
    """Return the baseline in the file at *path*.

    Args:
        path: the file.
        gateway: id of the gateway that is judged.
        known: ids of all requirements and cases.
        drafts: whether entries that still wait for a reason or a link are taken, as they are for an update.

    Raises:
        InvalidFileError: the file is not a baseline of this gateway and version of the specification, or an
            entry lacks a reason or a link, or names what does not exist (AUB-CNF-d103).
    """
    name = str(path)
    document = jsonio.load_file(path)
    if not isinstance(document, Mapping):
        raise InvalidFileError(name, "not a JSON object", remedy="see schemas/baseline.schema.json")
    data = cast("Mapping[str, Any]", document)
    if "spec" not in data:
        problem = "is missing, so this is no baseline"
        raise InvalidFileError(name, problem, pointer="/spec", remedy="see schemas/baseline.schema.json")
    if data["spec"] != SPEC_VERSION:
        problem = f"is for spec {data['spec']}, and this run judges by {SPEC_VERSION}"
        raise InvalidFileError(name, problem, pointer="/spec", remedy="write it anew with --update-baseline")
    if data.get("gateway", gateway) != gateway:
        problem = f"is the baseline of {data['gateway']}, and this run judges {gateway}"
        raise InvalidFileError(name, problem, pointer="/gateway")
    expected = data.get("expected")
    if not isinstance(expected, list):
        raise InvalidFileError(name, "must be a list of entries", pointer="/expected")
    entries: list[KnownFailure] = []
    for index, item in enumerate(cast("Sequence[Any]", expected)):
        entry = _entry(name, f"/expected/{index}", item, known, drafts=drafts)
        if any(entry.id == other.id for other in entries):
            raise InvalidFileError(name, f"{entry.id} stands twice", pointer=f"/expected/{index}/id")
        entries.append(entry)
    return Baseline(name, tuple(entries))


def _entry(file: str, at: str, item: Any, known: Collection[str], *, drafts: bool) -> KnownFailure:
    if not isinstance(item, Mapping):
        raise InvalidFileError(file, "must be an object", pointer=at)
    data = cast("Mapping[str, Any]", item)
    for key in data:
        if key not in {"id", "reason", "link", "since"}:
            raise InvalidFileError(file, f"there is no member {key!r}", pointer=f"{at}/{key}")
    for key in ("id", "reason", "link"):
        value = data.get(key)
        if not isinstance(value, str) or not value.strip():
            raise InvalidFileError(file, "is missing", pointer=f"{at}/{key}", remedy="every entry needs it")
        if value.startswith(_TODO) and not drafts:
            problem = f"the entry {data['id']} has no {key} yet"
            raise InvalidFileError(file, problem, pointer=f"{at}/{key}", remedy=_REMEDIES[key])
    if len(str(data["reason"])) < _SHORTEST and not drafts:
        problem = f"{data['reason']!r} is too short to be a reason"
        raise InvalidFileError(file, problem, pointer=f"{at}/reason", remedy=_REMEDIES["reason"])
    subject = str(data["id"]).partition(":")[0].partition("[")[0]
    if subject not in known:
        unknown = UnknownNameError("requirement or case", subject, known)
        raise InvalidFileError(file, str(unknown), pointer=f"{at}/id")
    return KnownFailure(data["id"], data["reason"], data["link"], data.get("since"))


_REMEDIES: Final = {
    "id": "name a requirement, a case or a check of a case",
    "reason": "say in a sentence why it fails",
    "link": "say where it is followed up",
}


def updated(old: Baseline, stale: Collection[str], failing: Iterable[str], day: str) -> Baseline:
    """Return *old* without what is stale and with an entry for each of the *failing* requirements.

    Reasons and links are kept; a new entry waits for them and is refused until somebody has written them.

    Args:
        old: the baseline so far.
        stale: ids of entries that pass now.
        failing: ids of requirements that fail and that no entry covers.
        day: today, for the new entries.
    """
    kept = [entry for entry in old.entries if entry.id not in stale]
    new = [KnownFailure(name, f"{_TODO} reason", f"{_TODO} link", day) for name in failing]
    return Baseline(old.file, tuple(sorted([*kept, *new], key=lambda entry: entry.id)))


def write_baseline(path: Path, baseline: Baseline, gateway: str) -> int:
    """Write *baseline* to the file at *path* and return how many entries wait for a reason or a link."""
    expected = [
        {
            "id": entry.id,
            "reason": entry.reason,
            "link": entry.link,
            **({"since": entry.since} if entry.since else {}),
        }
        for entry in baseline.entries
    ]
    document = {"$schema": _SCHEMA, "spec": SPEC_VERSION, "gateway": gateway, "expected": expected}
    path.write_text(jsonio.dumps(document), encoding="utf-8", newline="\n")
    return sum(entry.reason.startswith(_TODO) or entry.link.startswith(_TODO) for entry in baseline.entries)
