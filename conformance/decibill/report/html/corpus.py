"""What a page takes from the corpus: the cases of a report, and the recorded answers they name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decibill._data import data_directory, fixture_bytes
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.errors import HarnessError
from decibill.upstream_answer import wire

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.model import CaseRow

__all__ = ["Corpus", "answered", "load_corpus"]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The cases by their ids, and where their files are."""

    cases: Mapping[str, Case]
    root: Path
    """The fixtures root."""

    manifest: str | None = None
    """Digest of its manifest; a report of other fixtures says so."""

    def body(self, exchange: Mapping[str, Any]) -> str:
        """Return the recorded body of an answer as text; audio and what is not there in words."""
        response: Mapping[str, Any] = exchange["response"]
        if "media" in response or "media_file" in response:
            media: Mapping[str, Any] = response.get("media", {})
            seconds = media.get("media_seconds")
            long = f", {seconds} s" if seconds else ""
            return f"[{media.get('content_type', 'audio')}{long}: no usage in it]"
        if "events_file" in response:
            return self._text(str(response["events_file"]))
        try:
            return b"".join(wire(exchange, self.root).parts).decode("utf-8", "replace")
        except HarnessError as error:
            return f"[{error}]"

    def _text(self, name: str) -> str:
        try:
            return fixture_bytes(self.root, name).decode("utf-8", "replace")
        except HarnessError as error:
            return f"[{error}]"


def load_corpus(root: Path | None = None) -> Corpus:
    """Return the corpus that comes with decibill, or the one in *root*.

    Raises:
        InvalidFileError: a file of it is not a case.
    """
    fixtures = root or data_directory("fixtures")
    manifest = fixtures / "MANIFEST.json"
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None
    return Corpus({case.id: case for case in load_cases(root)}, fixtures, digest)


def answered(case: ExchangeCase, row: CaseRow) -> Mapping[str, Any]:
    """Return the exchange that answered the gateway's last call, by the file that the report names."""
    named = row.answer.partition(" ")[0]
    return next((each for each in _exchanges(case) if f"fixtures/{_file(each)}" == named), case.exchange)


def _exchanges(case: ExchangeCase) -> Iterator[Mapping[str, Any]]:
    yield case.exchange
    for step in case.steps:
        for answer in step.answers:
            yield answer.exchange


def _file(exchange: Mapping[str, Any]) -> str | None:
    response: Mapping[str, Any] = exchange["response"]
    named = [str(value) for key, value in response.items() if key.endswith("_file")]
    named += [str(value) for key, value in response.get("media", {}).items() if key == "media_file"]
    return named[0] if named else None
