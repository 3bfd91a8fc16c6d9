"""Whose a record is, however many calls there are: the same as by looking at all of them."""

from __future__ import annotations

from collections.abc import Sequence

from decibill.declaration import Source
from decibill.observe_ledger import Ledger, Record, SentCall
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Source(
    "ledger",
    "sink",
    "ledger",
    match={"/model": ("{case.model}", "x/{case.model}"), "/kind": ("chat",)},
    call="/call",
    identity=("/id",),
)


class Given(Ledger):
    """A ledger of what a test gives it."""

    def forget_what_is_there(self, values: object) -> None:
        """Nothing is there."""

    def read(self, calls: Sequence[SentCall] | None = None) -> None:
        """There is nothing to read."""


def owner_by_looking_at_all(sent: list[SentCall], taken: set[tuple[str, int]], row: dict[str, str]) -> str:
    """Return the owner as the module's first lines say it."""
    fitting = [
        call
        for call in sent
        if row["model"] in {call.values["case.model"], "x/" + call.values["case.model"]}
        and row["kind"] == "chat"
    ]
    named = [call for call in fitting if call.values.get("call.id") == row.get("call")]
    if "call" in row and named:
        return f"{named[0].instance} {named[0].number}"
    own = [call for call in fitting if call.instance == fitting[-1].instance]
    free = [call for call in own if (call.instance, call.number) not in taken]
    return next((f"{call.instance} {call.number}" for call in [*free, *own[-1:]]), "nobody")


models = st.sampled_from(["a", "b", "c"])
ids = st.sampled_from(["1", "2", "3"])
calls = st.builds(
    lambda instance, model, call: (instance, {"case.model": model} | ({"call.id": call} if call else {})),
    st.sampled_from(["one", "two", "three"]),
    models,
    st.none() | ids,
)
rows = st.builds(
    lambda model, kind, call: {"model": model, "kind": kind} | ({"call": call} if call else {}),
    models | models.map("x/{}".format),
    st.sampled_from(["chat", "chat", "speech"]),
    st.none() | ids,
)


@given(st.lists(st.tuples(st.lists(calls, max_size=4), rows), max_size=8))
def test_a_record_belongs_to_whom_a_look_at_all_calls_gives_it(
    steps: list[tuple[list[tuple[str, dict[str, str]]], dict[str, str]]],
) -> None:
    ledger = Given(SOURCE)
    taken: set[tuple[str, int]] = set()
    for serial, (more, row) in enumerate(steps):
        for instance, values in more:
            number = sum(call.instance == instance for call in ledger.sent)
            ledger.sent.append(SentCall(instance, number, values))
        wanted = owner_by_looking_at_all(ledger.sent, taken, row)
        record = Record(str(serial), row, "")
        assert ledger._give(record) is (wanted != "nobody")
        owners = [call for call in ledger.sent if record in ledger.records(call)]
        assert [f"{call.instance} {call.number}" for call in owners] == [wanted] * (wanted != "nobody")
        taken |= {(call.instance, call.number) for call in owners}
