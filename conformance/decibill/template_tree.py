"""Structured files of a declaration: a tree of tables, lists and text with a few directives.

===========================  ===========================================================================
``"$for" = "case"``          in a table inside a list: the table once for every instance (or ``"model"``)
``"$for_map" = "case"``      a table with one member for every instance: ``key`` names it, ``value`` is it
``"$list" = "model"``        a list of the different texts that ``value`` gives
``"$if" = {…, then = {…}}``  the members of ``then`` where provider, operation and feature all fit
``{"$recorded" = "NAME"}``   a member of the recorded exchange, such as ``region``; where it has none, the
                            member that this stands in is left out
``"$prices" = true``         the gateway's own price fields of the instance
``{"$price" = "FIELD"}``     one of them, alone; where there is none, the list item (or the member of
                            a ``$for_map``) that it stands in is left out, and with its last item a list
===========================  ===========================================================================

The files are written as JSON, which is YAML too. Numbers are written plainly, never with an exponent, because
``4e-5`` is a string to a reader of YAML 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeGuard, cast

from decibill import pointer, template
from decibill.errors import InvalidFileError, UnknownNameError

__all__ = ["DIRECTIVES", "CaseScope", "check_tree", "is_list", "plain_json", "render"]

DIRECTIVES = ("$for", "$for_map", "$if", "$list", "$price", "$prices", "$recorded")
_LOOPS = ("case", "model")
_CONDITIONS = ("provider", "operation", "feature")


@dataclass(frozen=True, slots=True)
class CaseScope:
    """What a tree is told about one instance of a case."""

    values: Mapping[str, str]
    """Template name to value."""

    provider: str
    operation: str
    features: frozenset[str]
    model: str
    prices: Mapping[str, Any]
    """The gateway's own price fields."""

    exchange: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What is recorded of the instance, data-model section 1."""


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Return whether *value* is an array."""
    return isinstance(value, list)


def check_tree(tree: Any, *, file: str, at: str, own: Iterable[str]) -> None:
    """Refuse directives and template names that do not exist.

    Raises:
        InvalidFileError: with the pointer of the fault and close matches.
    """
    allowed = template.RUN_NAMES | template.CASE_NAMES
    if isinstance(tree, str):
        template.check(tree, allowed, file=file, pointer=at, own=own)
    elif isinstance(tree, Mapping):
        for key, value in cast("Mapping[str, Any]", tree).items():
            here = at + pointer.join(key)
            if key.startswith("$") and key not in DIRECTIVES:
                raise InvalidFileError(
                    file, str(UnknownNameError("directive", key, DIRECTIVES)), pointer=here
                )
            if key in ("$for", "$for_map", "$list") and value not in _LOOPS:
                raise InvalidFileError(file, f"must be one of {', '.join(_LOOPS)}", pointer=here)
            template.check(key, allowed, file=file, pointer=here, own=own)
            check_tree(value, file=file, at=here, own=own)
        _check_members(cast("Mapping[str, Any]", tree), file, at)
    elif is_list(tree):
        for index, value in enumerate(tree):
            check_tree(value, file=file, at=at + pointer.join(index), own=own)


def _check_members(table: Mapping[str, Any], file: str, at: str) -> None:
    needs = {"$for_map": ("key", "value"), "$list": ("value",), "$price": (), "$recorded": ()}
    for directive, members in needs.items():
        if directive in table and set(table) != {directive, *members}:
            with_ = f"goes with {' and '.join(members)} alone" if members else "stands alone"
            raise InvalidFileError(file, f"{directive} {with_}", pointer=at)
    for directive, member in (("$for_map", "key"), ("$list", "value")):
        if directive in table and not isinstance(table[member], str):
            raise InvalidFileError(file, "must be a text", pointer=at + pointer.join(member))
    for condition in _conditions(table):
        if not _is_condition(condition):
            known = ", ".join(_CONDITIONS)
            problem = f"$if takes {known}, each a text, and a table then"
            raise InvalidFileError(file, problem, pointer=f"{at}/$if")


def _is_condition(condition: Any) -> bool:
    if not isinstance(condition, Mapping):
        return False
    members = cast("Mapping[str, Any]", condition)
    named = all(isinstance(value, str) for name, value in members.items() if name != "then")
    return {*_CONDITIONS, "then"}.issuperset(members) and named and isinstance(members.get("then"), Mapping)


def _conditions(table: Mapping[str, Any]) -> Sequence[Any]:
    conditions = table.get("$if", ())
    return conditions if isinstance(conditions, list | tuple) else (conditions,)  # pyright: ignore[reportUnknownVariableType]


