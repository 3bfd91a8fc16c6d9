"""The fixtures are sound as a whole, and each sanity check finds what it is there for."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from decibill import jsonio, sanity
from decibill._data import data_directory
from decibill.case_checks import files_of
from decibill.errors import InvalidFileError
from decibill.media_length import media_seconds

FIXTURES = data_directory("fixtures")
CASES = (
    "azure/transcription-founding-report",
    "openai/transcription-4o-json",
    "refund/full",
    "pricing/minimum",
)
FOUNDING = "cases/azure/transcription-founding-report.json"
PLAIN = "cases/openai/transcription-4o-json.json"
REFUND = "cases/refund/full.json"
PRICING = "cases/pricing/minimum.json"
FIRST = ("given", "upstream", 0, "answers", 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small sound tree: four cases and the files that they name."""
    names = {"price-books/conformance.json"}
    for case in CASES:
        name = f"cases/{case}.json"
        document = jsonio.load_file(FIXTURES / name)
        names |= {name, *(path for _, path in files_of(document))}
        names |= {document["given"]["prices"]} if "prices" in document["given"] else set()
    root = tmp_path / "fixtures"
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FIXTURES / name, root / name)
    return root


def findings(root: Path) -> list[tuple[str, str, str]]:
    tree = sanity.Tree(root, data_directory("spec"))
    return [(finding.file, finding.pointer, finding.problem) for finding in sanity.run(tree)]


def edit(root: Path, name: str, *path: str | int, to: Any) -> None:
    document = json.loads((root / name).read_text("utf-8"))
    place = document
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    (root / name).write_text(jsonio.dumps(document), encoding="utf-8")


def test_our_own_fixtures_are_sound() -> None:
    assert findings(FIXTURES) == []


def test_a_sound_tree_has_no_findings(tree: Path) -> None:
    assert findings(tree) == []


Edit = Callable[[Path], None]


def case(name: str, *path: str | int, to: Any = ...) -> Edit:
    return lambda root: edit(root, name, *path, to=to)


EXCHANGE = (*FIRST, "exchange")
AT_EXCHANGE = "/given/upstream/0/answers/0/exchange"


def test_two_events_of_a_session_share_an_id_only_as_the_same_event(tree: Path) -> None:
    def event(name: str, kind: str, side: str = "server") -> dict[str, Any]:
        return {"from": side, "frame": {"type": kind, "event_id": name}}

    events = [
        event("e1", "a"),
        event("e1", "a"),
        event("e2", "b"),
        event("e2", "c"),
        event("e2", "d", "client"),
    ]
    (tree / "upstream" / "session.json").write_text(json.dumps(events), encoding="utf-8")
    (tree / "upstream" / "cut.json").write_text("[{", encoding="utf-8")

    found = list(sanity.events_told_apart(sanity.Tree(tree)))

    assert [(each.file, each.pointer) for each in found] == [("upstream/session.json", "/3/frame/event_id")]


