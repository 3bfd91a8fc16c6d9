"""``decibill vendor`` as a user of another repository meets it."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from decibill.cli.vendor import vendor
from decibill.errors import DecibillError, InvalidFileError, UsageError
from decibill.manifest import entry
from decibill.vendor import PACK, pack, render
from decibill.vendor_diff import case_differences

CHOICE = ("--provider", "elevenlabs", "--feature", "speech")


def run(target: Path, *options: str) -> Result:
    result = CliRunner().invoke(vendor, [str(target), *options], standalone_mode=False)
    if result.exception and not isinstance(result.exception, DecibillError):
        raise result.exception
    return result


def refused(target: Path, *options: str) -> DecibillError:
    error = run(target, *options).exception
    assert isinstance(error, DecibillError)
    return error


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("made") / "fixtures"
    run(target, *CHOICE)
    return target


@pytest.fixture
def target(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "fixtures"))


def put_older_release(target: Path) -> str:
    """Make the copy one of an older release, in which one case is missing, one is extra and one is other."""
    content = gzip.decompress((target / PACK).read_bytes())
    cases = {case["id"]: case for case in map(json.loads, content.splitlines())}
    first, second, *_ = sorted(cases)
    del cases[first]
    cases[second]["then"]["charge"]["total"] = "99"
    cases["elevenlabs/old"] = {**cases[second], "id": "elevenlabs/old", "title": "Once was here"}
    packed = pack({name: json.dumps(case).encode() for name, case in cases.items()})
    (target / PACK).write_bytes(packed)
    document = json.loads((target / "MANIFEST.json").read_text())
    document["files"] = [
        entry((target / each["path"]).read_bytes(), each["path"]) for each in document["files"]
    ]
    (target / "MANIFEST.json").write_bytes(render({**document, "version": "0.0.9"}))
    return f"{first} {second}"


def test_a_copy_is_made_and_found_right(target: Path) -> None:
    assert run(target, "--check").return_value == 0
    assert "content " in run(target, "--check").stdout


def test_a_flipped_byte_ends_in_code_one_and_a_list(target: Path) -> None:
    name = next((target / "upstream").rglob("*.*"))
    content = bytearray(name.read_bytes())
    content[3] ^= 1
    name.write_bytes(content)

    result = run(target, "--check")

    assert result.return_value == 1
    assert name.relative_to(target).as_posix() in result.stdout


def test_a_later_run_keeps_the_choice(target: Path) -> None:
    before = (target / "MANIFEST.json").read_bytes()

    assert "nothing to change" in run(target).stdout
    assert (target / "MANIFEST.json").read_bytes() == before


def test_force_keeps_the_choice_too(target: Path) -> None:
    before = (target / "MANIFEST.json").read_bytes()
    (target / "README.md").write_text("mine")

    run(target, "--force")

    assert (target / "MANIFEST.json").read_bytes() == before
    assert run(target, "--check").return_value == 0


def test_another_choice_replaces_the_first(target: Path) -> None:
    run(target, "--provider", "azure", "--plain")

    assert not (target / PACK).exists()
    assert (target / "cases" / "azure").is_dir()
    assert not (target / "upstream" / "elevenlabs").exists()
    assert run(target, "--check").return_value == 0


def test_everything_forgets_the_choice(target: Path) -> None:
    run(target, "--everything")

    assert (target / "upstream" / "openai").is_dir()


def test_a_hand_change_is_refused_by_name(target: Path) -> None:
    (target / "README.md").write_text("mine")

    assert "README.md: was changed by hand" in str(refused(target))
    assert refused(target).exit_code == 2


def test_a_broken_manifest_asks_for_the_choice(target: Path) -> None:
    (target / "MANIFEST.json").write_text("{")

    assert isinstance(refused(target), InvalidFileError)
    assert "--everything" in str(refused(target, "--force"))
    run(target, *CHOICE, "--force")
    assert run(target, "--check").return_value == 0


def test_a_difference_is_told_in_words_and_writes_nothing(target: Path) -> None:
    first, second = put_older_release(target).split()
    before = (target / PACK).read_bytes()

    lines = run(target, "--diff").stdout.splitlines()

    assert any(line.startswith(f"new      {first}: ") for line in lines)
    assert "removed  elevenlabs/old: Once was here" in lines
    changed = next(line for line in lines if line.startswith("changed"))
    assert f'{second}: then.charge.total was "99" and is "' in changed
    assert len(lines) == 3
    assert (target / PACK).read_bytes() == before


def test_without_a_difference_nothing_is_told(target: Path) -> None:
    result = run(target, "--diff")

    assert result.return_value == 0
    assert result.stdout == ""


def test_a_wider_choice_is_told_as_new_cases_and_not_file_by_file(target: Path) -> None:
    lines = run(target, "--diff", "--provider", "elevenlabs").stdout.splitlines()

    assert lines
    assert all(line.startswith("new      elevenlabs/") for line in lines)


def test_a_difference_in_other_files_is_told_too(target: Path) -> None:
    lines = run(target, "--diff", *CHOICE, "--runner", "javascript").stdout.splitlines()

    assert "file     runners/javascript/price.mjs is new" in lines


def test_other_files_are_named_on_standard_error(target: Path) -> None:
    (target / "NOTES.md").write_text("mine")

    assert "NOTES.md is not decibill's" in run(target).stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--check", "--provider", "azure"),
        ("--check", "--force"),
        ("--check", "--diff"),
        ("--diff", "--force"),
        ("--everything", "--plain"),
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together_are_refused(target: Path, options: tuple[str, ...]) -> None:
    assert isinstance(refused(target, *options), UsageError)


def test_a_link_is_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(target)

    assert "symbolic link" in str(refused(tmp_path / "link", "--everything"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ['a.b was "x" and is "y"']),
        ({"a": 1}, {"a": "1"}, ['a was 1 and is "1"']),
        ({"a": 0}, {"a": False}, ["a was 0 and is false"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a.1 was 2 and is 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a is other"]),
        ({"a": "x" * 99}, {"a": "y"}, ["a is other"]),
        ({"a": None}, {"a": "y"}, ["a is other"]),
        ({"a": 1}, {"b": 1}, ["a is gone", "b is new"]),
    ],
    ids=["same", "nested", "type", "truth", "item", "length", "long", "null", "members"],
)
def test_the_difference_of_two_documents_is_said_place_by_place(
    old: object, new: object, words: list[str]
) -> None:
    assert list(case_differences(old, new)) == words


def test_of_many_differences_five_are_told_and_the_rest_is_counted(target: Path) -> None:
    content = gzip.decompress((target / PACK).read_bytes())
    cases = {case["id"]: case for case in map(json.loads, content.splitlines())}
    name = min(cases)
    cases[name] |= {f"note{n}": 1 for n in range(8)}
    (target / PACK).write_bytes(pack({each: json.dumps(case).encode() for each, case in cases.items()}))

    (line,) = run(target, "--diff").stdout.splitlines()

    assert line.startswith(f"changed  {name}: ")
    assert line.endswith(", and 3 more")


def test_a_body_that_is_other_is_told_with_its_case(target: Path) -> None:
    document = json.loads((target / "MANIFEST.json").read_text())
    at = next(n for n, each in enumerate(document["files"]) if each["path"].startswith("upstream/"))
    document["files"][at]["sha256"] = "0" * 64
    del document["files"][next(n for n, e in enumerate(document["files"]) if e["path"] == "LICENSE")]
    (target / "MANIFEST.json").write_bytes(render(document))

    lines = run(target, "--diff").stdout.splitlines()

    assert any(f"{document['files'][at - 1]['path']} is other" in line for line in lines if "changed" in line)
    assert "file     LICENSE is new" in lines
