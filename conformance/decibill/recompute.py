"""Recomputes a charge from a usage record and a price book (AUB 0.1, chapter 05).

With exact fractions and no code of the calculator. It exists to find mistakes in expected values, which
authors work out by hand; so it is written from the specification alone, as plainly as it can be, and is never
the source of an expected value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from decibill.arithmetic import INPUT_MODALITIES, line_exact, money, rounded, status_of
from decibill.errors import Fault
from decibill.pointer import join
from decibill.recompute_entry import FAMILY, AmbiguousPriceError, carried, choose

__all__ = ["against_book", "recompute"]

_FEES: Final = ("requests", "text_messages")


@dataclass(slots=True)
class _Bill:
    """Lines and gaps as they come together."""

    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    gaps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    flags: set[str] = field(default_factory=set[str])
    entry: Mapping[str, Any] | None = None
    """The main usage's entry; where that is left out, the first component's that has one."""
    settled: bool = False
    """Whether the main usage has been rated, so that no component's entry stands in for its own."""


def against_book(
    charge: Mapping[str, Any], usage: Mapping[str, Any], book: Mapping[str, Any], at: str | None = None
) -> tuple[Fault, ...]:
    """Return where *charge* is not what *usage* costs at *book*, at the instant *at* or the record's own."""
    try:
        right = recompute(usage, book, at)
    except AmbiguousPriceError as error:
        return (Fault("", str(error)),)
    found = [
        Fault(f"/{member}", f"is {charge.get(member)}; usage and prices make it {right.get(member)}")
        for member in ("entry", "currency", "status", "total")
        if charge.get(member) != right.get(member)
    ]
    found += _line_faults(charge["lines"], right["lines"])
    stated = sorted(_gap_key(gap) for gap in charge["unpriced"])
    wanted = sorted(_gap_key(gap) for gap in right["unpriced"])
    if stated != wanted:
        found.append(Fault("/unpriced", f"holds {_told(stated)}; usage and prices make it {_told(wanted)}"))
    if set(charge["flags"]) != set(right["flags"]):
        found.append(Fault("/flags", f"usage and prices make it {_told(sorted(right['flags']))}"))
    return tuple(found)