@pytest.mark.parametrize(
    ("change", "file", "pointer", "words"),
    [
        pytest.param(case(PLAIN, "why", to="Because."), PLAIN, "/why", "at least", id="schema"),
        pytest.param(case(PLAIN, "id", to="openai/other"), PLAIN, "/id", "the file says", id="id-is-path"),
        pytest.param(
            case(PLAIN, "title", to="Token usage of a transcription reaches the cost"),
            PLAIN,
            "/title",
            "is the title of cases/azure/transcription-founding-report.json as well",
            id="title-twice",
        ),
        pytest.param(
            case(PLAIN, "title", to="Audio should be billed at the audio rate"),
            PLAIN,
            "/title",
            "says 'should'",
            id="title-should",
        ),
        pytest.param(
            case(PLAIN, "title", to="Test that audio is billed"),
            PLAIN,
            "/title",
            "says 'Test that'",
            id="title-test",
        ),
        pytest.param(
            case(FOUNDING, "requirements", to=["AUB-CHG-c3cf"]),
            FOUNDING,
            "/requirements",
            "keys of then.proves, sorted: AUB-CHG-c3cf, AUB-CHG-ec4c",
            id="requirements",
        ),
        pytest.param(
            case(FOUNDING, "why", to="It comes to the sum of the two lines."),
            FOUNDING,
            "/why",
            "total of the charge, 0.003527",
            id="why",
        ),
        pytest.param(
            case(FOUNDING, "given", "prices", to="price-books/nowhere.json"),
            FOUNDING,
            "/given/prices",
            "there is no file price-books/nowhere.json",
            id="no-book",
        ),
        pytest.param(
            case(FOUNDING, *EXCHANGE, "response", "json_file", to="upstream/azure/nowhere.json"),
            FOUNDING,
            f"{AT_EXCHANGE}/response/json_file",
            "there is no file",
            id="no-body",
        ),
        pytest.param(
            case(FOUNDING, *EXCHANGE, "request", "form", "file", "media_seconds", to="78.5"),
            FOUNDING,
            f"{AT_EXCHANGE}/request/form/file/media_seconds",
            "is 78.5; the file lasts 78.400000 s",
            id="length",
        ),
        pytest.param(
            case(FOUNDING, *EXCHANGE, "request", "form", "file", "media_seconds"),
            FOUNDING,
            f"{AT_EXCHANGE}/request/form/file",
            "lacks media_seconds",
            id="no-length",
        ),
        pytest.param(
            case(FOUNDING, *EXCHANGE, "response", "headers", to={}),
            FOUNDING,
            f"{AT_EXCHANGE}/response",
            "no content-type header",
            id="no-content-type",
        ),
        pytest.param(
            case(FOUNDING, "when", "openai", "form", "file"),
            FOUNDING,
            "/when/openai",
            "sends no media; the exchange's request has audio/tone-78.4s.wav",
            id="other-upload",
        ),
        pytest.param(
            case(FOUNDING, "when", "openai", "form", "model", to="whisper-1"),
            FOUNDING,
            "/when/openai",
            "must ask for {model}",
            id="model",
        ),
        pytest.param(
            case(FOUNDING, "features", to=["transcription", "price.audio_token_based", "price.second"]),
            FOUNDING,
            "/features",
            "lacks provider.azure",
            id="feature-missing",
        ),
        pytest.param(
            case(PLAIN, "features", to=["transcription", "price.audio_token_based", "stream"]),
            PLAIN,
            "/features",
            "names stream, which nothing in the case needs",
            id="feature-needless",
        ),
        pytest.param(
            case(PLAIN, "when", "client", to={"repeat": 2}),
            PLAIN,
            "/features",
            "lacks client.repeat",
            id="client",
        ),
        pytest.param(
            case(PLAIN, "when", "openai", "form", "stream", to="true"),
            PLAIN,
            "/features",
            "lacks stream",
            id="stream",
        ),
        pytest.param(
            case(FOUNDING, "then", "proves", "AUB-USE-21cb", to=["cost"]),
            FOUNDING,
            "/then/proves",
            "no requirement is proven by usage",
            id="usage-unproven",
        ),
        pytest.param(
            case(FOUNDING, "then", "proves", "AUB-GWY-3725", to=["once"]),
            FOUNDING,
            "/then/proves",
            "no requirement is proven by caller.*",
            id="caller-unproven",
        ),
        pytest.param(
            case(FOUNDING, "then", "proves", "AUB-GWY-888a", to=["once", "refund"]),
            FOUNDING,
            "/then/proves/AUB-GWY-888a/1",
            "expects nothing that refund can check",
            id="needless-check",
        ),
        pytest.param(
            case(REFUND, "then", "proves", "AUB-REF-8468", to=["cost"]),
            REFUND,
            "/then/proves",
            "no requirement is proven by refund",
            id="refund-unproven",
        ),
        pytest.param(
            case(FOUNDING, "then", "proves", "AUB-GWY-0000", to=["cost"]),
            FOUNDING,
            "/then/proves/AUB-GWY-0000",
            "there is no such requirement",
            id="unknown-requirement",
        ),
        pytest.param(
            case(FOUNDING, "then", "charge", "lines", 0, "amount", to="1.25"),
            FOUNDING,
            "/then/charge/lines/0/subtotal",
            "784 x 1.25 / 1000000 = 0.00098",
            id="line",
        ),
        pytest.param(
            case(FOUNDING, "then", "usage", "quantities", "audio_input_tokens", to=783),
            FOUNDING,
            "/then/usage/quantities/input_tokens",
            "state the other 1 as a part",
            id="partition",
        ),
        pytest.param(
            case("price-books/founding.json", "entries", 0, "models", to=["other"]),
            FOUNDING,
            "/then/charge/status",
            "usage and prices make it unpriced",
            id="book-without-the-model",
        ),
        pytest.param(
            case(REFUND, "then", "refund", "total", to="-0.0001"),
            REFUND,
            "/then/refund/total",
            "the charge makes it",
            id="refund",
        ),
        pytest.param(
            case(PRICING, "then", "charge", "entry", to="another"),
            PRICING,
            "/then/charge/entry",
            "make it",
            id="entry",
        ),
        pytest.param(
            case(FOUNDING, "features", to=["transcription", "price.audio_token_based", "provider.azure"]),
            None,
            "",
            "",
            id="one-price-needs-no-second",
        ),
    ],
)
def test_a_fault_in_a_case_is_found(
    tree: Path, change: Edit, file: str | None, pointer: str, words: str
) -> None:
    change(tree)
    found = findings(tree)

    if file is None:
        assert found == []
    else:
        assert (file, pointer) in [(name, at) for name, at, _ in found]
        assert any(words in problem for name, at, problem in found if (name, at) == (file, pointer))


