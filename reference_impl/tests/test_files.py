"""Files beside the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference import files

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_newest_public_prices_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "__file__", str(tmp_path / "site" / "decibill_reference" / "files.py"))
    books = tmp_path / "site" / "decibill" / "fixtures" / "price-books"
    books.mkdir(parents=True)
    for date in ("2026-05-01", "2026-11-21"):
        (books / f"public-{date}.json").touch()

    assert files.public_price_book() == books / "public-2026-11-21.json"


def test_without_fixtures_beside_it_there_are_no_public_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "__file__", str(tmp_path / "site" / "decibill_reference" / "files.py"))

    assert files.public_price_book() is None
