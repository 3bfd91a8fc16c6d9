"""Known failures: every one has a reason and a link, and names something that exists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio, schemas
from decibill.baseline import Baseline, KnownFailure, load_baseline, updated, write_baseline
from decibill.errors import InvalidFileError

KNOWN = ["AUB-GWY-3a9b", "openai/speech"]
ENTRY = {"id": "AUB-GWY-3a9b", "reason": "Seconds are billed 0.", "link": "https://example.org/1"}


def _load(folder: Path, document: Any, **options: Any) -> Baseline:
    path = folder / "baseline.json"
    path.write_text(json.dumps(document), "utf-8")
    return load_baseline(path, gateway="tiny", known=KNOWN, **options)


def _with(**members: Any) -> dict[str, Any]:
    entry = {**ENTRY, **members}
    return {"spec": "0.1", "expected": [{key: value for key, value in entry.items() if value is not None}]}


def test_an_entry_is_read(tmp_path: Path) -> None:
    (entry,) = _load(tmp_path, _with(since="2026-11-21")).entries
    assert entry == KnownFailure(
        "AUB-GWY-3a9b", "Seconds are billed 0.", "https://example.org/1", "2026-11-21"
    )


@pytest.mark.parametrize(
    ("document", "pointer", "problem"),
    [
        ([], None, "not a JSON object"),
        ({"provider": "openai"}, "/spec", "is missing, so this is no baseline"),
        ({"spec": "0.2", "expected": []}, "/spec", "is for spec 0.2"),
        ({"spec": "0.1", "gateway": "other", "expected": []}, "/gateway", "is the baseline of other"),
        ({"spec": "0.1"}, "/expected", "must be a list"),
        ({"spec": "0.1", "expected": [1]}, "/expected/0", "must be an object"),
        (_with(reason=None), "/expected/0/reason", "is missing"),
        (_with(link=None), "/expected/0/link", "is missing"),
        (_with(link=""), "/expected/0/link", "is missing"),
        (_with(reason="TODO reason"), "/expected/0/reason", "has no reason yet"),
        (_with(link="TODO link"), "/expected/0/link", "has no link yet"),
        (_with(reason="broken"), "/expected/0/reason", "too short"),
        (_with(note="x"), "/expected/0/note", "there is no member 'note'"),
        (_with(id="AUB-GWY-3a9c"), "/expected/0/id", "did you mean AUB-GWY-3a9b"),
        (_with(id="openai/speach:cost"), "/expected/0/id", "did you mean openai/speech"),
        ({"spec": "0.1", "expected": [ENTRY, ENTRY]}, "/expected/1/id", "stands twice"),
    ],
    ids=[
        "not an object",
        "something else",
        "other version",
        "other gateway",
        "no list",
        "no entry",
        "no reason",
        "no link",
        "empty link",
        "draft of a reason",
        "draft of a link",
        "short reason",
        "unknown member",
        "unknown requirement",
        "unknown case",
        "twice",
    ],
)
def test_a_fault_has_its_place(tmp_path: Path, document: Any, pointer: str | None, problem: str) -> None:
    with pytest.raises(InvalidFileError, match=problem) as caught:
        _load(tmp_path, document)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "name", ["openai/speech", "openai/speech:cost", "openai/speech[azure]", "openai/speech[azure]:cost"]
)
def test_an_entry_may_name_a_case_an_instance_or_a_check(tmp_path: Path, name: str) -> None:
    assert _load(tmp_path, _with(id=name)).entries[0].id == name


def test_drafts_are_taken_for_an_update_only(tmp_path: Path) -> None:
    assert _load(tmp_path, _with(reason="TODO reason"), drafts=True).entries[0].reason == "TODO reason"


class TestUpdate:
    """An update keeps what people wrote."""

    OLD = Baseline(
        "baseline.json",
        (
            KnownFailure("b", "A reason that stays.", "https://b"),
            KnownFailure("c", "Passes now.", "https://c"),
        ),
    )

    def test_reasons_are_kept_what_is_stale_goes_and_what_is_new_waits(self) -> None:
        entries = updated(self.OLD, ["c"], ["a"], "2026-11-21").entries
        assert entries == (
            KnownFailure("a", "TODO reason", "TODO link", "2026-11-21"),
            KnownFailure("b", "A reason that stays.", "https://b"),
        )

    def test_a_file_with_drafts_is_refused_by_the_next_run(self, tmp_path: Path) -> None:
        path = tmp_path / "baseline.json"
        waiting = write_baseline(path, updated(Baseline("x"), [], ["AUB-GWY-3a9b"], "2026-11-21"), "tiny")
        assert waiting == 1
        with pytest.raises(InvalidFileError, match="has no reason yet; say in a sentence why it fails"):
            load_baseline(path, gateway="tiny", known=KNOWN)

    def test_what_is_written_fits_the_schema(self, tmp_path: Path) -> None:
        path = tmp_path / "baseline.json"
        old = Baseline("x", (KnownFailure(**ENTRY),))
        assert write_baseline(path, old, "tiny") == 0
        assert list(schemas.faults("baseline", jsonio.load_file(path))) == []
