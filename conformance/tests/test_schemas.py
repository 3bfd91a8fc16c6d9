"""The schemas describe every member, their examples are valid, and faults are told in words."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio, schemas
from decibill._data import data_directory
from decibill.baseline import Baseline, KnownFailure, write_baseline
from decibill.errors import InvalidDataError, InvalidFileError, UnknownNameError
from decibill.outcome import CheckResult, Money, Outcome
from decibill.report.json import to_json
from decibill.report.model import (
    BaselineUse,
    CaseRow,
    GatewayInfo,
    Report,
    RequirementRow,
    Selection,
    Spread,
    SuiteInfo,
    Timing,
    VerdictInfo,
)
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

CONDITIONS = {"if", "then", "else", "allOf", "anyOf", "oneOf", "not"}


def example(name: str, number: int = 0) -> Any:
    return copy.deepcopy(schemas.schema(name)["examples"][number])


def members(schema: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every member that a schema describes, but for those that a condition only narrows."""
    if isinstance(schema, list):
        for n, item in enumerate(schema):
            yield from members(item, f"{at}/{n}")
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in CONDITIONS | {"examples", "enum", "const"}:
            continue
        if key == "properties":
            yield from ((f"{at}/properties/{name}", member) for name, member in value.items())
        yield from members(value, f"{at}/{key}")


def closed(schema: Any) -> Iterator[Any]:
    if isinstance(schema, list):
        for item in schema:
            yield from closed(item)
    elif isinstance(schema, dict):
        if "unevaluatedProperties" in schema:
            yield schema
        for key, value in schema.items():
            if key not in {"examples", "enum", "const"}:
                yield from closed(value)


EXAMPLES = [(name, n) for name in schemas.NAMES for n in range(len(schemas.schema(name)["examples"]))]


@pytest.fixture(scope="module")
def registry() -> Registry[Any]:
    return Registry().with_resources(
        [(schemas.schema_id(name), Resource.from_contents(schemas.schema(name))) for name in schemas.NAMES]
    )


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_schema_is_valid_and_has_its_urn(name: str) -> None:
    Draft202012Validator.check_schema(dict(schemas.schema(name)))

    assert schemas.schema(name)["$id"] == f"urn:decibill:schema:{name}:0.1"


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_member_is_described(name: str) -> None:
    silent = [at for at, member in members(schemas.schema(name)) if not member.get("description")]

    assert silent == []


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_description_is_a_sentence(name: str) -> None:
    texts = [member["description"] for _, member in members(schemas.schema(name))]

    assert [text for text in texts if not text.endswith(".")] == []


@pytest.mark.parametrize("name", schemas.NAMES)
def test_what_is_closed_names_its_members_beside_the_keyword(name: str) -> None:
    """The validator's own reading of ``unevaluatedProperties`` relies on it."""
    for schema in closed(schemas.schema(name)):
        narrowed = {member for key in CONDITIONS for member in _named_in(schema.get(key))}

        assert schema["unevaluatedProperties"] is False
        assert "$ref" not in schema
        assert narrowed <= set(schema["properties"])


def _named_in(condition: Any) -> set[str]:
    if isinstance(condition, list):
        return {name for item in condition for name in _named_in(item)}
    if not isinstance(condition, dict):
        return set()
    nested = {name for key in CONDITIONS for name in _named_in(condition.get(key))}
    return {*condition.get("properties", {}), *condition.get("required", ()), *nested}


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_every_example_is_valid_for_us_and_for_a_stock_validator(
    name: str, number: int, registry: Registry[Any]
) -> None:
    document = example(name, number)

    schemas.validate(name, document, "the example")
    assert Draft202012Validator(schemas.schema(name), registry=registry).is_valid(document)


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_the_kind_of_a_document_is_told_by_its_members(name: str, number: int) -> None:
    document = {key: value for key, value in example(name, number).items() if key != "$schema"}

    assert schemas.kind_of(document, "x.json") == name


