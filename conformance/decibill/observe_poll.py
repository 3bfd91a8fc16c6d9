"""Reading a gateway's own records over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from decibill import jsonio, template
from decibill.errors import InvalidFileError
from decibill.observe_ledger import Ledger, Record, SentCall, is_list
from decibill.pointer import MISSING, resolve
from decibill.target import Target

__all__ = ["PolledLedger"]


@dataclass(slots=True)
class PolledLedger(Ledger):
    """The records of one polled source."""

    target: Target = field(kw_only=True)

    def forget_what_is_there(self, values: Iterable[Mapping[str, str]]) -> None:
        """Note the records that were there before the run, so that no call is blamed for them."""
        if self.source.rows is None or "call.id" in template.names(self.source.get or ""):
            return
        for path in self._paths(values):
            self._seen.update(record.identity for record in self._fetch(path))

    def read(self, calls: Sequence[SentCall] | None = None) -> None:
        """Read the records and give each new one to its call; *calls* are those asked about (all)."""
        asked = self.sent if calls is None else calls
        self.problem = None
        if self.source.rows is None:
            for call in asked:
                self._read_one(call)
            return
        for path in self._paths(call.values for call in asked):
            for record in self._fetch(path):
                self._give(record)

    def _read_one(self, call: SentCall) -> None:
        get = self.source.get or ""
        if "call.id" in template.names(get) and not call.values.get("call.id"):
            return
        for record in self._fetch(_path(get, call.values)):
            self._owned[call.instance, call.number] = [record]

    def _paths(self, values: Iterable[Mapping[str, str]]) -> list[str]:
        """Return the different requests that these calls need; a list is often one for all of them."""
        get = self.source.get or ""
        if "call.id" in template.names(get):
            values = (each for each in values if each.get("call.id"))
        return list(dict.fromkeys(_path(get, each) for each in values))

    def _fetch(self, path: str) -> list[Record]:
        answer = self.target.get(path)
        if answer.error is not None:
            self.problem = f"GET {path} {answer.error}"
            return []
        if answer.status == 404 and self.source.rows is None:
            return []
        if answer.status != 200:
            self.problem = f"GET {path} answered {answer.status}"
            return []
        try:
            document = jsonio.loads(answer.body, f"the answer to GET {path}")
        except InvalidFileError as error:
            self.problem = str(error)
            return []
        return self._records(document, path)

    def _records(self, document: Any, path: str) -> list[Record]:
        if self.source.rows is None:
            row = resolve(document, self.source.row)
            if row is MISSING or row is None:
                return []
            return [Record(self._identity(row), row, f"GET {path}")]
        rows = resolve(document, self.source.rows)
        if rows is None:
            return []
        if not is_list(rows):
            self.problem = f"GET {path} holds no list at {self.source.rows}"
            return []
        return [Record(self._identity(row), row, f"GET {path}") for row in rows]


def _path(get: str, values: Mapping[str, str]) -> str:
    """Return the path to ask; an id that came from the gateway cannot lead anywhere else."""
    quoted = {name: quote(values[name], safe="-._~:") for name in template.names(get) if name in values}
    return template.fill(get, {**values, **quoted})
