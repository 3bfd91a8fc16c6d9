"""The manifest lists every file of the fixtures, and a copy that differs from it is found out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from decibill import __version__, jsonio, manifest, schemas
from decibill.errors import InvalidFileError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "b.json").write_bytes(b"{}\n")
    (tmp_path / "cases" / "B.json").write_bytes(b"[]\n")
    (tmp_path / "README.md").write_bytes(b"hi\n")
    (tmp_path / ".DS_Store").write_bytes(b"of the desktop")
    (tmp_path / manifest.NAME).write_text(manifest.render(tmp_path), encoding="utf-8")
    return tmp_path


def test_every_file_is_listed_with_size_and_digest_sorted_by_path(tree: Path) -> None:
    described = manifest.describe(tree)

    assert [entry["path"] for entry in described["files"]] == ["README.md", "cases/B.json", "cases/b.json"]
    assert described["files"][0] == {
        "path": "README.md",
        "bytes": 3,
        "sha256": hashlib.sha256(b"hi\n").hexdigest(),
    }
    assert described["version"] == __version__


def test_the_manifest_is_valid_and_canonical(tree: Path) -> None:
    text = (tree / manifest.NAME).read_text(encoding="utf-8")
    document = jsonio.loads(text, manifest.NAME)

    schemas.validate("manifest", document, manifest.NAME)
    assert jsonio.dumps(document) == text


def test_a_tree_as_described_is_verified(tree: Path) -> None:
    assert manifest.verify(tree) == ()


def test_a_changed_file_is_found_out(tree: Path) -> None:
    (tree / "cases" / "b.json").write_bytes(b"{ }")

    assert [(fault.pointer, fault.problem) for fault in manifest.verify(tree)] == [
        ("/files/2", "cases/b.json is not what it was when the manifest was written")
    ]


def test_a_line_break_added_by_a_checkout_is_found_out(tree: Path) -> None:
    (tree / "README.md").write_bytes(b"hi\r\n")

    assert [fault.pointer for fault in manifest.verify(tree)] == ["/files/0"]


def test_a_lost_file_and_a_new_one_are_found_out(tree: Path) -> None:
    (tree / "README.md").rename(tree / "READ.ME")

    assert [fault.problem for fault in manifest.verify(tree)] == [
        "there is no file README.md",
        "READ.ME is not listed",
    ]


@pytest.mark.parametrize(("member", "value"), [("spec", "0.2"), ("version", "9.9.9")])
def test_a_manifest_of_another_version_is_found_out(tree: Path, member: str, value: str) -> None:
    document = {**manifest.describe(tree), member: value}
    (tree / manifest.NAME).write_text(jsonio.dumps(document), encoding="utf-8")

    assert [fault.pointer for fault in manifest.verify(tree)] == [f"/{member}"]


def test_an_unsorted_manifest_is_found_out(tree: Path) -> None:
    document = manifest.describe(tree)
    document["files"].reverse()
    (tree / manifest.NAME).write_text(jsonio.dumps(document), encoding="utf-8")

    assert [fault.pointer for fault in manifest.verify(tree)] == ["/files"]


def test_a_tree_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError, match=r"MANIFEST\.json: cannot be read"):
        manifest.verify(tmp_path)


def test_the_command_generates_and_verifies(tree: Path) -> None:
    (tree / "cases" / "c.json").write_bytes(b"{}\n")
    command = CliRunner()

    before = command.invoke(manifest.main, ["--root", str(tree), "verify"])
    written = command.invoke(manifest.main, ["--root", str(tree), "generate"])
    after = command.invoke(manifest.main, ["--root", str(tree), "verify"])

    assert (before.exit_code, written.exit_code, after.exit_code) == (1, 0, 0)
    assert "cases/c.json is not listed" in before.stderr
    assert "run python -m decibill.manifest generate" in before.stderr
