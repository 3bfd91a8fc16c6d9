"""A copy on disk is written without leaving its folder, and no change to it goes unseen."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio
from decibill.errors import HarnessError, InvalidFileError, UsageError
from decibill.manifest import entry
from decibill.vendor import PACK, Copy, Selection, pack, render
from decibill.vendor_tree import STAGING, RefusedError, check, update

FILES = {
    "README.md": b"read me\n",
    PACK: pack({"a/one": b'{"id": "a/one"}'}),
    "upstream/a/one.json": b'{"usage": 1}\r\n',
    "upstream/a/two.sse": b"data: {}\n\n",
}


def copy_of(**changes: bytes | None) -> Copy:
    files = {**FILES, **changes}
    return Copy(
        Selection(), {name: content for name, content in files.items() if content is not None}, ("a/one",)
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    target = tmp_path / "deep" / "fixtures"
    update(target, copy_of())
    return target


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "one.json").write_text("precious")
    return outside


def contents(target: Path) -> dict[str, bytes]:
    return {
        path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()
    }


def manifest_of(target: Path) -> dict[str, Any]:
    return json.loads((target / "MANIFEST.json").read_bytes())


def rewrite(target: Path, **members: object) -> None:
    (target / "MANIFEST.json").write_bytes(render({**manifest_of(target), **members}))


# Writing


def test_a_new_copy_is_every_file_and_the_manifest_and_nothing_else(target: Path) -> None:
    assert contents(target) == {**FILES, "MANIFEST.json": copy_of().manifest()}
    assert check(target) == ()


def test_a_second_run_changes_nothing(target: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*") if path.name != "MANIFEST.json"}

    changes = update(target, copy_of())

    assert (changes.added, changes.changed, changes.removed) == ((), (), ())
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }


def test_a_new_release_adds_updates_and_removes(target: Path) -> None:
    changes = update(
        target, copy_of(**{"README.md": b"new", "upstream/a/two.sse": None, "upstream/b/x.json": b"{}"})
    )

    assert changes.added == ("upstream/b/x.json",)
    assert changes.changed == ("README.md",)
    assert changes.removed == ("upstream/a/two.sse",)
    assert not (target / "upstream/a/two.sse").exists()
    assert check(target) == ()


def test_a_folder_that_is_left_empty_goes_too(target: Path) -> None:
    update(target, copy_of(**{"upstream/a/two.sse": None, "upstream/a/one.json": None}))

    assert not (target / "upstream").exists()


@pytest.mark.parametrize(
    "release", [{}, {"README.md": b"new"}, {"README.md": None}], ids=["same", "new", "gone"]
)
def test_a_file_changed_by_hand_is_never_overwritten_or_removed(
    target: Path, release: dict[str, bytes | None]
) -> None:
    (target / "README.md").write_text("mine")
    before = contents(target)

    with pytest.raises(RefusedError, match=r"README\.md: was changed by hand"):
        update(target, copy_of(**release))

    assert contents(target) == before


def test_force_overwrites_it(target: Path) -> None:
    (target / "README.md").write_text("mine")

    update(target, copy_of(), force=True)

    assert check(target) == ()


def test_a_hand_change_that_is_the_new_release_is_no_conflict(target: Path) -> None:
    (target / "README.md").write_bytes(b"new")

    update(target, copy_of(**{"README.md": b"new"}))

    assert check(target) == ()


def test_other_files_in_a_copy_are_left_alone_and_named(target: Path) -> None:
    (target / "NOTES.md").write_text("mine")

    assert update(target, copy_of()).foreign == ("NOTES.md",)
    assert (target / "NOTES.md").read_text() == "mine"


def test_a_folder_of_other_files_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("mine")

    with pytest.raises(RefusedError, match=r"main\.py: is not decibill's"):
        update(tmp_path, copy_of())

    assert contents(tmp_path) == {"main.py": b"mine"}


def test_a_first_run_that_was_stopped_is_finished_by_the_next(target: Path) -> None:
    (target / "MANIFEST.json").unlink()
    (target / "README.md").unlink()

    update(target, copy_of())

    assert check(target) == ()


def test_an_update_that_was_stopped_is_seen_and_finished(target: Path) -> None:
    (target / "README.md").write_bytes(b"new")
    assert [problem.path for problem in check(target)] == ["README.md"]

    update(target, copy_of(**{"README.md": b"new"}))

    assert check(target) == ()


def test_a_full_disk_changes_nothing(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(target)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        update(target, copy_of(**{"README.md": b"new", "upstream/a/two.sse": None}))

    assert contents(target) == before


def test_two_runs_at_once_do_not_mix(target: Path) -> None:
    (target / STAGING).mkdir()

    with pytest.raises(UsageError, match="another run is at work"):
        update(target, copy_of(**{"README.md": b"new"}))

    assert (target / "README.md").read_bytes() == FILES["README.md"]


def test_a_pack_of_the_same_cases_by_another_compressor_stays(target: Path) -> None:
    other = gzip.compress(gzip.decompress(FILES[PACK]), 1, mtime=7)
    assert other != FILES[PACK]
    update(target, copy_of(**{PACK: other}), force=True)
    (target / PACK).write_bytes(other)
    rewrite(target, files=[entry(contents(target)[name], name) for name in sorted(FILES)])

    changes = update(target, copy_of())

    assert changes.changed == ()
    assert (target / PACK).read_bytes() == other
    assert check(target) == ()


# Escapes


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "a/../../x", "a//x", "./x", "", "a\\..\\x", "C:x", f"{STAGING}/x", "MANIFEST.json"],
)
def test_a_copy_with_a_path_that_leads_out_writes_nothing(tmp_path: Path, name: str) -> None:
    target = tmp_path / "copy"

    with pytest.raises(HarnessError, match="outside"):
        update(target, copy_of(**{name: b"x"}))

    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("name", ["../../outside/one.json", "/etc/hostname", "a/../../x"])
@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
def test_a_forged_manifest_removes_nothing_outside(
    target: Path, outside: Path, name: str, *, force: bool
) -> None:
    rewrite(target, files=[entry(b"precious", name), *manifest_of(target)["files"]])

    if force:
        update(target, copy_of(), force=True)
    else:
        with pytest.raises(InvalidFileError):
            update(target, copy_of())

    assert (outside / "one.json").read_text() == "precious"


@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
@pytest.mark.parametrize("link", ["upstream", "upstream/a"])
def test_a_folder_that_became_a_link_is_not_followed(
    target: Path, outside: Path, link: str, *, force: bool
) -> None:
    (target / "upstream/a/one.json").unlink()
    (target / "upstream/a/two.sse").unlink()
    (target / "upstream/a").rmdir()
    if link == "upstream":
        (target / "upstream").rmdir()
        (outside / "a").mkdir()
    (target / link).symlink_to(outside)
    before = contents(outside)

    assert any("link" in problem.problem for problem in check(target))
    if force:
        update(target, copy_of(**{"upstream/a/one.json": b"new"}), force=True)
        assert check(target) == ()
    else:
        with pytest.raises(RefusedError, match="symbolic link"):
            update(target, copy_of(**{"upstream/a/one.json": b"new"}))

    assert contents(outside) == before


@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
@pytest.mark.parametrize("release", [b"new", None], ids=["updated", "removed"])
def test_a_file_that_became_a_link_is_not_written_through(
    target: Path, outside: Path, release: bytes | None, *, force: bool
) -> None:
    (target / "README.md").unlink()
    (target / "README.md").symlink_to(outside / "one.json")

    if force:
        update(target, copy_of(**{"README.md": release}), force=True)
        assert not (target / "README.md").is_symlink()
    else:
        with pytest.raises(RefusedError, match="symbolic link"):
            update(target, copy_of(**{"README.md": release}))

    assert (outside / "one.json").read_text() == "precious"


def test_a_hard_link_is_replaced_and_not_written_through(target: Path, outside: Path) -> None:
    (target / "README.md").unlink()
    (target / "README.md").hardlink_to(outside / "one.json")

    update(target, copy_of(**{"README.md": b"new"}), force=True)

    assert (outside / "one.json").read_text() == "precious"


def test_a_manifest_that_is_a_link_is_not_read(target: Path, outside: Path) -> None:
    (target / "MANIFEST.json").rename(outside / "m.json")
    (target / "MANIFEST.json").symlink_to(outside / "m.json")

    assert [str(problem) for problem in check(target)] == ["MANIFEST.json: is a symbolic link"]
    with pytest.raises(InvalidFileError, match="symbolic link"):
        update(target, copy_of())


def test_a_target_that_is_a_link_is_refused(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "link").symlink_to(outside)

    with pytest.raises(UsageError, match="symbolic link"):
        update(tmp_path / "link", copy_of(), force=True)

    assert list(outside.iterdir()) == [outside / "one.json"]


@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
def test_a_staging_folder_that_is_a_link_is_not_used(target: Path, outside: Path, *, force: bool) -> None:
    (target / STAGING).symlink_to(outside)

    with pytest.raises(UsageError, match="remove it"):
        update(target, copy_of(), force=force)

    assert contents(outside) == {"one.json": b"precious"}


@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
def test_a_file_in_the_place_of_a_folder_is_kept_unless_forced(target: Path, *, force: bool) -> None:
    for name in ("one.json", "two.sse"):
        (target / "upstream/a" / name).unlink()
    (target / "upstream/a").rmdir()
    (target / "upstream/a").write_text("mine")

    if force:
        update(target, copy_of(), force=True)
        assert check(target) == ()
    else:
        with pytest.raises(RefusedError, match="no folder"):
            update(target, copy_of())
        assert (target / "upstream/a").read_text() == "mine"


@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
def test_a_folder_in_the_place_of_a_file_is_kept_unless_forced(target: Path, *, force: bool) -> None:
    (target / "README.md").unlink()
    (target / "README.md").mkdir()
    (target / "README.md" / "mine").write_text("mine")

    if force:
        update(target, copy_of(), force=True)
        assert check(target) == ()
    else:
        with pytest.raises(RefusedError, match="not a regular file"):
            update(target, copy_of())
        assert (target / "README.md" / "mine").read_text() == "mine"


def test_a_target_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(UsageError, match="not a folder"):
        update(tmp_path / "file", copy_of(), force=True)


# Verifying


@pytest.mark.parametrize("name", [*FILES, "MANIFEST.json"])
def test_one_flipped_bit_of_any_byte_is_found(target: Path, name: str) -> None:
    path = target / name
    right = path.read_bytes()
    with path.open("r+b", buffering=0) as file:  # in place: a file written anew waits for the disk
        for n in range(len(right)):
            for bit in (0, 5, 7):
                os.pwrite(file.fileno(), bytes([right[n] ^ 1 << bit]), n)
                found = check(target)
                assert found, f"bit {bit} of byte {n}"
                assert name in {problem.path for problem in found} or name == "MANIFEST.json"
            os.pwrite(file.fileno(), right[n : n + 1], n)
    assert path.read_bytes() == right
    assert check(target) == ()


@pytest.mark.parametrize("name", list(FILES))
def test_a_missing_file_is_found(target: Path, name: str) -> None:
    (target / name).unlink()

    assert [str(problem) for problem in check(target)] == [f"{name}: is missing"]


def test_a_missing_manifest_is_found(target: Path) -> None:
    (target / "MANIFEST.json").unlink()

    assert [str(problem) for problem in check(target)] == ["MANIFEST.json: is missing"]


@pytest.mark.parametrize("name", ["new.json", "upstream/a/three.json", "deep/er/x", f"{STAGING}/0"])
def test_an_added_file_is_found(target: Path, name: str) -> None:
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_text("x")

    assert [str(problem) for problem in check(target)] == [f"{name}: was added"]


def test_a_renamed_file_is_found_with_both_names(target: Path) -> None:
    (target / "README.md").rename(target / "READ.md")

    assert [str(problem) for problem in check(target)] == ["README.md: was renamed to READ.md"]


def test_a_file_that_is_renamed_and_changed_is_missing_and_added(target: Path) -> None:
    (target / "README.md").rename(target / "READ.md")
    (target / "READ.md").write_text("mine")

    assert [str(problem) for problem in check(target)] == ["README.md: is missing", "READ.md: was added"]


def test_two_files_that_changed_places_are_found(target: Path) -> None:
    one, two = target / "upstream/a/one.json", target / "upstream/a/two.sse"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)

    assert [problem.path for problem in check(target)] == ["upstream/a/one.json", "upstream/a/two.sse"]


def test_a_link_to_the_right_content_is_found(target: Path, outside: Path) -> None:
    (outside / "same").write_bytes(FILES["README.md"])
    (target / "README.md").unlink()
    (target / "README.md").symlink_to(outside / "same")

    assert [str(problem) for problem in check(target)] == ["README.md: is a symbolic link"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_place_of_a_file_does_not_block(target: Path) -> None:
    (target / "README.md").unlink()
    os.mkfifo(target / "README.md")

    assert [str(problem) for problem in check(target)] == ["README.md: is not a regular file"]


def test_a_file_that_is_listed_twice_is_found(target: Path) -> None:
    files = manifest_of(target)["files"]
    rewrite(target, files=[files[0], *files])

    assert "MANIFEST.json" in {problem.path for problem in check(target)}


def test_a_manifest_of_the_whole_tree_is_no_copys(target: Path) -> None:
    document = manifest_of(target)
    del document["selection"]
    (target / "MANIFEST.json").write_text(jsonio.dumps(document))

    assert "not the manifest of a copy" in check(target)[0].problem


def test_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        check(tmp_path / "nothing")
