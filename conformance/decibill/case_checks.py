"""What no schema can say of a case: it proves what it names, its numbers add up, its parts agree.

`case_faults` looks at one case and the files that it names; `decibill.sanity` looks at all cases together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from decibill import jsonio, schemas
from decibill.arithmetic import charge_faults, refund_faults, usage_faults
from decibill.case_calls import count_faults, faults_at_call, other_calls
from decibill.case_sessions import session_faults
from decibill.errors import Fault, InvalidFileError
from decibill.media_length import media_seconds
from decibill.pointer import join, resolve
from decibill.recompute import against_book
from decibill.recompute_refund import against_charge

__all__ = ["case_faults", "dialects_of", "exchange_of", "files_of", "record_of"]

_STYLE: Final = re.compile(
    r"\b(should|shall|test that|tests? if|check that|verif(y|ies) that)\b", re.IGNORECASE
)
_USAGE: Final = re.compile(rb'"usage(Metadata)?"\s*:\s*\{')
_OF_A_CALL: Final = ("provider", "surface", "operation", "model")
_AT_EXCHANGE: Final = ("given", "upstream")
_DIALECTS: Final = ("openai", "azure", "azure_speech", "gemini", "elevenlabs")
_CLIENT_FEATURES: Final = {
    "disconnect_after": "client.disconnect",
    "repeat": "client.repeat",
    "parallel": "client.parallel",
}
_SESSIONS: Final = {
    "session.live": "/live/sessions",
    "session.transcription": "intent=transcription",
    "session.translation": "/realtime/translations",
}
"""Features of sessions by what stands in the recorded address."""


def case_faults(case: Mapping[str, Any], root: Path) -> tuple[Fault, ...]:
    """Return the faults of a *case* that is valid by its schema; *root* is the fixtures root."""
    found = [*_naming_faults(case), *_file_faults(case, root)]
    if "upstream" in case["given"]:
        found += [
            *_exchange_faults(case),
            *_feature_faults(case),
            *_media_faults(case),
            *session_faults(case, dialects_of(case), root),
            *_proof_faults(case, root),
            *count_faults(case),
        ]
        if not found:
            for n, call in other_calls(case):
                found += faults_at_call(n, [*_naming_faults(call), *_media_faults(call)])
    else:
        found += _record_proof_faults(case)
    if not found:
        found += _arithmetic_faults(case, root)
        for n, call in other_calls(case) if "upstream" in case["given"] else ():
            found += faults_at_call(n, _arithmetic_faults(call, root))
    return tuple(found)


def exchange_of(case: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the exchange that is billed: the first answer of the last step."""
    exchange: Mapping[str, Any] = case["given"]["upstream"][-1]["answers"][0]["exchange"]
    return exchange