def test_the_kind_of_a_document_is_told_by_its_schema_first() -> None:
    assert schemas.kind_of({"$schema": "urn:decibill:schema:charge:0.1"}, "x.json") == "charge"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param([], "must be a JSON object, not an array", id="array"),
        pytest.param("text", "not a string", id="string"),
        pytest.param(None, "not null", id="null"),
        pytest.param(True, "not a boolean", id="boolean"),
        pytest.param(7, "not a number", id="number"),
        pytest.param({}, "none of decibill's documents", id="empty"),
        pytest.param({"hello": "world"}, "none of decibill's documents", id="another"),
        pytest.param({"$schema": "urn:decibill:schema:bill:0.1"}, "is not a schema of decibill", id="urn"),
    ],
)
def test_what_is_no_document_of_ours_is_refused(document: object, words: str) -> None:
    with pytest.raises(InvalidFileError, match=words) as refusal:
        schemas.kind_of(document, "x.json")

    assert refusal.value.file == "x.json"


def test_an_unknown_schema_is_refused_with_close_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean price-book"):
        schemas.schema("pricebook")


def test_a_definition_can_be_checked_by_itself() -> None:
    check = schemas.definition("refund", "request")

    assert check({"id": "r-1", "full": True}) == ()
    assert [fault.pointer for fault in check({"id": "r-1"})] == [""]


def test_the_error_names_file_pointer_and_the_number_of_further_faults() -> None:
    book = example("price-book")
    book["entries"][0]["rates"]["audio_duration_seconds"]["amount"] = "six"
    del book["entries"][0]["source"]

    with pytest.raises(InvalidDataError) as refusal:
        schemas.validate("price-book", book, "prices.json")

    assert str(refusal.value) == (
        'prices.json at /entries/0: lacks the member "source" (where the rates were read) (1 more fault)'
    )


def change(name: str, *path: str | int, value: Any = ..., number: int = 0) -> Callable[[], tuple[str, Any]]:
    """Return a maker of an example with one member changed, or left out."""

    def make() -> tuple[str, Any]:
        document = example(name, number)
        place = document
        for key in path[:-1]:
            place = place[key]
        if value is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        return name, document

    return make


RATE = ("entries", 0, "rates", "audio_duration_seconds")