def test_a_file_that_no_case_uses_is_found(tree: Path) -> None:
    (tree / "upstream" / "openai" / "stray.json").write_text("{}")

    assert findings(tree) == [("upstream/openai/stray.json", "", "no case uses this file")]


def test_a_file_that_is_not_canonical_is_found(tree: Path) -> None:
    text = (tree / PLAIN).read_text("utf-8")
    (tree / PLAIN).write_text(json.dumps(json.loads(text)), encoding="utf-8")

    assert [(name, problem[:19]) for name, _, problem in findings(tree)] == [(PLAIN, "is not in canonical")]


def test_a_file_that_is_not_json_is_found_with_its_pointer(tree: Path) -> None:
    (tree / "invalid").mkdir()
    (tree / "invalid" / "twice.json").write_text('{"a": {"b": 1, "b": 2}}')

    assert findings(tree) == [("invalid/twice.json", "/a/b", "the key 'b' stands twice in one object")]


def test_a_float_of_ours_is_found_and_one_of_a_provider_is_not(tree: Path) -> None:
    edit(tree, FOUNDING, "source", "changed", to=0.5)
    edit(tree, PLAIN, "when", "openai", "form", "temperature", to="0.5")

    floats = [(name, at) for name, at, problem in findings(tree) if "write it as a decimal string" in problem]

    assert floats == [(FOUNDING, "/source/changed")]


def test_a_case_with_another_price_for_a_model_needs_the_feature(tree: Path) -> None:
    shutil.copyfile(tree / "price-books/conformance.json", tree / "price-books/dear.json")
    document = json.loads((tree / "price-books/dear.json").read_text("utf-8"))
    for item in document["entries"]:
        if "gpt-4o-transcribe" in item["models"] and item["provider"] == "openai":
            item["rates"]["audio_input_tokens"]["amount"] = "9999"
    (tree / "price-books/dear.json").write_text(jsonio.dumps(document), encoding="utf-8")
    other = "cases/openai/dear.json"
    shutil.copyfile(tree / PLAIN, tree / other)
    edit(tree, other, "given", "prices", to="price-books/dear.json")

    found = [(at, problem) for _, at, problem in findings(tree) if "price.second" in problem]

    assert len(found) == 1
    assert found[0][0] == "/features"
    assert "another price than 1 other case " in found[0][1]


BOOK = "price-books/conformance.json"


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        pytest.param(
            lambda entries: entries[0].update(operations=["transcription"]),
            "/entries/0/operations",
            "one price in a run",
            id="selector",
        ),
        pytest.param(
            lambda entries: entries[1].update(models=["whisper-1"]),
            "/entries/1/models",
            "whisper-1 has an entry already",
            id="twice",
        ),
        pytest.param(
            lambda entries: entries[0]["rates"]["audio_duration_seconds"].update(amount="0.01"),
            "/entries/0/rates/audio_duration_seconds",
            "no finite price for one unit",
            id="endless",
        ),
    ],
)
def test_the_prices_of_gateway_cases_have_rules_of_their_own(
    tree: Path, change: Callable[[list[dict[str, Any]]], None], pointer: str, words: str
) -> None:
    document = json.loads((tree / BOOK).read_text("utf-8"))
    change(document["entries"])
    (tree / BOOK).write_text(jsonio.dumps(document), encoding="utf-8")

    assert any(words in problem for name, at, problem in findings(tree) if (name, at) == (BOOK, pointer))


def test_a_public_price_among_the_prices_of_gateway_cases_is_found(tree: Path) -> None:
    public = json.loads((tree / BOOK).read_text("utf-8"))
    public["entries"] = [
        public["entries"][0] | {"source": {"url": "https://example.org", "read": "2026-11-21"}}
    ]
    (tree / "price-books/public.json").write_text(jsonio.dumps(public), encoding="utf-8")

    assert any("is the published price of whisper-1" in problem for _, _, problem in findings(tree))


