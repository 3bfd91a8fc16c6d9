"""What a gateway left out of the calls that it passed on: a provider might have answered them otherwise.

The replay upstream answers such a call as recorded, unless the case says that the answer depends on the
member; so the reader of a report is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeGuard

if TYPE_CHECKING:
    from decibill.plan import Instance
    from decibill.statements import Observation

__all__ = ["left_out", "passed_on_note"]

_MOST: Final = 4
_MEDIA: Final = frozenset({"$base64", "media_file"})
"""Members that stand for media, which arrive in another form."""


def passed_on_note(observed: Iterable[tuple[Instance, Observation]]) -> tuple[str, ...]:
    """Return one sentence on what was left out and in how many cases, or nothing."""
    counter: Counter[str] = Counter()
    cases = 0
    for instance, observation in observed:
        members = set(left_out(instance, observation))
        counter.update(members)
        cases += bool(members)
    if not cases:
        return ()
    named = sorted(counter, key=lambda member: (-counter[member], member))
    more = f" and {len(named) - _MOST} more" if len(named) > _MOST else ""
    some = f"{', '.join(named[:_MOST])}{more}"
    calls = f"{cases} case{'' if cases == 1 else 's'}"
    return (
        f"the gateway left members of the client's request out ({calls}: {some}); "
        "a provider may answer such a call otherwise than recorded",
    )


def left_out(instance: Instance, observation: Observation) -> Iterator[str]:
    """Yield the members of the client's request that did not reach the upstream, ``*`` for any index."""
    if not observation.attempts:
        return
    request, arrived = instance.case.when[instance.dialect], observation.attempts[-1].request
    for name, wanted in (("json", request.json), ("form", request.form)):
        body = arrived.get(name)
        if wanted is not None and _is_object(body):
            yield from _missing(wanted, body, f"/{name}")


def _missing(wanted: Any, arrived: Any, at: str) -> Iterator[str]:
    if _is_object(wanted) and _is_object(arrived):
        if wanted.keys() & _MEDIA:
            return
        for key, member in wanted.items():
            if key not in arrived:
                yield f"{at}/{key}"
            else:
                yield from _missing(member, arrived[key], f"{at}/{key}")
    elif _is_list(wanted) and _is_list(arrived):
        if len(arrived) < len(wanted):
            yield f"{at}/*"
        for member, other in zip(wanted, arrived, strict=False):
            yield from _missing(member, other, f"{at}/*")


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
