"""A copy holds the chosen cases, exactly what they need, and a manifest that pins it."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from decibill import jsonio, schemas, vendor
from decibill._data import data_directory
from decibill.cases import load_cases
from decibill.errors import HarnessError, InvalidFileError, UnknownNameError, UsageError
from decibill.vendor import PACK, Selection, pack, plan, unpack

FIXTURES = data_directory("fixtures")
AUDIO = {".wav", ".mp3", ".m4a", ".webm", ".ogg", ".flac", ".pcm", ".opus", ".aac"}


@pytest.fixture(scope="module")
def everything() -> vendor.Copy:
    return plan(Selection())


def cases_in(copy: vendor.Copy) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(copy.files[PACK]).splitlines()]


def test_everything_without_audio_is_under_two_megabytes(everything: vendor.Copy) -> None:
    size = sum(len(content) for content in everything.files.values()) + len(everything.manifest())

    assert size < 2_000_000
    assert not [name for name in everything.files if Path(name).suffix in AUDIO]


def test_everything_is_every_case_member_for_member_and_digit_for_digit(everything: vendor.Copy) -> None:
    right = [jsonio.load_file(FIXTURES / "cases" / f"{case.id}.json") for case in load_cases()]
    packed = [jsonio.loads(line, PACK) for line in gzip.decompress(everything.files[PACK]).splitlines()]

    assert packed == right
    assert [list(case) for case in packed] == [list(case) for case in right]


def test_every_other_file_is_the_release_byte_for_byte(everything: vendor.Copy) -> None:
    released = {
        each["path"]: each["sha256"] for each in jsonio.load_file(FIXTURES / "MANIFEST.json")["files"]
    }
    own = {name for name in everything.files if not name.startswith("schemas/")} - {PACK, ".gitattributes"}

    for name in own:
        assert hashlib.sha256(everything.files[name]).hexdigest() == released[name]
    for name in set(everything.files) - own - {PACK, ".gitattributes"}:
        assert everything.files[name] == (data_directory("schemas") / Path(name).name).read_bytes()


def test_every_file_that_a_case_names_is_there_with_audio() -> None:
    copy = plan(Selection(audio=True, packed=False))

    used = {name for name in copy.files if name.startswith(("upstream/", "price-books/", "audio/"))}
    whole = {
        path.relative_to(FIXTURES).as_posix()
        for folder in ("upstream", "price-books", "audio")
        for path in (FIXTURES / folder).rglob("*")
        if path.is_file()
    }
    assert used == whole


def test_a_choice_takes_only_what_its_cases_need() -> None:
    copy = plan(Selection(providers=("elevenlabs",), features=("speech",)))

    cases = cases_in(copy)
    assert cases
    assert [case["id"] for case in cases] == sorted(copy.cases)
    assert all(name.startswith("upstream/elevenlabs/") for name in copy.files if name.startswith("upstream/"))
    assert "price-books/founding.json" not in copy.files
    assert {"LICENSE", "README.md", "schemas/case.schema.json"} <= set(copy.files)


def test_a_choice_of_two_providers_takes_both() -> None:
    both = set(plan(Selection(providers=("azure", "elevenlabs"))).cases)

    assert both == set(plan(Selection(providers=("azure",))).cases) | set(
        plan(Selection(providers=("elevenlabs",))).cases
    )


def test_plain_cases_are_the_files_of_the_release() -> None:
    copy = plan(Selection(providers=("azure",), packed=False))

    assert PACK not in copy.files
    for name in copy.cases:
        assert copy.files[f"cases/{name}.json"] == (FIXTURES / "cases" / f"{name}.json").read_bytes()


def test_the_same_choice_is_the_same_bytes_in_whatever_order_it_was_made() -> None:
    one = plan(Selection(providers=("openai", "azure"), features=("stream", "speech")))
    other = plan(Selection(providers=("azure", "openai"), features=("speech", "stream")))

    assert one.files == other.files
    assert one.manifest() == other.manifest()


def test_the_manifest_is_valid_and_says_versions_choice_and_every_file(everything: vendor.Copy) -> None:
    document = jsonio.loads(everything.manifest(), "MANIFEST.json")

    schemas.validate("manifest", document, "MANIFEST.json")
    assert [each["path"] for each in document["files"]] == sorted(everything.files)
    assert document["cases"] == len(load_cases())
    assert Selection.from_json(document["selection"]) == Selection()
    assert document["content"] == vendor.content_digest(document)


def test_a_choice_survives_the_manifest() -> None:
    chosen = Selection(providers=("azure",), features=("chat",), spec="0.1", audio=True, packed=False)

    assert Selection.from_json(chosen.to_json()) == chosen


@pytest.mark.parametrize(
    ("selection", "word"),
    [
        (Selection(providers=("opanai",)), "openai"),
        (Selection(features=("steam",)), "stream"),
        (Selection(spec="9.9"), "0.1"),
        (Selection(runners=("jvascript",)), "javascript"),
    ],
    ids=["provider", "feature", "spec", "runner"],
)
def test_an_unknown_name_is_refused_with_a_close_one(selection: Selection, word: str) -> None:
    with pytest.raises(UnknownNameError, match=word):
        plan(selection)


def test_choices_that_no_case_fits_together_are_refused() -> None:
    with pytest.raises(UsageError, match="both"):
        plan(Selection(providers=("elevenlabs",), features=("price.audio_token_based",)))


@pytest.mark.parametrize("name", ["../secret.json", "upstream/../../secret.json"])
def test_a_case_that_names_a_file_outside_the_fixtures_copies_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.json").write_text("{}")
    root = tmp_path / "fixtures"
    case = jsonio.load_file(FIXTURES / "cases" / "azure" / "transcription-founding-report.json")
    case["given"]["prices"] = name
    (root / "cases" / "azure").mkdir(parents=True)
    (root / "cases" / "azure" / "transcription-founding-report.json").write_text(json.dumps(case))
    for needed in ("LICENSE", "README.md", "price-books/README.md"):
        (root / needed).parent.mkdir(exist_ok=True)
        shutil.copy(FIXTURES / needed, root / needed)

    with pytest.raises(HarnessError, match="outside"):
        plan(Selection(), root)


def test_a_runner_comes_with_its_licence() -> None:
    copy = plan(Selection(providers=("openai",), runners=("javascript",)))

    assert {"runners/LICENSE", "runners/javascript/price.mjs"} <= set(copy.files)


def test_packing_drops_blanks_between_tokens_alone() -> None:
    text = b'{\n  "id": "a b",\n  "x": [1.50, 1e400, "\\" : \\\\", "\xc3\xa9"]\n}\n'

    assert unpack(pack({"a": text})) == b'{"id":"a b","x":[1.50,1e400,"\\" : \\\\","\xc3\xa9"]}\n'


@pytest.mark.parametrize(
    "broken",
    [b"", b"{}", gzip.compress(b"x")[:-3], gzip.compress(b"x") + b"y", gzip.compress(b"0" * 100)],
    ids=["empty", "no-gzip", "cut", "more", "bomb"],
)
def test_a_broken_pack_is_refused(broken: bytes) -> None:
    with pytest.raises(InvalidFileError, match=r"cases\.jsonl\.gz"):
        unpack(broken, 50)