def test_a_tree_without_the_prices_of_gateway_cases_is_found(tree: Path) -> None:
    (tree / BOOK).write_text("{}\n")

    assert (BOOK, "", "is missing or invalid") in findings(tree)


def test_a_price_book_that_is_to_be_refused_has_a_fault(tree: Path) -> None:
    book = json.loads((tree / BOOK).read_text("utf-8"))
    (tree / "price-books/refused.json").write_text(jsonio.dumps(book), encoding="utf-8")
    edit(tree, PRICING, "given", "prices", to="price-books/refused.json")
    edit(
        tree,
        PRICING,
        "then",
        to={"error": {"code": "invalid_price_book"}, "proves": {"AUB-PRC-0b02": ["error"]}},
    )

    sound = [problem for name, _, problem in findings(tree) if name == "price-books/refused.json"]
    edit(tree, "price-books/refused.json", "entries", 0, "source", to=...)
    refused = [problem for name, _, problem in findings(tree) if name == "price-books/refused.json"]

    assert sound == ["is sound, and a case expects it to be refused as invalid_price_book"]
    assert refused == []


def test_a_tree_that_is_too_large_is_found(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanity, "MAX_BYTES", 1000)

    assert [problem[-21:] for name, _, problem in findings(tree) if name == "fixtures"] == [
        "s; keep it under 1000"
    ]


def test_without_a_catalogue_requirements_are_not_looked_up(tree: Path) -> None:
    edit(tree, FOUNDING, "then", "proves", "AUB-GWY-0000", to=["cost"])

    assert list(sanity.known_requirements(sanity.Tree(tree, None))) == []


def test_the_command_prints_findings_with_file_and_pointer(tree: Path) -> None:
    sound = CliRunner().invoke(sanity.main, ["--root", str(tree)])
    edit(tree, PLAIN, "id", to="openai/other")
    unsound = CliRunner().invoke(sanity.main, ["--root", str(tree)])

    assert (sound.exit_code, unsound.exit_code) == (0, 1)
    assert sound.stdout.startswith("4 cases and ")
    assert unsound.stderr.startswith(f"{PLAIN} at /id: is openai/other")


# How long media really is


def wav(samples: int, claim: int) -> bytes:
    header = struct.pack("<4sI4s", b"RIFF", claim, b"WAVE")
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    extra = struct.pack("<4sI3sx", b"LIST", 3, b"abc")
    return header + fmt + extra + struct.pack("<4sI", b"data", claim) + bytes(samples)


@pytest.mark.parametrize("claim", [8000, 80, 0xFFFFFFFF], ids=["true", "too-short", "streaming"])
def test_a_wav_lasts_as_long_as_its_samples_whatever_its_header_says(tmp_path: Path, claim: int) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav(8000, claim))

    assert media_seconds(path, "tone.wav") == 1


@pytest.mark.parametrize("content", [b"", b"RIFF", wav(0, 0)[:36]], ids=["empty", "cut", "no-samples"])
def test_a_wav_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(content)

    with pytest.raises(InvalidFileError, match=r"tone\.wav: "):
        media_seconds(path, "tone.wav")


def test_raw_pcm_is_24_khz_of_16_bits(tmp_path: Path) -> None:
    path = tmp_path / "reply.pcm"
    path.write_bytes(bytes(24_000))

    assert media_seconds(path, "reply.pcm") == Fraction(1, 2)


def test_other_media_is_decoded() -> None:
    pytest.importorskip("av")

    assert media_seconds(FIXTURES / "audio" / "tone-1.7s.webm", "tone-1.7s.webm") == Fraction(17, 10)


def test_media_that_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "reply.mp3"
    path.write_bytes(b"not audio at all" * 20)

    with pytest.raises(InvalidFileError, match="cannot be decoded"):
        media_seconds(path, "reply.mp3")


def test_only_an_upload_that_cannot_be_measured_needs_no_length(tree: Path) -> None:
    at = (*FIRST, "exchange", "request", "form", "file", "media_seconds")
    edit(tree, PLAIN, *at, to=...)
    with_tone = [pointer for file, pointer, _ in findings(tree) if file == PLAIN]
    (tree / "audio" / "tone-78.4s.wav").write_bytes(b"nothing that could be measured")

    assert with_tone == ["/given/upstream/0/answers/0/exchange/request/form/file"]
    assert [finding for finding in findings(tree) if finding[0] == PLAIN] == []


def test_without_a_decoder_the_length_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)

    assert media_seconds(tmp_path / "reply.mp3", "reply.mp3") is None