@dataclass(frozen=True, slots=True)
class _Renderer:
    run: Mapping[str, str]
    cases: Sequence[CaseScope]
    file: str

    def node(self, tree: Any, case: CaseScope | None) -> Any:
        if isinstance(tree, str):
            return self.text(tree, case)
        if is_list(tree):
            items = [item for node in tree for item in self.items(node, case)]
            kept = [item for item in items if item is not _NO_PRICE]
            return kept if kept or not items else _NO_ITEMS
        if isinstance(tree, Mapping):
            return self.table(cast("Mapping[str, Any]", tree), case)
        return tree

    def text(self, text: str, case: CaseScope | None) -> str:
        return template.fill(text, {**self.run, **case.values} if case else self.run, self.file)

    def items(self, node: Any, case: CaseScope | None) -> list[Any]:
        if isinstance(node, Mapping) and "$for" in node:
            table = cast("Mapping[str, Any]", node)
            body = {key: value for key, value in table.items() if key != "$for"}
            return [self.node(body, each) for each in self.over(table["$for"])]
        return [self.node(node, case)]

    def over(self, loop: str) -> Sequence[CaseScope]:
        if loop == "case":
            return self.cases
        first: dict[tuple[str, str], CaseScope] = {}
        for case in self.cases:
            first.setdefault((case.provider, case.model), case)
        return tuple(first.values())

    def table(self, table: Mapping[str, Any], case: CaseScope | None) -> Any:
        if "$list" in table:
            texts = (self.text(table["value"], each) for each in self.over(table["$list"]))
            return list(dict.fromkeys(texts))
        if "$for_map" in table:
            return self.mapped(table)
        if "$recorded" in table:
            recorded: Mapping[str, Any] = case.exchange if case is not None else {}
            return recorded.get(str(table["$recorded"]), _NO_ITEMS)
        if "$price" in table:
            price = _at(case.prices if case is not None else {}, str(table["$price"]))
            return _NO_PRICE if price is None else price
        result: dict[str, Any] = {}
        for key, value in table.items():
            if key == "$if":
                for condition in _conditions(table):
                    if case is not None and _holds(condition, case):
                        self.add(self.table(condition["then"], case), result)
            elif key == "$prices":
                result.update(case.prices if case is not None and value else {})
            else:
                result[self.text(key, case)] = self.node(value, case)
        result = {key: value for key, value in result.items() if value is not _NO_ITEMS}
        return _NO_PRICE if any(value is _NO_PRICE for value in result.values()) else result

    def add(self, then: Any, result: dict[str, Any]) -> None:
        """Add the members of a condition that holds."""
        if then is _NO_PRICE:
            result["$if"] = then
        elif isinstance(then, Mapping):
            result.update(cast("Mapping[str, Any]", then))
        elif then is not _NO_ITEMS:
            raise InvalidFileError(self.file, "what stands in the then of an $if has no members")

    def mapped(self, table: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for case in self.over(table["$for_map"]):
            key, value = self.text(table["key"], case), self.node(table["value"], case)
            if value is _NO_PRICE:
                continue
            if result.setdefault(key, value) != value:
                raise InvalidFileError(self.file, f"two cases need {key!r} with different contents")
        return result


_NO_PRICE: Final = object()
"""Stands for what is left out because a price in it is not there."""

_NO_ITEMS: Final = object()
"""Stands for a member that is left out: a list without items, or what no exchange says."""


def _at(prices: Mapping[str, Any], field: str) -> Any:
    """Return the price in *field*, names joined by ``/`` for a member inside a member; None where none is."""
    place: Any = prices
    for name in field.split("/"):
        place = cast("Mapping[str, Any]", place).get(name) if isinstance(place, Mapping) else None
    return place


def _holds(condition: Mapping[str, Any], case: CaseScope) -> bool:
    facts: Mapping[str, Callable[[Any], bool]] = {
        "provider": lambda value: value == case.provider,
        "operation": lambda value: value == case.operation,
        "feature": lambda value: value in case.features,
    }
    return all(fits(condition[name]) for name, fits in facts.items() if name in condition)


def render(tree: Any, run: Mapping[str, str], cases: Sequence[CaseScope], file: str) -> Any:
    """Return *tree* with its templates filled and its directives carried out.

    Args:
        tree: the content as declared.
        run: values that hold for the whole run.
        cases: one scope for every instance of a case.
        file: the declaration, for messages.

    Raises:
        InvalidFileError: a name has no value, or two cases need one member with different contents.
    """
    result = _Renderer(run, cases, file).node(tree, None)
    if result is _NO_PRICE:
        raise InvalidFileError(
            file, "a $price outside every list has no value", remedy="put it into a list item"
        )
    if result is _NO_ITEMS:
        raise InvalidFileError(file, "a $recorded that is a whole file has no value")
    return result


def plain_json(value: Any, indent: str | None = "") -> str:
    """Return *value* as JSON text in which a `Decimal` is a number in plain digits.

    Args:
        value: what `json.dumps` takes, and decimals.
        indent: the indentation that the text begins with; None: all on one line.
    """
    inner = None if indent is None else indent + "  "
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value).items()
        pairs = [
            f"{json.dumps(key, ensure_ascii=False)}: {plain_json(member, inner)}" for key, member in members
        ]
        return _enclosed("{", pairs, "}", indent)
    if is_list(value):
        return _enclosed("[", [plain_json(item, inner) for item in value], "]", indent)
    return json.dumps(value, ensure_ascii=False)


def _enclosed(opening: str, items: Sequence[str], closing: str, indent: str | None) -> str:
    if indent is None or not items:
        return opening + ", ".join(items) + closing
    deeper = f"\n{indent}  "
    return opening + deeper + f",{deeper}".join(items) + f"\n{indent}" + closing
