"""The grammar of requirements: what is one, what belongs to it, and what is a finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from decibill.prose import Catalogue, Requirement, read_catalogue

MARKER = '<a id="AUB-EXT-0a1b" data-observable="wire" data-since="0.1"></a>**AUB-EXT-0a1b** — '


def read(spec: Path, text: str, name: str = "03-extraction.md") -> Catalogue:
    file = spec / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return read_catalogue(spec)


def only(catalogue: Catalogue) -> Requirement:
    assert catalogue.findings == ()
    assert len(catalogue.requirements) == 1
    return catalogue.requirements[0]


def test_a_list_item_with_a_marker_is_a_requirement(tmp_path: Path) -> None:
    found = only(
        read(tmp_path, f"# Chapter\n\n- {MARKER}Seconds MUST\n  be taken as sent.\n- an ordinary item\n")
    )
    assert found.text == "Seconds MUST be taken as sent."
    assert found.href == "spec/03-extraction.md#AUB-EXT-0a1b"
    assert (found.observable, found.since, found.features) == ("wire", "0.1", ())


def test_a_paragraph_with_a_marker_is_a_requirement(tmp_path: Path) -> None:
    assert only(read(tmp_path, f"{MARKER}It SHOULD be so.\n\nMore text.\n")).text == "It SHOULD be so."


@pytest.mark.parametrize(
    ("sentence", "level"),
    [
        ("It MUST be.", "MUST"),
        ("It MUST NOT be.", "MUST NOT"),
        ("It SHOULD NOT be.", "SHOULD NOT"),
        ("It MAY be, and then it MUST be told.", "MAY"),
        ("`MUST` is a word, and it SHOULD be.", "SHOULD"),
    ],
)
def test_the_level_is_the_first_key_word_outside_code(tmp_path: Path, sentence: str, level: str) -> None:
    assert only(read(tmp_path, MARKER + sentence)).level == level


def test_features_are_words_of_one_attribute(tmp_path: Path) -> None:
    marked = MARKER.replace('"0.1"', '"0.1" data-features="speech stream"')
    assert only(read(tmp_path, f"{marked}It MUST be.")).features == ("speech", "stream")


def test_links_and_bold_are_not_part_of_the_text(tmp_path: Path) -> None:
    text = only(read(tmp_path, f"{MARKER}The **last** [usage](x.md#y) MUST be `taken`.")).text
    assert text == "The last usage MUST be `taken`."


def test_line_breaks_do_not_change_the_hash(tmp_path: Path) -> None:
    wide = only(read(tmp_path, f"- {MARKER}One two MUST three."))
    narrow = only(read(tmp_path, f"- {MARKER}One\n  two MUST\n  three."))
    assert wide.sha256 == narrow.sha256


def test_a_changed_word_changes_the_hash(tmp_path: Path) -> None:
    before = only(read(tmp_path, f"- {MARKER}One MUST win."))
    assert before.sha256 != only(read(tmp_path, f"- {MARKER}Two MUST win.")).sha256


@pytest.mark.parametrize(
    "follower",
    [
        "\n| leaf | rate |\n| --- | --- |\n| {} | b |\n",
        "\n1. first {}\n2. second\n",
        "  1. first\n  2. second {}\n",
    ],
    ids=["table", "list", "nested list"],
)
def test_a_table_or_list_after_a_colon_belongs_to_the_hash_and_not_to_the_text(
    tmp_path: Path, follower: str
) -> None:
    lead = f"- {MARKER}It MUST be one of these:\n"
    before = only(read(tmp_path, lead + follower.format("x")))
    assert before.text == "It MUST be one of these:"
    assert before.sha256 != only(read(tmp_path, lead + follower.format("y"))).sha256


def test_line_breaks_in_the_list_after_a_colon_do_not_change_the_hash(tmp_path: Path) -> None:
    wide = only(read(tmp_path, f"- {MARKER}It MUST be:\n  1. one of two\n  2. other\n"))
    narrow = only(read(tmp_path, f"- {MARKER}It MUST be:\n  1. one\n     of two\n  2. other\n"))
    assert wide.sha256 == narrow.sha256


def test_a_table_after_a_full_stop_is_not_part_of_the_requirement(tmp_path: Path) -> None:
    before = only(read(tmp_path, f"- {MARKER}It MUST be.\n\n| a |\n| --- |\n| x |\n"))
    assert before.sha256 == only(read(tmp_path, f"- {MARKER}It MUST be.\n\n| a |\n| --- |\n| y |\n")).sha256


def test_a_second_list_is_not_part_of_the_requirement(tmp_path: Path) -> None:
    text = f"- {MARKER}It MUST be:\n\n1. first\n\n- other {{}}\n"
    assert only(read(tmp_path, text.format("x"))).sha256 == only(read(tmp_path, text.format("y"))).sha256


def test_chapters_come_before_provider_pages_and_readme_is_not_read(tmp_path: Path) -> None:
    page = MARKER.replace("EXT-0a1b", "OAI-0a1b") + "It MUST be."
    read(tmp_path, page, "providers/openai.md")
    read(tmp_path, "The key word MUST is explained here.", "README.md")
    catalogue = read(tmp_path, f"{MARKER}It MUST be.")
    assert [row.id for row in catalogue.requirements] == ["AUB-EXT-0a1b", "AUB-OAI-0a1b"]
    assert catalogue.findings == ()
    assert set(catalogue.by_id()) == {"AUB-EXT-0a1b", "AUB-OAI-0a1b"}


@pytest.mark.parametrize(
    "text",
    [
        "```json\nIt MUST be.\n```\n",
        "~~~\nMUST\n\nMAY\n~~~\n",
        "Say `MUST` and `MAY`.",
        "The must of grapes in May.",
    ],
)
def test_key_words_in_code_and_in_lower_case_are_only_words(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).findings == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Everything MUST be free.", "the key word MUST stands outside a requirement"),
        ("| rule |\n| --- |\n| it SHOULD be |", "the key word SHOULD stands outside"),
        ("```\ncode\n```\nIt MAY be.", "the key word MAY stands outside"),
        (f"First. {MARKER}It is.", "does not open its paragraph"),
        (f"| {MARKER}It is. |", "does not open its paragraph"),
        (f"{MARKER}It is so.", "has no level"),
        (f"{MARKER}It SHALL be so.", "an unused key word (SHALL)"),
        (f"{MARKER}It MUST be one of:\n\nA paragraph.", "ends in a colon and neither table nor list follows"),
        (f"{MARKER}It MUST be one of:", "ends in a colon and neither table nor list follows"),
        (MARKER.replace("EXT-0a1b", "EXT-0A1B") + "It MUST be.", "AUB-EXT-0A1B is not an id of this file"),
        (MARKER.replace("EXT-0a1b", "CHG-0a1b") + "It MUST be.", "AUB-CHG-0a1b is not an id of this file"),
        (MARKER.replace("EXT-0a1b", "XYZ-0a1b") + "It MUST be.", "AUB-XYZ-0a1b is not an id of this file"),
        (MARKER.replace("**AUB-EXT-0a1b", "**AUB-EXT-ffff") + "It MUST be.", "the anchor says AUB-EXT-0a1b"),
        (MARKER.replace(' data-since="0.1"', "") + "It MUST be.", "does not say since when"),
        (MARKER.replace('"wire"', '"seen"') + "It MUST be.", "does not say where it is observable"),
        (
            MARKER.replace("data-since", 'data-level="MAY" data-since') + "It MUST be.",
            "an attribute that nothing reads",
        ),
        (MARKER.replace("></a>", " hidden></a>") + "It MUST be.", "an attribute that nothing reads"),
        (f"{MARKER}One MUST be.\n\n{MARKER}Two MUST be.", "AUB-EXT-0a1b is used twice"),
    ],
)
def test_prose_outside_the_grammar_is_a_finding(tmp_path: Path, text: str, problem: str) -> None:
    findings = read(tmp_path, text).findings
    assert any(problem in finding.problem for finding in findings), [str(finding) for finding in findings]


def test_a_finding_names_file_line_and_remedy(tmp_path: Path) -> None:
    [finding] = read(tmp_path, "# Title\n\nfine\n\nnot MUST\nfine\n").findings
    assert str(finding) == (
        "spec/03-extraction.md:5: the key word MUST stands outside a requirement; "
        "mint an id for it, or say it in other words"
    )


def test_a_folder_without_chapters_is_a_finding(tmp_path: Path) -> None:
    [finding] = read_catalogue(tmp_path).findings
    assert finding.problem == "no chapter is here"
