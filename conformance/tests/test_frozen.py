"""A released case keeps its meaning: whatever bears on it changes its digest, and nothing else does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from decibill._data import data_directory
from decibill.cases import load_cases, select_cases
from decibill.errors import UsageError
from decibill.frozen import Meaning, changes, draft, faults, freeze, main, meanings

FIXTURES = data_directory("fixtures")
CASE = "azure/transcription-founding-report"
NOTHING: dict[str, Any] = {"frozen": {}, "draft": {}, "deprecated": {}, "corrections": []}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    names = (
        f"cases/{CASE}.json",
        f"upstream/{CASE}.json",
        "audio/tone-78.4s.wav",
        "price-books/founding.json",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURES / name, tmp_path / name)
    return tmp_path


def edit(file: Path, change: Callable[[Any], object]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def meaning(root: Path) -> str:
    return meanings(root)[CASE][0]


def test_the_cases_of_today_fit_the_lists() -> None:
    done = CliRunner().invoke(main, ["check"])

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case["then"]["charge"].update(total="0.003528"),
        lambda case: case["then"]["usage"]["flags"].append("zero_usage"),
        lambda case: case["given"]["upstream"][0]["answers"][0]["exchange"].update(at="2025-11-06T00:00:00Z"),
        lambda case: case["when"]["openai"]["form"].pop("response_format"),
        lambda case: case["then"].update(accepted=[{"total": "1", "reason": "x", "arithmetic": "y"}]),
    ],
    ids=["total", "usage", "exchange", "request", "accepted"],
)
def test_what_a_case_gives_asks_or_expects_is_its_meaning(
    root: Path, change: Callable[[Any], object]
) -> None:
    before = meaning(root)
    edit(root / f"cases/{CASE}.json", change)

    assert meaning(root) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case.update(title="Said in a better way", why="0.003527, better explained"),
        lambda case: case["source"].update(url="https://example.org/"),
        lambda case: case.update(then=dict(reversed(case["then"].items()))),
        lambda case: case["then"]["proves"].popitem(),
    ],
    ids=["words", "source", "order", "proves"],
)
def test_the_words_about_a_case_are_not(root: Path, change: Callable[[Any], object]) -> None:
    before = meaning(root)
    edit(root / f"cases/{CASE}.json", change)

    assert meaning(root) == before


@pytest.mark.parametrize("name", [f"upstream/{CASE}.json", "audio/tone-78.4s.wav"])
def test_a_byte_of_a_file_that_it_names_is_its_meaning(root: Path, name: str) -> None:
    before = meaning(root)
    (root / name).write_bytes((root / name).read_bytes() + b"\n")

    assert meaning(root) != before


def test_a_price_of_its_model_is_its_meaning_and_one_of_another_is_not(root: Path) -> None:
    def dearer(entry: Any) -> None:
        for rate in entry["rates"].values():
            rate["amount"] = "9.99"

    before = meaning(root)
    book = root / "price-books/founding.json"
    own = "gpt-4o-mini-transcribe"
    new = {"id": "x/1", "provider": "x", "models": ["x"], "rates": {}}
    edit(book, lambda document: document["entries"].append(new))
    assert meaning(root) == before

    edit(book, lambda document: [dearer(entry) for entry in document["entries"] if own in entry["models"]])
    assert meaning(root) != before


def test_a_changed_a_removed_and_a_late_case_are_found() -> None:
    lock = freeze(
        NOTHING, "0.1", {"a": Meaning("1", "0.1"), "b": Meaning("2", "0.1"), "c": Meaning("3", "0.1")}
    )

    found = list(
        faults(
            lock,
            {
                "a": Meaning("1", "0.1"),
                "b": Meaning("9", "0.1"),
                "d": Meaning("4", "0.1"),
                "e": Meaning("5", "0.2"),
            },
        )
    )

    assert [sentence.split()[0] for sentence in found] == ["b", "c", "d"]


def test_a_correction_with_a_reason_is_allowed_and_goes_into_the_changelog() -> None:
    frozen = freeze(NOTHING, "0.1", {"a": Meaning("1", "0.1"), "b": Meaning("2", "0.1")})
    fixed = {"case": "a", "to": "9", "reason": "the page says 5.00, not 6.00"}
    gone = {"case": "b", "to": None, "reason": "the provider never sent it"}
    now = {"a": Meaning("9", "0.1")}

    assert list(faults({**frozen, "corrections": [fixed, gone]}, now)) == []
    assert list(changes({**frozen, "corrections": [fixed, gone]}, now)) == [
        "- Corrected `a`: the page says 5.00, not 6.00",
        "- Removed `b`: the provider never sent it",
    ]
    silent = {**fixed, "reason": " "}
    assert list(faults({**frozen, "corrections": [silent, gone]}, now)) == ["a is corrected without a reason"]


def test_a_correction_covers_one_meaning_and_no_later_one() -> None:
    frozen = freeze(NOTHING, "0.1", {"a": Meaning("1", "0.1")})
    lock = {**frozen, "corrections": [{"case": "a", "to": "9", "reason": "a misprint"}]}

    assert len(list(faults(lock, {"a": Meaning("10", "0.1")}))) == 1


def test_new_cases_are_named_or_counted() -> None:
    few = {f"a/{n}": Meaning("1", "0.1") for n in range(2)}
    many = {f"{folder}/{n}": Meaning("1", "0.1") for folder in "ab" for n in range(10)}

    assert list(changes(NOTHING, few)) == ["- New case `a/0`.", "- New case `a/1`."]
    assert list(changes(NOTHING, many)) == ["- 20 new cases: 10 in `a`, 10 in `b`."]


def test_a_version_is_frozen_once() -> None:
    with pytest.raises(UsageError, match="has been frozen"):
        freeze(freeze(NOTHING, "0.1", {}), "0.1", {})


def test_the_commands_freeze_check_and_tell(root: Path) -> None:
    def call(command: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--lock", str(root / "lock.json"), "--root", str(root), command])
        return done.exit_code, done.output

    assert call("check") == (0, "no version is released yet\n")
    assert call("changes") == (0, f"- New case `{CASE}`.\n")
    assert call("draft") == (0, "draft of spec 0.1: 1 cases\n")
    assert call("check") == (0, "spec 0.1: 1 cases as in the draft\nno version is released yet\n")
    edit(root / f"cases/{CASE}.json", lambda case: case["then"]["charge"].update(total="2"))
    code, text = call("check")
    assert code == 1
    assert "run `frozen draft`" in text
    assert call("changes") == (0, f"- Changed `{CASE}`.\n")
    assert call("freeze") == (0, "spec 0.1 is frozen; cases: 1\n")
    assert call("check") == (0, "spec 0.1: 1 cases as released\n")
    assert call("changes") == (0, "")
    edit(root / f"cases/{CASE}.json", lambda case: case["then"]["charge"].update(total="1"))
    code, text = call("check")
    assert code == 1
    assert "give the new meaning a new id" in text


def test_a_draft_may_change_but_not_unnoticed() -> None:
    lock = draft(NOTHING, "0.1", {"a": Meaning("1", "0.1"), "b": Meaning("2", "0.1")})
    now = {"a": Meaning("9", "0.1"), "c": Meaning("3", "0.1")}

    assert len(list(faults(lock, now))) == 1
    assert list(changes(lock, now)) == ["- Changed `a`.", "- Removed `b`.", "- New case `c`."]
    assert list(changes(lock, now, of_release=True)) == ["- New case `a`.", "- New case `c`."]
    assert list(faults(draft(lock, "0.1", now), now)) == []


def test_a_released_version_has_no_draft() -> None:
    with pytest.raises(UsageError, match="has been frozen"):
        draft(freeze(NOTHING, "0.1", {}), "0.1", {})


OLD = {"old": Meaning("1", "0.1", deprecated=True, why="a/new is right since prices are by the second")}
NEW = {"a/new": Meaning("2", "0.1")}
SAID = {"since": "0.2", "reason": "prices are by the second now", "instead": "a/new"}


def deprecated(**changed: object) -> dict[str, Any]:
    released = {"frozen": {"0.1": {"old": "1", "a/new": "2"}}}
    return {**NOTHING, **released, "deprecated": {"old": {**SAID, **changed}}}


def test_a_case_is_deprecated_with_a_reason_and_what_takes_its_place() -> None:
    assert list(faults(deprecated(), {**OLD, **NEW})) == []
    assert list(changes(deprecated(), {**OLD, **NEW})) == [
        "- Deprecated `old`: prices are by the second now; `a/new` takes its place."
    ]
    alone = deprecated(instead=None)
    assert list(faults(alone, {**OLD, **NEW})) == []
    assert list(changes(alone, {**OLD, **NEW})) == ["- Deprecated `old`: prices are by the second now."]


@pytest.mark.parametrize(
    ("changed", "old", "words"),
    [
        ({"reason": " "}, OLD["old"], "without a reason"),
        ({"instead": "no/such"}, OLD["old"]._replace(why="no/such"), "no case that can take its place"),
        ({"instead": "old"}, OLD["old"]._replace(why="old"), "no case that can take its place"),
        ({}, OLD["old"]._replace(why="because"), "its why does not name that"),
        ({}, OLD["old"]._replace(deprecated=False), "lacks the feature deprecated"),
    ],
    ids=["reason", "unknown", "itself", "why", "feature"],
)
def test_a_deprecation_that_says_too_little_is_found(
    changed: dict[str, object], old: Meaning, words: str
) -> None:
    found = list(faults(deprecated(**changed), {"old": old, **NEW}))

    assert len(found) == 1
    assert words in found[0]


def test_a_case_that_only_calls_itself_deprecated_is_found() -> None:
    lock = {**deprecated(), "deprecated": {}}

    assert "since when, why and what instead" in next(faults(lock, {**OLD, **NEW}))


def test_a_deprecated_case_goes_after_the_version_that_says_so_and_not_before() -> None:
    assert "deprecate it first" in next(faults(deprecated(), NEW))

    lock = freeze(deprecated(), "0.2", {**OLD, **NEW})

    assert list(faults(lock, NEW)) == []
    assert list(changes(lock, NEW)) == ["- Removed `old`, deprecated since 0.2."]


def test_nobody_is_judged_by_a_deprecated_case_unless_it_is_named(root: Path) -> None:
    edit(root / f"cases/{CASE}.json", lambda case: case["features"].append("deprecated"))
    cases = load_cases(root)

    assert select_cases(cases) == select_cases(cases, only=["azure/*"]) == ()
    assert select_cases(cases, only=[CASE]) == select_cases(cases, features=["deprecated"]) == cases
    assert select_cases(cases, with_deprecated=True) == cases
