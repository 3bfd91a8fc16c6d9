"""Price catalogues beside each other: who disagrees, by how much, with sources and dates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from decibill.errors import InvalidFileError
from website.catalogue import Comparison, compare_catalogues
from website.price_page import price_page

ROOT = Path(__file__).resolve().parents[2]
READ = ROOT / "conformance/website/catalogues/read.py"
PRICES = ROOT / "conformance/website/catalogues/prices.json"
BOOK = ROOT / "fixtures/price-books/public-2026-11.json"
OTHER = {"id": "other", "title": "Other", "version": "1", "url": "https://example.org", "read": "2026-11-22"}
ENTRY = {
    "id": "openai/m/2026",
    "provider": "openai",
    "models": ["m"],
    "from": "2026-01-01",
    "currency": "USD",
    "rates": {"audio_input_tokens": {"amount": "10", "per": "1000000"}},
    "source": {"url": "https://example.com", "read": "2026-11-21", "note": "The page says so."},
}


def compared(tmp_path: Path, *prices: dict[str, str], **entry: Any) -> Comparison:
    """Return the comparison of one entry of ours with these prices of another catalogue."""
    rows = [
        {"catalogue": "other", "provider": "openai", "model": "m", "quantity": "audio_input_tokens", **price}
        for price in prices
    ]
    book, others = tmp_path / "book.json", tmp_path / "prices.json"
    book.write_text(json.dumps({"entries": [ENTRY | entry]}), encoding="utf-8")
    document = {"about": "x", "catalogues": [{**OTHER, "note": "A list."}], "prices": rows}
    others.write_text(json.dumps(document), encoding="utf-8")
    return compare_catalogues(book, others)


def test_a_price_is_compared_whatever_it_is_stated_for(tmp_path: Path) -> None:
    (row,) = compared(tmp_path, {"amount": "0.00001", "per": "1"}).rows
    assert row.agrees
    assert row.spread == 1


def test_a_difference_is_the_highest_over_the_lowest(tmp_path: Path) -> None:
    (row,) = compared(tmp_path, {"amount": "2.5", "per": "1000000"}).rows
    assert not row.agrees
    assert row.spread == 4


def test_a_price_that_is_rounded_by_the_second_is_the_same(tmp_path: Path) -> None:
    hour = {"audio_duration_seconds": {"amount": "1", "per": "3600"}}
    said = {"quantity": "audio_duration_seconds", "amount": "0.0002777778", "per": "1"}
    (row,) = compared(tmp_path, said, rates=hour).rows
    assert row.agrees
    assert row.ours == Fraction(1, 60)


@pytest.mark.parametrize(
    "entry",
    [
        {"service_tier": "batch"},
        {"region": "eu"},
        {"currency": "EUR"},
        {"from": "2027-01-01"},
        {"until": "2026-02-01"},
        {"models": ["another"]},
        {"rates": {"text_input_tokens": {"amount": "1", "per": "1"}}},
        {"rates": {"audio_input_tokens": {"amount": "0", "per": "1"}}},
    ],
    ids=["tier", "region", "currency", "later", "earlier", "model", "quantity", "free"],
)
def test_only_the_price_of_a_plain_call_of_the_day_is_compared(tmp_path: Path, entry: dict[str, Any]) -> None:
    assert compared(tmp_path, {"amount": "1", "per": "1"}, **entry).rows == ()


@pytest.mark.parametrize("fault", [{"catalogue": "nobody"}, {"quantity": "smells"}], ids=str)
def test_a_price_of_nobody_or_of_nothing_is_refused(tmp_path: Path, fault: dict[str, str]) -> None:
    with pytest.raises(InvalidFileError, match="/prices/0"):
        compared(tmp_path, {"amount": "1", "per": "1", **fault})


def test_the_page_names_price_source_and_note(tmp_path: Path) -> None:
    found = compared(tmp_path, {"amount": "2.5", "per": "1000000", "as": "text"})
    path, text = price_page(found)
    assert path == "prices.html"
    assert '<a href="https://example.com" rel="nofollow">10</a>' in text
    assert "\u2260 2.5, as text" in text
    assert "The page says so." in text
    assert "1 price of 1 model stand in our book and in another catalogue: 0 agree, 1 do not." in text


class TestPublished:
    """The data that is committed."""

    found = compare_catalogues(BOOK, PRICES)

    def test_every_price_is_of_a_model_of_our_book(self) -> None:
        entries = json.loads(BOOK.read_text(encoding="utf-8"))["entries"]
        ours = {
            (entry["provider"], model, quantity)
            for entry in entries
            for model in entry["models"]
            for quantity in entry["rates"]
        }
        prices = json.loads(PRICES.read_text(encoding="utf-8"))["prices"]
        assert {(each["provider"], each["model"], each["quantity"]) for each in prices} <= ours

    def test_every_catalogue_has_a_version_an_address_and_a_day(self) -> None:
        for each in self.found.catalogues:
            assert each.version
            assert each.url.startswith("https://")
            assert each.read == "2026-11-22"

    def test_what_differs_most_is_audio_priced_as_text(self) -> None:
        rows = {(row.provider, row.model, row.quantity): row for row in self.found.rows}
        row = rows["openai", "gpt-4o-audio-preview-2024-12-17", "audio_input_tokens"]
        assert row.ours == 40
        assert row.others["genai-prices"].amount == Fraction(5, 2)
        assert row.others["genai-prices"].as_text
        assert row.spread == 16

    def test_most_prices_agree(self) -> None:
        assert sum(row.agrees for row in self.found.rows) > len(self.found.rows) / 2


class TestReading:
    """The program that reads another tool's list, in an environment of that tool."""

    def read(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        command = [sys.executable, str(READ), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def test_litellm(self, tmp_path: Path) -> None:
        (tmp_path / "litellm").mkdir()
        (tmp_path / "litellm/__init__.py").write_text("")
        prices = {
            "gpt-audio": {"input_cost_per_audio_token": 3.2e-05, "output_cost_per_token": 1e-05},
            "gemini/gemini-2.5-flash": {"input_cost_per_audio_token": 1e-06},
        }
        map_ = tmp_path / "litellm/model_prices_and_context_window_backup.json"
        map_.write_text(json.dumps(prices))
        done = self.read(tmp_path, "litellm", str(BOOK))
        assert [json.loads(line) for line in done.stdout.splitlines()] == [
            {
                "catalogue": "litellm",
                "provider": "gemini",
                "model": "gemini-2.5-flash",
                "quantity": "audio_input_tokens",
                "amount": "0.000001",
                "per": "1",
            },
            {
                "catalogue": "litellm",
                "provider": "openai",
                "model": "gpt-audio",
                "quantity": "audio_input_tokens",
                "amount": "0.000032",
                "per": "1",
            },
            {
                "catalogue": "litellm",
                "provider": "openai",
                "model": "gpt-audio",
                "quantity": "audio_output_tokens",
                "amount": "0.00001",
                "per": "1",
                "as": "text",
            },
        ]

    def test_genai_prices(self, tmp_path: Path) -> None:
        (tmp_path / "genai_prices").mkdir()
        (tmp_path / "genai_prices/__init__.py").write_text("")
        (tmp_path / "genai_prices/data.py").write_text(
            """
from decimal import Decimal
from types import SimpleNamespace as A

class Model:
    def get_prices(self, day):
        return A(audio_hours=A(base=Decimal("0.36")))

def provider(name):
    return A(id=name, find_model=lambda model: Model() if model == "whisper-1" else None)

providers = [provider(name) for name in ("openai", "azure", "google", "elevenlabs")]
"""
        )
        done = self.read(tmp_path, "genai-prices", str(BOOK))
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert {(row["model"], row["amount"], row["per"]) for row in rows} == {("whisper-1", "0.36", "3600")}

    def test_another_tool_is_wrong_usage(self, tmp_path: Path) -> None:
        done = self.read(tmp_path, "tokencost", str(BOOK))
        assert (done.returncode, done.stderr) == (2, "usage: read.py litellm|genai-prices PRICE-BOOK\n")
