"""The columns of a log of usage records, as expressions of a columnar engine (DuckDB's SQL).

A row is a usage record whose members are columns: the texts of `KEYS`, `at`, `basis` (one word for all
quantities of the row, by default `provider_reported`), the lists of words of `WORDS`, and any quantities. An
empty cell is an absent member. Rows are told apart as far as a price can depend on them, and no further:

* `period` is the place of `at` among the instants at which an entry of the price book begins or ends;
* `signs` says of every quantity, and of every difference that the leaf rule looks at, whether it is there,
  and whether it is zero;
* `regular` says that the row is sound and that the leaf rule divides its tokens without a choice between
  modalities, so that every leaf is a sum of quantities, the same one for all rows of equal signs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decibill_reference.quantities import COUNTS, INPUT_MODALITIES, PARTITIONS, QUANTITIES, SUBSETS
from decibill_reference.usage import BASES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

__all__ = ["KEYS", "PLACES", "TEXTS", "WORDS", "Columns", "among", "literal", "select"]

TEXTS: Final = ("provider", "surface", "operation", "model")
WORDS: Final = ("unknown", "flags", "features")
KEYS: Final = (*TEXTS, "region", "service_tier", "character_rule", "basis", *WORDS)
"""The columns of texts, by which rows are told apart."""

PLACES: Final = 6
"""Places after the point that a quantity of a regular row has at most."""

_MODALITIES: Final = INPUT_MODALITIES[:-1]
_COUNT: Final = "[0-9]{1,15}([.]0{1,30})?"
_DECIMAL: Final = f"[0-9]{{1,15}}([.][0-9]{{1,{PLACES}}}0{{0,{30 - PLACES}}})?"
_TIME: Final = r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.]\d{1,6})?Z"
_WHOLE_TYPES: Final = frozenset(
    {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")}
    | {"INTEGER", "UINTEGER"}
)
_BINARY_TYPES: Final = frozenset({"FLOAT", "DOUBLE"})


class Columns:
    """The columns of one log.

    Args:
        types: the type of every column of the log by its name.
    """

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = types
        self.quantities = tuple(name for name in QUANTITIES if name in types)
        self.binary = frozenset(name for name in self.quantities if types[name] in _BINARY_TYPES)
        self.unread = tuple(name for name in types if name not in {*QUANTITIES, *KEYS, "at"})

    def missing(self) -> tuple[str, ...]:
        """Return the columns that a log needs and this one lacks."""
        return tuple(name for name in (*TEXTS, "at") if name not in self._types)

    def read(self) -> str:
        """Return the projection that gives every cell one form.

        A quantity that is not a plain number is NULL and makes the row one that is not sound; as it stands it
        is in the column `raw_` and its name.
        """
        wanted = [f"{self._key(name)} AS {name}" for name in KEYS]
        wanted += [f"{self._moment()} AS moment", f"{self._said()} AS said"]
        for name in self.quantities:
            raw, value = self._raw(name), self._value(name)
            wanted += [f"{raw} AS raw_{name}", f"{value} AS {name}"]
        return ", ".join(wanted)

    def sort(self, instants: Iterable[datetime]) -> str:
        """Return the projection that says how far a price can depend on a row.

        Args:
            instants: when an entry of the price book begins or ends.
        """
        raws = [f"raw_{name}" for name in self.quantities]
        found = {
            "period": _period(instants),
            # No time, or one that only the calculator can judge.
            "odd": "CASE WHEN moment IS NULL THEN coalesce(said, '') END",
            "signs": self._signs(),
            "regular": f"coalesce({' AND '.join(self._sound())}, false)",
        }
        named = [f"{expression} AS {name}" for name, expression in found.items()]
        return ", ".join([*KEYS, *raws, *self.quantities, "said", *named])

    # One cell

    def _key(self, name: str) -> str:
        kind = self._types.get(name)
        if kind is None:
            return "CAST(NULL AS VARCHAR)"
        if name in WORDS and kind.endswith("[]"):
            return f"nullif(array_to_string({_quoted(name)}, ' '), '')"
        return f"nullif(CAST({_quoted(name)} AS VARCHAR), '')"

    def _moment(self) -> str:
        """Return `at` as a timestamp; NULL for what is no time, or one that datetime cannot hold."""
        column, kind = _quoted("at"), self._types["at"]
        if kind == "TIMESTAMP_NS":
            moment, sound = f"make_timestamp(epoch_ns({column}) // 1000)", f"isfinite({column})"
        elif kind.startswith("TIMESTAMP"):
            moment, sound = f"make_timestamp(epoch_us({column}))", f"isfinite({column})"
        else:
            text = f"CAST({column} AS VARCHAR)"
            moment, sound = f"TRY_CAST({text} AS TIMESTAMP)", f"regexp_full_match({text}, '{_TIME}')"
        between = f"{moment} >= TIMESTAMP '0001-01-01' AND {moment} < TIMESTAMP '9999-12-31'"
        return f"CASE WHEN {sound} AND {between} THEN {moment} END"

    def _said(self) -> str:
        """Return `at` as a usage record has it."""
        if self._types["at"].startswith("TIMESTAMP"):
            return f"strftime({self._moment()}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        return f"CAST({_quoted('at')} AS VARCHAR)"

    def _raw(self, name: str) -> str:
        column, kind = _quoted(name), self._types[name]
        if kind in _WHOLE_TYPES or kind.startswith("DECIMAL"):
            return column
        return f"nullif(CAST({column} AS VARCHAR), '')"  # of a binary fraction: the digits that mean it

    def _value(self, name: str) -> str:
        raw, kind = self._raw(name), self._types[name]
        target = "BIGINT" if name in COUNTS else f"DECIMAL(21, {PLACES})"
        if kind in _WHOLE_TYPES:
            return f"CASE WHEN {raw} BETWEEN 0 AND 999999999999999 THEN CAST({raw} AS {target}) END"
        if kind in _BINARY_TYPES and name in COUNTS:  # every count that is read is one that they can hold
            column = _quoted(name)
            held = f"{column} BETWEEN 0 AND 999999999999999 AND {column} = floor({column})"
            return f"CASE WHEN {held} THEN CAST({column} AS BIGINT) END"
        text = f"CAST({raw} AS VARCHAR)"
        form = _COUNT if name in COUNTS else _DECIMAL
        return f"CASE WHEN regexp_full_match({text}, '{form}') THEN CAST({text} AS {target}) END"

    # One row

    def _sound(self) -> list[str]:
        known = [f"{name} IS NOT NULL" for name in (*TEXTS, "moment")]
        bases = ", ".join(f"'{basis}'" for basis in BASES)
        known.append(f"(basis IS NULL OR basis IN ({bases}))")
        known += [f"(raw_{name} IS NULL) = ({name} IS NULL)" for name in self.quantities]
        return [*known, *self._parts(), *self._without_choice()]

    def _parts(self) -> list[str]:
        """Return what `check_parts` asks of a row."""
        partitions = [
            f"({whole} IS NULL OR {whole} >= {self._sum(parts)})"
            for whole, parts in PARTITIONS
            if whole in self.quantities
        ]
        subsets = [
            f"({whole} IS NULL OR {part} IS NULL OR {whole} >= {part})"
            for part, whole in SUBSETS
            if {part, whole} <= {*self.quantities}
        ]
        return partitions + subsets

    def _without_choice(self) -> list[str]:
        """Return what makes the leaf rule a sum: loose cached tokens are all text, or all of no modality."""
        stated = [
            f"({self._number(f'cached_{quantity}')} = 0 OR {self._is_there(quantity)})"
            for quantity in _inputs()
        ]
        loose, rest = self._loose(), self._rest("input_tokens", _inputs())
        text = self._number("text_input_tokens"), self._number("cached_text_input_tokens")
        unstated = f"({self._sum(_inputs())} = 0 AND {loose} <= {rest})"
        return [
            *stated,
            f"({loose} = 0 OR {loose} <= {text[0]} - {text[1]} OR {unstated})",
            f"({self._number('reasoning_output_tokens')} = 0 OR {self._is_there('text_output_tokens')})",
        ]

    def _signs(self) -> str:
        """Return a number whose digits to the base 3 are 0 for absent, 1 for zero and 2 for more."""
        loose, rest = self._loose(), self._rest("input_tokens", _inputs())
        text = f"({self._number('text_input_tokens')} - {self._number('cached_text_input_tokens')})"
        differences = [
            loose,
            rest,
            f"{text} - {loose}",
            f"{rest} - {loose}",
            *(f"{self._number(name)} - {self._number(f'cached_{name}')}" for name in _inputs()),
            f"{self._number('text_output_tokens')} - {self._number('reasoning_output_tokens')}",
            self._rest("output_tokens", ("text_output_tokens", "audio_output_tokens")),
        ]
        digits = [
            *(f"WHEN {name} IS NULL THEN 0 WHEN {name} = 0 THEN 1" for name in self.quantities),
            *(f"WHEN {difference} <= 0 THEN 1" for difference in differences),
        ]
        weighed = [f"CASE {digit} ELSE 2 END * {3**place}::HUGEINT" for place, digit in enumerate(digits)]
        return " + ".join(weighed)

    def _loose(self) -> str:
        parts = [f"cached_{quantity}" for quantity in _inputs()]
        return f"({self._number('cached_input_tokens')} - {self._sum(parts)})"

    def _rest(self, total: str, parts: Iterable[str]) -> str:
        """Return the tokens of a direction of which no modality is stated."""
        unattributed = self._number(f"unattributed_{total}")
        if total not in self.quantities:
            return unattributed
        return f"(CASE WHEN {total} IS NULL THEN {unattributed} ELSE {total} - {self._sum(parts)} END)"

    def _sum(self, names: Iterable[str]) -> str:
        return f"({' + '.join(self._number(name) for name in names)})"

    def _number(self, name: str) -> str:
        return f"coalesce({name}, 0)" if name in self.quantities else "0"

    def _is_there(self, name: str) -> str:
        return f"{name} IS NOT NULL" if name in self.quantities else "false"


def select(wanted: str, table: str) -> str:
    """Return the query of some columns of a table."""
    return f"SELECT {wanted} FROM {table}"  # noqa: S608 - made of names that are quoted or our own


def among(names: Collection[tuple[str, str]]) -> str:
    """Return the condition that a row is of one of these providers and models."""
    pairs = ", ".join(f"({literal(provider)}, {literal(model)})" for provider, model in sorted(names))
    return f"(provider, model) IN ({pairs})" if pairs else "false"


def _inputs() -> tuple[str, ...]:
    return tuple(f"{modality}_input_tokens" for modality in _MODALITIES)


def _period(instants: Iterable[datetime]) -> str:
    ordered = sorted({moment.replace(tzinfo=None) for moment in instants})
    cases = " ".join(
        f"WHEN moment < TIMESTAMP '{moment.isoformat(' ')}' THEN {place}"
        for place, moment in enumerate(ordered)
    )
    return f"CASE {cases} ELSE {len(ordered)} END" if cases else "0"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"