def record_of(case: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """Return the usage record that the case prices, and the instant where that is not the record's own."""
    if "usage" in case["given"]:
        return case["given"]["usage"], case["when"]["price"].get("at")
    exchange = exchange_of(case)
    members = ("provider", "surface", "operation", "model", "at", "region")
    return {**{name: exchange[name] for name in members if name in exchange}, **case["then"]["usage"]}, None


def dialects_of(case: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the dialects in which the call can be made."""
    return tuple(name for name in _DIALECTS if name in case["when"])


def files_of(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield pointer and path of every file that *value* names."""
    if isinstance(value, Mapping):
        for key, member in value.items():  # pyright: ignore[reportUnknownVariableType]
            where = at + join(str(key))  # pyright: ignore[reportUnknownArgumentType]
            if isinstance(member, str) and (key == "$base64" or str(key).endswith("_file")):  # pyright: ignore[reportUnknownArgumentType]
                yield where, member
            else:
                yield from files_of(member, where)
    elif isinstance(value, list):
        for n, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from files_of(item, at + join(n))


# Names and wording


def _naming_faults(case: Mapping[str, Any]) -> Iterator[Fault]:
    named, proven = list(case["requirements"]), sorted(case["then"]["proves"])
    if named != proven:
        yield Fault("/requirements", f"must be the keys of then.proves, sorted: {', '.join(proven)}")
    word = _STYLE.search(case["title"])
    if word:
        yield Fault("/title", f"says {word[0]!r}; state the rule itself, in the present tense")
    total = case["then"].get("charge", {}).get("total")
    if total not in (None, "0") and total not in case["why"]:
        yield Fault("/why", f"does not come to the total of the charge, {total}")


# Files


def _file_faults(case: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    names = list(files_of(case))
    if "prices" in case["given"]:
        names.append(("/given/prices", case["given"]["prices"]))
    for pointer, name in names:
        if not (root / name).is_file():
            yield Fault(pointer, f"there is no file {name}")
    for pointer, media in _media_of(case["given"], "/given"):
        if "media_seconds" not in media:
            if _is_measurable(media, root):
                yield Fault(
                    pointer, "lacks media_seconds, without which a tree without audio cannot be rated"
                )
        elif (root / media["media_file"]).is_file():
            yield from _length_faults(pointer, media, root)


def _is_measurable(media: Mapping[str, Any], root: Path) -> bool:
    """Return whether a file has a length; what cannot be decoded has none that anybody could state."""
    try:
        path = root / media["media_file"]
        return not path.is_file() or media_seconds(path, media["media_file"]) is not None
    except InvalidFileError:
        return False


def _length_faults(pointer: str, media: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    try:
        seconds = media_seconds(root / media["media_file"], media["media_file"])
    except InvalidFileError as error:
        yield Fault(f"{pointer}/media_file", str(error))
        return
    if seconds is not None and seconds != Fraction(media["media_seconds"]):
        yield Fault(
            f"{pointer}/media_seconds", f"is {media['media_seconds']}; the file lasts {float(seconds):.6f} s"
        )


def _media_of(value: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for pointer, _ in files_of(value, at):
        if pointer.endswith("/media_file"):
            parent = pointer.removesuffix("/media_file")
            yield parent, cast("Mapping[str, Any]", resolve(value, parent.removeprefix(at)))


# Exchanges


def _exchange_faults(case: Mapping[str, Any]) -> Iterator[Fault]:
    main = exchange_of(case)
    fixed = ("operation",) if "upstream.fallback" in case["features"] else _OF_A_CALL
    for s, step in enumerate(case["given"]["upstream"]):
        for a, answer in enumerate(step["answers"]):
            at = join(*_AT_EXCHANGE, s, "answers", a)
            if "if" not in answer and a < len(step["answers"]) - 1:
                yield Fault(at, "has no `if`, so the answers after it are never given")
            exchange = answer["exchange"]
            for name in fixed:
                if exchange.get(name) != main.get(name):
                    yield Fault(
                        f"{at}/exchange/{name}",
                        f"is {exchange.get(name)}; the billed exchange has {main.get(name)}",
                    )
            response = exchange.get("response", {})
            headers = {name.lower() for name in response.get("headers", {})}
            if "content-type" not in headers and not {"events", "events_file"} & set(response):
                yield Fault(
                    f"{at}/exchange/response", "has no content-type header, and the upstream must send one"
                )


def _media_faults(case: Mapping[str, Any]) -> Iterator[Fault]:
    """The media of the calls and of the request that the provider received are the same."""
    request = exchange_of(case).get("request", {})
    received = sorted(name for _, name in files_of(request) if name.startswith("audio/"))
    measured = "media" in case["then"].get("usage", {}).get("basis", {}).values()
    for dialect in dialects_of(case):
        sent = sorted(name for _, name in files_of(case["when"][dialect]) if name.startswith("audio/"))
        if (received or measured) and sent != received:
            yield Fault(
                f"/when/{dialect}", f"sends {_listed(sent)}; the exchange's request has {_listed(received)}"
            )
        call = case["when"][dialect]
        body = call.get("json", call.get("form", {}))
        if dialect == "openai" and "frames" not in call and body.get("model") != "{model}":
            yield Fault(f"/when/{dialect}", "must ask for {model}, which each gateway calls differently")


def _feature_faults(case: Mapping[str, Any]) -> Iterator[Fault]:
    exchange, features = exchange_of(case), set(case["features"])
    wanted = {exchange["operation"]}
    if exchange["provider"] == "azure":
        wanted.add("provider.azure")
    if any(_asks_for_stream(dialect, case) for dialect in dialects_of(case)):
        wanted.add("stream")
    if len(case["given"]["upstream"]) > 1:
        wanted.add("upstream.retry")
    answers = [answer["exchange"] for step in case["given"]["upstream"] for answer in step["answers"]]
    if len({(answer["provider"], answer["model"]) for answer in answers}) > 1:
        wanted.add("upstream.fallback")
    path = exchange.get("request", {}).get("path", "")
    if exchange["provider"] == "gemini" and path.endswith("/chat/completions"):
        wanted.add("compat")
    wanted |= {feature for feature, part in _SESSIONS.items() if part in path}
    if "others" in case["then"] and "others" not in case["when"]:
        wanted.add("gateway.cache")  # the same call again, and something else is right
    client = case["when"].get("client", "read_all")
    if isinstance(client, Mapping):
        wanted |= {_CLIENT_FEATURES[str(kind)] for kind in client}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    for feature in sorted(wanted - features):
        yield Fault("/features", f"lacks {feature}")
    structural = {*_CLIENT_FEATURES.values(), "stream", "upstream.retry", "provider.azure"}
    structural |= {"upstream.fallback", "gateway.cache", "compat", *_SESSIONS}
    structural |= {"transcription", "translation", "speech", "chat", "realtime"}
    for feature in sorted((features & structural) - wanted):
        yield Fault("/features", f"names {feature}, which nothing in the case needs")


def _asks_for_stream(dialect: str, case: Mapping[str, Any]) -> bool:
    call = case["when"][dialect]
    if dialect == "gemini":  # the path asks for a stream, not the body
        return ":streamGenerateContent" in exchange_of(case).get("request", {}).get("path", "")
    if dialect == "elevenlabs":
        return "/stream" in exchange_of(case).get("request", {}).get("path", "")
    body = call.get("json", call.get("form", {}))
    return body.get("stream") in (True, "true") or body.get("stream_format") == "sse"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no media"


# Proofs


def _proof_faults(case: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    then = case["then"]
    checks = {check for named in then["proves"].values() for check in named}
    gateway = bool(dialects_of(case))
    if "error" in then:
        wanted, needless = {"error"}, {"usage", "charge", "refund"}
    else:
        wanted, needless = {"usage", "charge"}, {"error", "refund"}
        status, quantities = then["charge"]["status"], then["usage"]["quantities"]
        if gateway:
            wanted.add("cost")
            if any(quantities.values()):
                wanted.add("ledger.*")
            if status in ("unmetered", "unpriced"):
                wanted.add("silent_zero")
            if case["id"].startswith("gateway/") and status == "priced" and quantities:
                wanted.add("once")
            if _carries_usage(case, root):
                wanted.add("caller.*")
    for check in sorted(wanted - checks):
        alone = check.removesuffix("*")
        if not (check.endswith(".*") and any(other.startswith(alone) for other in checks)):
            yield Fault("/then/proves", f"no requirement is proven by {check}")
    yield from _needless(then["proves"], needless)


def _record_proof_faults(case: Mapping[str, Any]) -> Iterator[Fault]:
    then = case["then"]
    outcome = next(name for name in ("error", "charge", "refund") if name in then)
    checks = {check for named in then["proves"].values() for check in named}
    if outcome not in checks:
        yield Fault("/then/proves", f"no requirement is proven by {outcome}")
    yield from _needless(then["proves"], checks - {outcome})


def _needless(proves: Mapping[str, Sequence[str]], needless: set[str]) -> Iterator[Fault]:
    for requirement, named in proves.items():
        for n, check in enumerate(named):
            if check in needless:
                yield Fault(
                    join("then", "proves", requirement, n), f"the case expects nothing that {check} can check"
                )


def _carries_usage(case: Mapping[str, Any], root: Path) -> bool:
    """Whether the client gets an answer with a usage object, which the gateway has to hand on."""
    client = case["when"].get("client", "read_all")
    if not case["then"]["usage"]["quantities"] or (client != "read_all" and "disconnect_after" in client):
        return False
    response = exchange_of(case)["response"]
    if "json" in response:
        body = response["json"]
        members = ("usage", "usageMetadata")
        return isinstance(body, Mapping) and any(isinstance(body.get(name), Mapping) for name in members)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    for member in ("json_file", "sse_file"):
        if member in response:
            path = root / response[member]
            return path.is_file() and bool(_USAGE.search(path.read_bytes()))
    return '"usage":{' in response.get("sse", "").replace(" ", "")


# Arithmetic


def _arithmetic_faults(case: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    then, given = case["then"], case["given"]
    if "refund" in then:
        yield from _below("/given/charge", charge_faults(given["charge"]))
        for n, record in enumerate(given.get("earlier", ())):
            yield from _below(join("given", "earlier", n), refund_faults(record))
        yield from _below("/then/refund", refund_faults(then["refund"]))
        right = against_charge(
            then["refund"], given["charge"], case["when"]["refund"], given.get("earlier", ())
        )
        yield from _below("/then/refund", right)
    if "charge" in then and "upstream" in given and "usage" not in then:
        yield from _below("/then/charge", charge_faults(then["charge"]))
    elif "charge" in then:
        usage, at = record_of(case)
        where = "/given/usage" if "usage" in given else "/then/usage"
        faults = [*_below(where, usage_faults(usage)), *_below("/then/charge", charge_faults(then["charge"]))]
        yield from faults
        if not faults:
            book, wrong = _book((root / given["prices"]).read_bytes(), given["prices"])
            if wrong:
                yield Fault("/given/prices", f"{given['prices']} is no price book: {wrong[0].problem}")
            else:
                yield from _below("/then/charge", against_book(then["charge"], usage, book, at))


@lru_cache(maxsize=64)
def _book(content: bytes, name: str) -> tuple[Mapping[str, Any], tuple[Fault, ...]]:
    """Return a price book and what its schema finds; most cases share one."""
    book = jsonio.loads(content, name)
    return book, schemas.faults("price-book", book)


def _below(at: str, faults: Sequence[Fault]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(at + fault.pointer, fault.problem)