@pytest.mark.parametrize(
    ("make", "pointer", "problem"),
    [
        pytest.param(
            change("price-book", *RATE, "amount", value=jsonio.loads("0.006", "")),
            "/entries/0/rates/audio_duration_seconds/amount",
            'must be a decimal string as published such as "3.00", without exponent or sign, '
            "not the number 0.006",
            id="float",
        ),
        pytest.param(
            change("price-book", *RATE, "amuont", value="0.006"),
            "/entries/0/rates/audio_duration_seconds/amuont",
            'unknown member "amuont"; did you mean amount?',
            id="misspelt-optional",
        ),
        pytest.param(
            change("price-book", *RATE, value={"amount": "0.006", "Per": "60"}),
            "/entries/0/rates/audio_duration_seconds/Per",
            'unknown member "Per"; did you mean per?',
            id="misspelt-required-is-one-fault",
        ),
        pytest.param(
            change("price-book", "entries", 0, "pricing_model", value="per_minute"),
            "/entries/0/pricing_model",
            '"per_minute" is not known; did you mean audio_per_minute?',
            id="enum-with-close-match",
        ),
        pytest.param(
            change("usage-record", "surface", value="web"),
            "/surface",
            'must be one of api, azure_openai, azure_speech, voice_live, ai_studio, vertex, not "web"',
            id="enum-without-close-match",
        ),
        pytest.param(
            change("price-book", "entries", 0, "models", value=["a", "b", "a"]),
            "/entries/0/models",
            'holds "a" twice',
            id="twice",
        ),
        pytest.param(
            change("price-book", "entries", 0, "models", value=[]),
            "/entries/0/models",
            "must not be empty",
            id="empty-list",
        ),
        pytest.param(
            change("price-book", "entries", 0, "rates", value={}),
            "/entries/0/rates",
            "must not be empty",
            id="empty-object",
        ),
        pytest.param(
            change("price-book", "entries", 0, "id", value=""),
            "/entries/0/id",
            "must be a string that is not empty",
            id="empty-string",
        ),
        pytest.param(
            change("price-book", "entries", 0, "until", value="2024-01-01\n"),
            "/entries/0/until",
            'must be a date such as "2025-11-05" or a UTC timestamp such as "2025-11-05T10:24:03Z", '
            'not "2024-01-01\\n"',
            id="line-break-at-the-end",
        ),
        pytest.param(
            change("usage-record", "quantities", "output_tokens", value=-1),
            "/quantities/output_tokens",
            "must not be negative, and is -1",
            id="negative",
        ),
        pytest.param(
            change("usage-record", "quantities", "output_tokens", value=True),
            "/quantities/output_tokens",
            "must be a whole number, not true",
            id="boolean",
        ),
        pytest.param(
            change("usage-record", "quantities", "output_tokens", value=[1]),
            "/quantities/output_tokens",
            "must be a whole number, not an array",
            id="array-for-count",
        ),
        pytest.param(
            change("usage-record", "quantities", value=None),
            "/quantities",
            "must be an object, not null",
            id="null-for-object",
        ),
        pytest.param(
            change("refund", "request", "quantities", "text_output_tokens", value=0),
            "/request/quantities/text_output_tokens",
            "must be greater than 0, and is 0",
            id="refund-of-nothing",
        ),
        pytest.param(
            change("charge", "unpriced", value=[{"reason": "no_rate"}]),
            "/unpriced",
            "must be empty: a charge with a gap is partial, unmetered or unpriced",
            id="gap-of-a-priced-charge",
        ),
        pytest.param(
            change("charge", "total", value="0", number=1),
            "/total",
            'must be null, since an unmetered or unpriced charge has no total, not the string "0"',
            id="silent-zero",
        ),
        pytest.param(
            change("exchange", "response", "text", value="Good evening."),
            "/response",
            "has json and text side by side; exactly one of json, text, sse, events, media, json_file, "
            "text_file, sse_file, events_file is allowed",
            id="two-bodies",
        ),
        pytest.param(
            change("exchange", "request", "json", value={}),
            "/request",
            "has json and form side by side; at most one of json, form, text, media, json_file, text_file "
            "is allowed",
            id="two-request-bodies",
        ),
        pytest.param(
            change("exchange", "response", "json"),
            "/response",
            "needs exactly one of json, text, sse, events, media, json_file, text_file, sse_file, "
            "events_file, and has none",
            id="no-body",
        ),
        pytest.param(
            change("exchange", "response", "status", value=600),
            "/response/status",
            "must be at most 599, and is 600",
            id="maximum",
        ),
        pytest.param(
            change("case", "then", "proves", value={"AUB-1": ["cost"]}),
            "/then/proves/AUB-1",
            'the name "AUB-1" must be a requirement id such as "AUB-USE-3f1c"',
            id="member-name",
        ),
        pytest.param(
            change("case", "title", value="x" * 91),
            "/title",
            "must have at most 90 characters, and has 91",
            id="long-title",
        ),
        pytest.param(
            change("case", "when", "azure"),
            "/when",
            "needs at least one of openai, azure, azure_speech, gemini, elevenlabs, and has none",
            id="no-dialect",
        ),
        pytest.param(
            change("case", "when", "client", value="goes_away"),
            "/when/client",
            'must be "read_all", not "goes_away"',
            id="const",
        ),
        pytest.param(
            change("baseline", "expected", 0, "reason", value="slow"),
            "/expected/0/reason",
            "must be a reason of at least 10 characters",
            id="short-reason",
        ),
    ],
)
def test_a_fault_says_what_is_wrong_in_words(
    make: Callable[[], tuple[str, Any]], pointer: str, problem: str
) -> None:
    found = schemas.faults(*make())

    assert [(fault.pointer, fault.problem) for fault in found] == [(pointer, problem)]


def test_faults_inside_an_unknown_member_are_not_reported() -> None:
    book = example("price-book")
    book["entries"][0]["rates"] = {"audio_second": {"amount": 1}}

    assert [fault.pointer for fault in schemas.faults("price-book", book)] == [
        "/entries/0/rates/audio_second"
    ]


