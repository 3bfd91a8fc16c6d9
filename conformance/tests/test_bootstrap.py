"""What a gateway needs before the first call is asked for once, and its answer is used, not shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from decibill.declaration_read import parse
from decibill.drive import DriveOptions
from decibill.errors import InvalidFileError, PreflightError
from tests.driven import declared, only, run, variant
from tests.miniature import Miniature, Reply

ISSUE = {
    "post": "/keys",
    "headers": {"X-Master": "Bearer {env.MINI_MASTER}"},
    "json": {"name": "run of {run.started}", "limit": 3},
    "set": {"key": "/issued/0/key", "limit": "/limit"},
}
AUTH = {"headers": {"Authorization": "Bearer {set.key}"}}


class Issuing(Miniature):
    """A miniature that issues the one key it accepts."""

    asked: tuple[str, str | None, Any] = ("", None, None)
    answer_to_keys = Reply(201, {}, b'{"issued": [{"key": "sk-one"}], "limit": 3}')

    def post(self, handler: Any) -> None:
        if not handler.path.startswith("/keys"):
            super().post(handler)
            return
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.asked = (handler.path, handler.headers["x-master"], json.loads(body) if body else None)
        reply = self.answer_to_keys
        self.answer(handler, Reply(reply.status, dict(reply.headers), reply.body))


@pytest.fixture(autouse=True)
def issuing(monkeypatch: pytest.MonkeyPatch) -> type[Issuing]:
    class Fresh(Issuing):
        pass

    monkeypatch.setattr("tests.driven.Miniature", Fresh)
    monkeypatch.setenv("MINI_MASTER", "mk-1")
    return Fresh


def test_a_key_is_issued_and_used_and_a_call_is_repeated_without_it() -> None:
    driven, gateway = run([variant("one")], declared(bootstrap=[ISSUE], auth=AUTH), key="sk-one")
    assert isinstance(gateway, Issuing)
    path, master, body = gateway.asked
    assert (path, master) == ("/keys", "Bearer mk-1")
    assert body["limit"] == 3
    assert body["name"].startswith("run of 20")
    assert only(driven).deliveries[0].status == 200
    assert '-H "Authorization: Bearer ${key}"' in only(driven).curl
    assert "sk-one" not in only(driven).curl


def test_a_later_call_knows_what_an_earlier_one_set() -> None:
    again = {"post": "/keys?limit={set.limit}"}
    _, gateway = run([variant("one")], declared(bootstrap=[ISSUE, again], auth=AUTH), key="sk-one")
    assert isinstance(gateway, Issuing)
    assert gateway.asked == ("/keys?limit=3", None, None)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(403, {}, b"no such \x1b[31mmaster"), "POST /keys answered 403: no such"),
        (Reply(200, {}, b"created"), "not JSON"),
        (Reply(200, {}, b'{"issued": []}'), "holds no text at /issued/0/key"),
        (Reply(200, {}, b'{"issued": [{"key": null}]}'), "holds no text at /issued/0/key"),
        (Reply(200, {}, b'{"issued": [{"key": ""}]}'), "holds no text at /issued/0/key"),
        (Reply(200, {}, b'{"issued": [{"key": true}]}'), "holds no text at /issued/0/key"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.body),
)
def test_a_gateway_that_cannot_be_prepared_is_said_to_be_so(
    issuing: type[Issuing], reply: Reply, says: str
) -> None:
    issuing.answer_to_keys = reply
    with pytest.raises(PreflightError, match=says) as caught:
        run([variant("one")], declared(bootstrap=[ISSUE], auth=AUTH))
    assert "could not be prepared" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_variable_of_the_user_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINI_MASTER")
    with pytest.raises(InvalidFileError, match="environment variable MINI_MASTER is not set"):
        run([variant("one")], declared(bootstrap=[ISSUE], auth=AUTH), DriveOptions(preflight=False))


@pytest.mark.parametrize(
    ("changes", "pointer", "says"),
    [
        ({"bootstrap": [{**ISSUE, "post": "keys"}]}, "/bootstrap/0/post", "must begin with /"),
        ({"bootstrap": [{**ISSUE, "set": {"key": "key"}}]}, "/bootstrap/0/set/key", "not a JSON pointer"),
        ({"bootstrap": [{**ISSUE, "set": {"a-b": "/x"}}]}, "/bootstrap/0/set/a-b", "letters, digits and _"),
        (
            {"bootstrap": [{**ISSUE, "json": {"a": ["{case.id}"]}}]},
            "/bootstrap/0/json/a/0",
            "no template name",
        ),
        ({"bootstrap": [{**ISSUE, "headers": {"A": "{set.key}"}}]}, "/bootstrap/0/headers/A", "no template"),
        ({"bootstrap": [{**ISSUE, "get": "/x"}]}, "/bootstrap/0/get", "no member"),
        (
            {"bootstrap": [ISSUE], "auth": {"headers": {"A": "{set.kye}"}}},
            "/auth/headers/A",
            "did you mean set.key",
        ),
        (
            {"auth": {"headers": {"Authorization": "Bearer {set.key}"}}},
            "/auth/headers/Authorization",
            "template",
        ),
    ],
)
def test_what_a_preparation_cannot_mean_is_refused(changes: dict[str, Any], pointer: str, says: str) -> None:
    data = declared(**changes)
    data["gateway"]["url"] = "http://127.0.0.1:9"
    with pytest.raises(InvalidFileError, match=says) as caught:
        parse(data, "mine.toml")
    assert caught.value.pointer == pointer
