"""The one event of a stream that carries the final usage.

Streams of typed events end in an event of a known type; streams of chunks carry usage in whatever chunk the
provider likes. A stream without its final usage is incomplete, whatever usage it showed before
(AUB-EXT-463c).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from decibill_reference import jsonio, sse
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decibill_reference.exchange import Body

__all__ = ["chunks", "final_chunk", "final_event", "last_text"]


def chunks(body: Body) -> list[WireObject]:
    """Return the JSON objects of the stream *body* in their order.

    Raises:
        DecibillReferenceError: the data of an event is not JSON.
    """
    found = (_object(body, number, event) for number, event in enumerate(sse.events(body.value)))
    return [chunk for chunk in found if chunk is not None]


def final_event(body: Body, event_type: str) -> WireObject | None:
    """Return the last event of *event_type* in the stream *body*, or None.

    The type is the member `type` of the data, or the event field of the stream where the data has none.

    Raises:
        DecibillReferenceError: the event's data is not JSON.
    """
    for number, event in _backwards(body):
        if event_type in event.data or event_type == event.type:
            data = _object(body, number, event)
            if data is not None and data.members.get("type", event.type) == event_type:
                return data
    return None


def final_chunk(body: Body) -> WireObject | None:
    """Return the last chunk of the stream *body* whose `usage` is not null, or None (AUB-EXT-d606).

    Usage is final if the stream went on to `[DONE]`, or if its chunk has an empty list of `choices`, which is
    how a chunk that is sent for its usage alone looks. Anything else is an interim count of a stream that was
    cut.

    Raises:
        DecibillReferenceError: the data of a chunk is not JSON.
    """
    done = False
    for number, event in _backwards(body):
        done = done or _is_done(event)
        chunk = _object(body, number, event)
        if chunk is not None and chunk.members.get("usage") is not None:
            return chunk if done or chunk.members.get("choices") == [] else None
    return None


def last_text(body: Body, member: str) -> str | None:
    """Return the last text that *member* has in any chunk of the stream *body*, or None."""
    for number, event in _backwards(body):
        if member in event.data:
            chunk = _object(body, number, event)
            text = chunk.text(member) if chunk else None
            if text:
                return text
    return None


def _backwards(body: Body) -> Iterator[tuple[int, sse.Event]]:
    """Yield the events of a stream from the last to the first, numbered from 0 in the order of the stream.

    What matters stands near the end, and the events before it need not be parsed.
    """
    events = list(sse.events(body.value))
    return zip(range(len(events) - 1, -1, -1), reversed(events), strict=True)


def _is_done(event: sse.Event) -> bool:
    return event.data.strip() == "[DONE]"


def _object(body: Body, number: int, event: sse.Event) -> WireObject | None:
    """Return the JSON object in *event*; its place is its number in the stream. The end mark holds none."""
    if _is_done(event):
        return None
    pointer = f"{body.pointer}/{number}"
    value: object = jsonio.loads(event.data, pointer)
    return WireObject(cast("Mapping[str, Any]", value), pointer) if isinstance(value, Mapping) else None