def _line_faults(stated: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    wanted = list(right)
    for n, line in enumerate(stated):
        alike = [other for other in wanted if _line_key(other) == _line_key(line)]
        at = join("lines", n)
        if not alike:
            yield Fault(at, f"usage and prices make no line of {_told([_line_key(line)])}")
            continue
        # Two lines may share a key: unattributed tokens stand apart from those whose rate they take.
        other = next((other for other in alike if other["measured"] == line["measured"]), alike[0])
        wanted.remove(other)
        for member in ("measured", "billed", "amount", "per", "multiplier", "subtotal"):
            if line.get(member) != other.get(member):
                yield Fault(
                    f"{at}/{member}", f"is {line.get(member)}; usage and prices make it {other.get(member)}"
                )
    if wanted:
        yield Fault("/lines", f"lacks a line of {_told([_line_key(line) for line in wanted])}")


def _line_key(line: Mapping[str, Any]) -> tuple[str, str, str]:
    return line["model"], line["quantity"], line.get("addon", "")


def _gap_key(gap: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return gap.get("model", ""), gap.get("quantity", ""), gap.get("measured", ""), gap["reason"]


def _told(items: Sequence[str] | Sequence[tuple[str, ...]]) -> str:
    return (
        ", ".join(item if isinstance(item, str) else " ".join(filter(None, item)) for item in items)
        or "nothing"
    )


def recompute(usage: Mapping[str, Any], book: Mapping[str, Any], at: str | None = None) -> dict[str, Any]:
    """Return the charge of *usage* at *book*: status, currency, total, entry, lines, unpriced, flags.

    Raises:
        AmbiguousPriceError: two entries fit equally well.
    """
    charge: dict[str, Any] = {"status": "not_billable", "currency": book["currency"], "total": "0"}
    bill = _Bill()
    if "error_response" not in usage["flags"]:
        record = {**usage, "at": at or usage["at"]}
        if usage["quantities"] or usage["unknown"] or usage["operation"] != "realtime":
            _rate_part(usage, record, book, bill)
            bill.settled = True
        for component in usage.get("components", ()):
            _rate_part(component, record, book, bill)
        if bill.entry:
            charge |= {"entry": bill.entry["id"], "currency": bill.entry.get("currency", book["currency"])}
        exact = sum((line_exact(line) for line in bill.lines), Fraction(0))
        status = status_of(bill.lines, (gap["reason"] for gap in bill.gaps), exact)
        charge["status"] = status
        charge["total"] = None if status in ("unmetered", "unpriced") else money(rounded(exact))
    return charge | {"lines": bill.lines, "unpriced": bill.gaps, "flags": sorted(bill.flags)}


def _rate_part(
    part: Mapping[str, Any], record: Mapping[str, Any], book: Mapping[str, Any], bill: _Bill
) -> None:
    """Rate the main usage or one component of *record*; the first entry found sets the currency."""
    model = part.get("model")
    if model is None:
        bill.gaps.append({"reason": "model_unknown"})
        return
    entry = choose(part, {**record, "model": model, "operation": part["operation"]}, book)
    if entry is None:
        bill.gaps.append({"model": model, "reason": "no_entry"})
        return
    if not bill.settled:
        bill.entry = bill.entry or entry
    own = _Bill()
    _Part(model, part, entry, own).rate()
    if entry.get("currency", book["currency"]) != (bill.entry or {}).get("currency", book["currency"]):
        own.gaps += [
            {name: line[name] for name in ("model", "quantity", "measured")} | {"reason": "currency"}
            for line in own.lines
            if "addon" not in line
        ]
        own.lines = []
    bill.lines += own.lines
    bill.gaps += own.gaps
    bill.flags |= own.flags


# Rating (chapter 05)


@dataclass(slots=True)
class _Part:
    """The main usage or one component, with the entry that prices it."""

    model: str
    part: Mapping[str, Any]
    entry: Mapping[str, Any]
    bill: _Bill

    @property
    def rates(self) -> Mapping[str, Any]:
        """The entry's rates."""
        rates: Mapping[str, Any] = self.entry["rates"]
        return rates

    def amount(self, name: str) -> Fraction:
        """Return a quantity, absent as zero."""
        return Fraction(self.part["quantities"].get(name, 0))

    def rate(self) -> None:
        """Add the lines and gaps of the part to the bill."""
        family = self.entry["pricing_model"]
        if family != "per_request" and not carried(self.part, family):
            self._rate_absent(family)
        elif family == "audio_token_based":
            self._rate_tokens()
        elif family != "per_request":
            self._rate_single(FAMILY[family][0])
        for fee in _FEES:
            if fee in self.part["unknown"] and fee in self.rates:
                self._gap("quantity_unknown", fee)
            elif fee in self.rates:
                self._line(fee, Fraction(self.part["quantities"].get(fee, 1)), addons=family == "per_request")

    def _gap(self, reason: str, quantity: str, measured: Fraction | None = None) -> None:
        known = {} if measured is None else {"measured": money(measured)}
        self.bill.gaps.append({"model": self.model, "quantity": quantity, **known, "reason": reason})

    def _rate_absent(self, family: str) -> None:
        reported = any(
            self.part["basis"][name] in ("provider_billed", "provider_reported")
            for other in FAMILY
            if other not in (family, "per_request")
            for name in carried(self.part, other)
        )
        names: Sequence[str] = FAMILY[family]
        if family == "audio_token_based":
            unknown = [name for name in self.part["unknown"] if self._prices(name)]
            names = unknown or [name for name in names if self._prices(name)] or names
        for name in names:
            self._gap("unit_mismatch" if reported else "quantity_unknown", name)

    def _prices(self, name: str) -> bool:
        """Whether the entry prices a token quantity, or a part of a direction's total."""
        direction = "input_tokens" if name.endswith("input_tokens") else "output_tokens"
        return name.endswith("_tokens") and any(
            rate == name or (name == direction and rate.endswith(direction)) for rate in self.rates
        )

    def _rate_single(self, name: str) -> None:
        measured = self.amount(name)
        rule = self.rates.get(name, {}).get("rule")
        if name in self.part["unknown"]:
            self._gap("quantity_unknown", name)
        if measured and (
            name not in self.rates or rule not in (None, self.part.get("character_rule", "code_points"))
        ):
            self._gap("no_rate", name, measured)
        else:
            self._line(name, measured)

    def _rate_tokens(self) -> None:
        for name in self.part["unknown"]:
            if self._prices(name):
                self._gap("quantity_unknown", name)
        sums: dict[tuple[str, bool], Fraction] = {}  # unattributed tokens have a line of their own
        gaps: dict[tuple[str, str], Fraction] = {}  # fresh and cached tokens are one gap, and so is all text
        for leaf, tokens, rates in (*self._input_leaves(), *self._output_leaves()):
            if not tokens:
                continue
            rate = next((name for name in rates if name in self.rates), None)
            if rate is None:
                quantity = leaf.removeprefix("cached_").replace("reasoning", "text")
                several = quantity.startswith("unattributed") and not set(rates) - {"cached_input_tokens"}
                gap = ("modality_unknown" if several else "no_rate", quantity)
                gaps[gap] = gaps.get(gap, Fraction(0)) + tokens
                continue
            key = (rate, "unattributed" in leaf)
            sums[key] = sums.get(key, Fraction(0)) + tokens
        for (rate, _), tokens in sums.items():
            self._line(rate, tokens)
        for (reason, quantity), tokens in gaps.items():
            self._gap(reason, quantity, tokens)

    def _input_leaves(self) -> Iterator[tuple[str, Fraction, tuple[str, ...]]]:
        cached = {name: self.amount(f"cached_{name}_input_tokens") for name in INPUT_MODALITIES}
        rest = self.amount("cached_input_tokens") - sum(cached.values())
        has_cached_rate = any(rate.startswith("cached_") for rate in self.rates)
        for name in INPUT_MODALITIES if has_cached_rate and rest > 0 else ():
            beyond = self._rest("input") if name == "unattributed" else Fraction(0)
            taken = min(rest, self.amount(f"{name}_input_tokens") + beyond - cached[name])
            cached[name] += taken
            rest -= taken
            self.bill.flags.add("cached_split_assumed")
        for name in INPUT_MODALITIES:
            own = f"{name}_input_tokens"
            fresh: tuple[str, ...] = (own, "input_tokens")
            tokens = self.amount(own)
            if name == "unattributed":
                tokens += self._rest("input")
                fresh = self._unattributed("input", tokens)
            yield own, tokens - cached[name], fresh
            own_cached = [f"cached_{rate}" for rate in fresh if rate != "input_tokens"]
            yield f"cached_{own}", cached[name], (*own_cached, "cached_input_tokens", *fresh)

    def _output_leaves(self) -> Iterator[tuple[str, Fraction, tuple[str, ...]]]:
        text, reasoning = self.amount("text_output_tokens"), self.amount("reasoning_output_tokens")
        of_text = ("text_output_tokens", "output_tokens")
        yield "text_output_tokens", text - reasoning, of_text
        yield "reasoning_output_tokens", reasoning, ("reasoning_output_tokens", *of_text)
        audio, own = "audio_output_tokens", "unattributed_output_tokens"
        yield audio, self.amount(audio), (audio, "output_tokens")
        rest = self.amount(own) + self._rest("output")
        yield own, rest, self._unattributed("output", rest)

    def _rest(self, direction: str) -> Fraction:
        """Return what the total of a direction holds beyond its stated parts."""
        parts = [self.amount(f"{name}_{direction}_tokens") for name in INPUT_MODALITIES]
        return max(Fraction(0), self.amount(f"{direction}_tokens") - sum(parts))

    def _unattributed(self, direction: str, tokens: Fraction) -> tuple[str, ...]:
        """Return the rates for unattributed tokens, in order; none where several modalities are priced."""
        own, whole, text = (
            f"{name}_tokens" for name in (f"unattributed_{direction}", direction, f"text_{direction}")
        )
        if not tokens or own in self.rates or whole in self.rates:
            return own, whole
        if self._names_a_modality(direction) and text in self.rates:
            self.bill.flags.add("unattributed_as_text")
            return (text,)
        modalities = [f"{name}_{direction}_tokens" for name in INPUT_MODALITIES[:4]]
        priced = [name for name in modalities if not self.rates.keys().isdisjoint((name, f"cached_{name}"))]
        return (own, *priced) if len(priced) <= 1 else ()

    def _names_a_modality(self, direction: str) -> bool:
        stated = [n for n in INPUT_MODALITIES[:4] if f"{n}_{direction}_tokens" in self.part["quantities"]]
        only_reasoning = (
            stated == ["text"]
            and direction == "output"
            and self.amount("text_output_tokens") > 0
            and (self.amount("text_output_tokens") == self.amount("reasoning_output_tokens"))
        )
        return bool(stated) and not only_reasoning

    def _line(self, name: str, measured: Fraction, *, addons: bool = True) -> None:
        if not measured:
            return
        rate = self.rates[name]
        features = [feature for feature in self.part.get("features", ()) if addons]
        surcharges = {key: value for key, value in self.entry.get("addons", {}).items() if key in features}
        minimums = [Fraction(item["minimum"]) for item in (rate, *surcharges.values()) if "minimum" in item]
        billed = max([measured, *minimums])
        if "step" in rate:
            billed = -(-billed // Fraction(rate["step"])) * Fraction(rate["step"])
        if "multiply_by" in rate:
            billed *= Fraction(self.part["quantities"].get(rate["multiply_by"], 1))
        amount: str = rate["amount"]
        for step in rate.get("tiers", {}).get("steps", ()):
            if Fraction(step["above"]) < self.amount(rate["tiers"]["by"]):
                amount = step["amount"]
        line = {"model": self.model, "quantity": name, "measured": money(measured), "billed": money(billed)}
        self._add(line, {"amount": amount, "per": rate["per"]}, {})
        for feature, surcharge in surcharges.items():
            price = {key: surcharge.get(key, rate["per"]) for key in ("amount", "per")}
            if "percent" in surcharge:
                price["amount"] = money(Fraction(amount) * Fraction(surcharge["percent"]) / 100)
            self._add(line, price, {"addon": feature})

    def _add(self, line: Mapping[str, Any], price: Mapping[str, str], addon: Mapping[str, str]) -> None:
        full = {**line, **price}
        if Fraction(self.entry.get("multiplier", "1")) != 1:
            full["multiplier"] = money(Fraction(self.entry["multiplier"]))
        self.bill.lines.append({**full, "subtotal": money(rounded(line_exact(full))), **addon})
