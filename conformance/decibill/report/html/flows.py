"""What an exchange is made of, for its picture: the numbers of the wire, the priced leaves in them, money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from decibill.case import RecordCase
from decibill.judge_call import noun, plain
from decibill.report.html.deciding import is_object

if TYPE_CHECKING:
    from decibill.case import Case

__all__ = ["Flow", "Group", "Picture", "picture_of"]

_UNITS: Final = {
    "audio_duration_seconds": "seconds",
    "tts_characters": "characters",
    "provider_credits": "credits",
}
_WORDS: Final = {
    "unmetered": "unknown: no usage to read",
    "unpriced": "unknown: no price for it",
    "partial": "unknown in part",
    "not_billable": "0: nothing was delivered",
    "free": "0: it is free",
}


@dataclass(frozen=True, slots=True)
class Flow:
    """One priced leaf."""

    kind: str
    """How it is drawn: ``audio``, ``text``, ``image``, ``seconds``, ``characters`` or ``other``."""

    name: str
    count: Decimal | None
    """Of its unit; None where it is not known."""

    rate: str
    """Such as ``x 7.4 / 1M``; why there is none, where there is none."""

    money: Decimal | None
    """None where it has no price."""

    is_cached: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """What the wire says as one number, and the leaves in it."""

    measured: str
    """Such as ``61``; empty where the wire does not say."""

    unit: str
    model: str
    """Empty where there is only one."""

    flows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All that the picture of a case shows."""

    title: str
    groups: tuple[Group, ...]
    total: str
    """Such as ``0.000413``, or in words why there is no number."""

    currency: str
    is_known: bool


def picture_of(case: Case) -> Picture:
    """Return what the picture of a case shows: of an exchange, a usage record, a refund or a refusal."""
    if case.error is not None:
        given = case.given.get("usage") if isinstance(case, RecordCase) else None
        words = f"refused: {case.error.code.replace('_', ' ')}"
        return Picture(case.title, tuple(_bare(given)), words, "", is_known=False)
    if isinstance(case, RecordCase) and case.refund is not None:
        return _refund(case, case.refund)
    record = case.document["then"]
    charge: Mapping[str, Any] = record.get("charge") or {}
    usage: Mapping[str, Any] = record.get("usage") or case.document["given"].get("usage") or {}
    groups = tuple(_groups(charge, usage))
    total, status = charge.get("total"), str(charge.get("status", ""))
    if total is None:
        words = _WORDS.get(status, status or "no charge")
        return Picture(case.title, groups or tuple(_bare(usage)), words, "", is_known=False)
    words = plain(Decimal(str(total)))
    return Picture(
        case.title, groups or tuple(_bare(usage)), words, str(charge.get("currency") or ""), is_known=True
    )


def _groups(charge: Mapping[str, Any], usage: Mapping[str, Any]) -> Iterator[Group]:
    """Yield the groups in the order of their first line."""
    rows: dict[tuple[str, str], list[Flow]] = {}
    measured: dict[tuple[str, str], Decimal] = {}
    for line in charge.get("lines", ()):
        key = (str(line["model"]), _unit(line["quantity"]))
        rows.setdefault(key, []).append(_flow(line))
        if "addon" not in line:
            measured[key] = measured.get(key, Decimal(0)) + Decimal(str(line["measured"]))
    for line in charge.get("unpriced", ()):
        if "quantity" in line:
            key = (str(line["model"]), _unit(line["quantity"]))
            rows.setdefault(key, []).append(_unpriced(line))
    models = {model for model, _ in rows}
    for key, flows in rows.items():
        model, unit = key
        stated = _stated(usage, model, unit)
        number = stated if stated is not None else measured.get(key)
        named = model if len(models) > 1 else ""
        yield Group("" if number is None else plain(number), unit, named, tuple(flows))


def _unit(quantity: str) -> str:
    for direction in ("input", "output"):
        if quantity.endswith(f"{direction}_tokens"):
            return f"{direction} tokens"
    return _UNITS.get(quantity, noun(quantity))


def _stated(usage: Mapping[str, Any], model: str, unit: str) -> Decimal | None:
    """Return the whole of a direction's tokens as the usage states it: text and audio are parts of it."""
    if not unit.endswith("put tokens"):
        return None
    parts: Sequence[Mapping[str, Any]] = usage.get("components", ())
    for part in (*(each for each in parts if each.get("model") == model), usage):
        number = part.get("quantities", {}).get(unit.replace(" ", "_"))
        if number is not None:
            return Decimal(str(number))
    return None


def _flow(line: Mapping[str, Any]) -> Flow:
    billed, measured = Decimal(str(line["billed"])), Decimal(str(line["measured"]))
    amount, per = plain(Decimal(str(line["amount"]))), Decimal(str(line["per"]))
    times = f" \u00d7 {line['multiplier']}" if "multiplier" in line else ""
    name = _leaf(str(line["quantity"]))
    if billed != measured:
        name = f"{name}, billed as {plain(billed)}"
    if "addon" in line:
        name = f"{name}, {line['addon']}"
    return Flow(
        kind=_kind(str(line["quantity"])),
        name=name,
        count=measured,
        rate=f"\u00d7 {amount}{_per(per)}{times}",
        money=Decimal(str(line["subtotal"])),
        is_cached=str(line["quantity"]).startswith("cached_"),
    )


def _per(per: Decimal) -> str:
    words = {"1": "", "1000": " / 1k", "1000000": " / 1M", "60": " / 60 s", "3600": " / 3600 s"}
    return words.get(plain(per), f" / {plain(per)}")


def _unpriced(line: Mapping[str, Any]) -> Flow:
    quantity = str(line["quantity"])
    count = Decimal(str(line["measured"])) if "measured" in line else None
    reason = str(line["reason"]).replace("_", " ")
    return Flow(_kind(quantity), _leaf(quantity), count, reason, None, quantity.startswith("cached_"))


def _leaf(quantity: str) -> str:
    return noun(quantity).replace(" input tokens", " in").replace(" output tokens", " out")


def _kind(quantity: str) -> str:
    for kind in ("audio_duration", "characters", "audio", "text", "image", "video"):
        if kind in quantity:
            return {"audio_duration": "seconds", "video": "image"}.get(kind, kind)
    return "other"


def _bare(usage: Any) -> Iterator[Group]:
    """Yield what a usage states that leads to no line; a refused record may be anything."""
    quantities = usage.get("quantities") if is_object(usage) else None
    if not is_object(quantities):
        return
    for quantity, number in quantities.items():
        if quantity in {"input_tokens", "output_tokens"} or "tokens" not in quantity:
            flow = Flow(_kind(quantity), _leaf(quantity), None, "no line", None)
            yield Group(str(number), _unit(quantity), "", (flow,))


def _refund(case: RecordCase, refund: Mapping[str, Any]) -> Picture:
    """Return the picture of a refund: what was charged, what of it goes back."""
    flows = [
        Flow(
            kind=_kind(str(line["quantity"])),
            name=_leaf(str(line["quantity"])) + (f", {line['addon']}" if "addon" in line else ""),
            count=Decimal(str(line.get("refunded", 0))),
            rate=f"refunded {line['refunded']}" if "refunded" in line else "refunded",
            money=abs(Decimal(str(line["subtotal"]))),
        )
        for line in refund.get("lines", ())
    ]
    groups = (Group(str(refund.get("charge_total", "")), "charged", "", tuple(flows)),) if flows else ()
    return Picture(
        case.title,
        groups,
        plain(Decimal(str(refund["total"]))),
        str(refund.get("currency") or ""),
        is_known=True,
    )