@pytest.mark.parametrize(
    "path", sorted(data_directory("gateways").glob("*.toml")), ids=lambda path: path.stem
)
def test_the_declarations_that_decibill_carries_are_valid(path: Path) -> None:
    schemas.validate("gateway", tomllib.loads(path.read_text("utf-8"), parse_float=Decimal), path.name)


def test_the_catalogue_of_requirements_is_valid() -> None:
    file = data_directory("spec") / "requirements.json"

    schemas.validate("requirements", jsonio.load_file(file), file.name)


def test_a_report_with_every_member_is_valid() -> None:
    check = CheckResult(
        check="cost",
        requirements=("AUB-CHG-c3cf",),
        outcome=Outcome.FAIL,
        expected="0.003527",
        got="0",
        where="header x-cost",
        because="the gateway states 0",
        cause="silent zero",
        money=Money(Decimal(0), Decimal("0.003527")),
    )
    report = Report(
        suite=SuiteInfo("0.1.0", "0.1", requirements=1, cases=1, fixtures_sha256="0" * 64),
        started="2026-11-21T20:00:00Z",
        gateway=GatewayInfo("g", "G", "1", "http://127.0.0.1:1", {"operations": ("chat",)}, {"speech": 2}),
        upstream="http://127.0.0.1:2",
        selection=Selection(("openai/*",), ("stream",), ("openai",)),
        verdict=VerdictInfo("not conformant", 1, "usage and cost", strict=False, sentence="Not conformant"),
        levels={"MUST": {**dict.fromkeys(map(str, Outcome), 0), "known": 1}},
        areas=(),
        requirements=(
            RequirementRow(
                id="AUB-CHG-c3cf",
                level="MUST",
                text="Audio tokens MUST be charged at the audio rate of their direction.",
                href="spec/05-charge.md#AUB-CHG-c3cf",
                outcome=Outcome.FAIL,
                cases=(("openai/chat[openai]", Outcome.FAIL),),
                known=("AUB-CHG-c3cf",),
                is_known=True,
                reason="none",
                hidden_by=("AUB-CHG-17f0",),
                is_excluded=True,
            ),
        ),
        cases=(
            CaseRow(
                id="openai/chat[openai]",
                case="openai/chat",
                title="Audio is billed",
                area="chat",
                dialect="openai",
                outcome=Outcome.FAIL,
                is_recommendation=True,
                reason="it is declared",
                checks=(check,),
                is_known=True,
                why="784 x 3 / 1M",
                again="decibill run",
                by_hand="curl",
                answer="fixtures/upstream/openai/chat.json",
                evidence={"received": [{}], "upstream": [{}], "problems": ["ledger: not there"]},
            ),
        ),
        baseline=BaselineUse("baseline.json", ("AUB-CHG-c3cf",), ("AUB-GWY-3a9b",), ("openai/chat:cost",)),
        notes=("nothing was left out",),
        timing=Timing(1, 2, 1200000, Spread(1900, 1900), Spread(3100, 3100)),
    )

    document = jsonio.loads(jsonio.dumps(to_json(report)), "report.json")

    assert schemas.faults("report", document) == ()
    assert set(document) == set(schemas.schema("report")["properties"])
    for name, values in (("case", document["cases"]), ("requirement", document["requirements"])):
        assert set(values[0]) == set(schemas.schema("report")["$defs"][name]["properties"])
    assert set(document["cases"][0]["checks"][0]) == set(
        schemas.schema("report")["$defs"]["check"]["properties"]
    )


def test_a_baseline_as_it_is_written_is_valid(tmp_path: Path) -> None:
    entry = KnownFailure(
        "openai/chat[openai]:cost", "the price is not applied", "https://example.org/1", "2026-11-21"
    )
    write_baseline(tmp_path / "b.json", Baseline("b.json", (entry,)), "g")

    assert schemas.faults("baseline", jsonio.load_file(tmp_path / "b.json")) == ()
