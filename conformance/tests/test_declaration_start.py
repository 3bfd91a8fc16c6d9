"""How a gateway is started, prepared and called is declared strictly, and carried out as declared."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from decibill.declaration import Ready, Start
from decibill.declaration_read import parse
from decibill.drive import DriveOptions, drive
from decibill.errors import InvalidFileError, PreflightError
from decibill.plan import plan
from decibill.process import Gateway
from tests.driven import DECLARED, declared, only, run, variant

PICKS_ITS_PORT = """
import http.server, sys
if "never" in sys.argv:
    print("no port today", flush=True)
if "ends" in sys.argv:
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
if "never" not in sys.argv:
    print("warming up on port soon", flush=True)
    print(f"listening on http://127.0.0.1:{server.server_port}/v1", flush=True)
server.serve_forever()
"""
LISTENING = r"listening on http://127\.0\.0\.1:(?P<port>[0-9]+)/"


def picking(folder: Path, *words: str) -> Gateway:
    (folder / "picks.py").write_text(PICKS_ITS_PORT)
    start = Start(
        (sys.executable, "picks.py", *words),
        Ready("/", status=204, within_s=1 if words else 5, stdout=LISTENING),
    )
    return Gateway(start, {"port": "9"}, url="http://127.0.0.1:{port}/", folder=folder)


def test_a_port_that_the_gateway_chooses_is_found_in_its_output(tmp_path: Path) -> None:
    with picking(tmp_path) as gateway:
        assert gateway.port != "9"
        assert gateway.url == f"http://127.0.0.1:{gateway.port}"


@pytest.mark.parametrize(
    ("word", "says"),
    [("never", "did not print its port within 1 s"), ("ends", "ended with code 3 before it was ready")],
)
def test_a_port_that_is_never_printed_is_said_with_what_was(tmp_path: Path, word: str, says: str) -> None:
    with pytest.raises(PreflightError, match=says), picking(tmp_path, word, "never"):
        pass  # pragma: no cover - it is never entered
    with pytest.raises(PreflightError, match="no port today"), picking(tmp_path, word, "never"):
        pass  # pragma: no cover - it is never entered


def parsed(**changes: Any) -> Any:
    data = declared(**changes)
    data["gateway"]["url"] = "http://127.0.0.1:{port}"
    data["gateway"]["port"] = 9
    return parse(data, "mine.toml")


START = {"argv": ["g"], "ready": {"get": "/"}}
SQLITE = {
    "id": "s",
    "from": "sqlite",
    "file": "{workdir}/x.db",
    "query": "select id from x",
    "identity": ["/id"],
    "cost": {"pointer": "/cost"},
}
METRICS = {"id": "m", "from": "metrics", "get": "/metrics", "cost": {"name": 'Cost{Model="{case.model}"}'}}


def test_places_of_metrics_keep_their_case_and_those_of_headers_lose_it() -> None:
    header = {"id": "h", "from": "header", "cost": {"name": "X-Cost"}}
    declaration = parsed(observe=[METRICS, header])
    assert [source.cost.at for source in declaration.observe] == ['Cost{Model="{case.model}"}', "x-cost"]
    assert [source.place for source in declaration.observe] == ["ledger", "caller"]


@pytest.mark.parametrize(
    ("changes", "pointer", "says"),
    [
        (
            {"start": {**START, "ready": {"get": "/", "stdout": "("}}},
            "/start/ready/stdout",
            "no regular expression",
        ),
        ({"start": {**START, "ready": {"get": "/", "stdout": "(x)"}}}, "/start/ready/stdout", "has no group"),
        ({"request": {"headers": {"X": "{call.id}"}}}, "/request/headers/X", "no template name"),
        (
            {"request": {"json": {"a": [{"b": "{case.modle}"}]}}},
            "/request/json/a/0/b",
            "did you mean case.model",
        ),
        ({"request": {"json": []}}, "/request/json", "must be a table"),
        ({"request": {"form": {}}}, "/request/form", "no member"),
        ({"files": {"f": {"path": "f", "text": "{case.id}"}}}, "/files/f/text", "no template name"),
        ({"files": {"f": {"path": "f", "text": "x", "content": {}}}}, "/files/f/text", "not both"),
        ({"files": {"f": {"path": "f"}}}, "/files/f/content", "must be a table or a list"),
        ({"observe": [{**SQLITE, "query": "delete from x"}]}, "/observe/0/query", "one SELECT"),
        ({"observe": [{**SQLITE, "identity": []}]}, "/observe/0/identity", "told apart"),
        ({"observe": [{**SQLITE, "file": "{case.id}.db"}]}, "/observe/0/file", "no template name"),
        ({"observe": [{**SQLITE, "rows": "/data"}]}, "/observe/0/rows", "no member"),
        ({"observe": [{**METRICS, "cost": {"name": "a b"}}]}, "/observe/0/cost/name", "is no metric"),
        ({"observe": [{**METRICS, "usage": "dialect"}]}, "/observe/0/usage", "no usage object"),
        ({"observe": [{**METRICS, "identity": ["/id"]}]}, "/observe/0/identity", "no member"),
        ({"observe": [{**METRICS, "get": "/m/{case.id}"}]}, "/observe/0/get", "no template name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], pointer: str, says: str) -> None:
    with pytest.raises(InvalidFileError, match=says) as caught:
        parsed(**changes)
    assert caught.value.pointer == pointer


def test_a_port_that_is_found_needs_a_place_in_the_address() -> None:
    data = declared(start={**START, "ready": {"get": "/", "stdout": LISTENING}})
    data["gateway"]["url"] = "http://127.0.0.1:9"
    with pytest.raises(InvalidFileError, match=r"must hold \{port\}") as caught:
        parse(data, "mine.toml")
    assert caught.value.pointer == "/gateway/url"


# what is added to every call


def test_headers_and_members_are_added_and_the_case_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINI_SECRET", "s3cret")
    request = {
        "headers": {"X-To": "{case.upstream}", "X-Key": "Bearer {env.MINI_SECRET}"},
        "json": {"raw": {"of": "{case.alias}"}, "model": "never"},
    }
    driven, gateway = run([variant("one")], declared(request=request))
    observation = only(driven)
    assert gateway.seen[-1]["x-to"] == f"{driven.upstream_url}/c/test--one/v1"
    assert gateway.seen[-1]["x-key"] == "Bearer s3cret"
    sent = observation.attempts[0].request["json"]
    assert sent["raw"] == {"of": "test--one"}
    assert sent["model"] == "test--one"
    assert '-H "X-Key: Bearer ${MINI_SECRET}"' in observation.curl
    assert "s3cret" not in observation.curl
    assert f"X-To: {driven.upstream_url}/c/test--one/v1" in observation.curl


def test_a_form_keeps_its_fields_and_takes_the_headers() -> None:
    when = {"openai": {"form": {"model": "{model}"}}, "client": "read_all"}
    request = {"headers": {"X-To": "x"}, "json": {"raw": True}}
    driven, gateway = run(
        [variant("form", when=when)], declared(request=request), DriveOptions(preflight=False)
    )
    assert only(driven).attempts[0].request["form"] == {"model": "test--form"}
    assert gateway.seen[-1]["x-to"] == "x"


# files


def test_a_text_is_written_as_it_stands_and_a_tree_by_the_ending_of_its_path(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import json, os, sys, tomllib
        tree, config = json.load(open("tree.json")), tomllib.load(open("config.toml", "rb"))
        text = open(sys.argv[1]).read()
        print(json.dumps([tree, config, text]), flush=True)
        """
    )
    data = declared(
        start={"argv": [sys.executable, "program.py", "{file.note}"], "ready": {"get": "/", "within_s": 5}},
        files={
            "program": {"path": "program.py", "text": program},
            "note": {"path": "deep/note.txt", "text": "up: {upstream}\n"},
            "tree": {"path": "tree.json", "content": {"a": [1]}},
            "config": {"path": "config.toml", "content": {"a": {"b": ["{port}"]}}},
        },
    )
    data["gateway"] |= {"url": "http://127.0.0.1:{port}", "port": 0}
    declaration = parse(data, "mine.toml")
    with pytest.raises(PreflightError, match="ended with code 0 before it was ready") as caught:
        drive(plan(declaration, [variant("one")]), declaration, DriveOptions(start=True))
    tree, config, text = json.loads(str(caught.value).splitlines()[-1])
    assert tree == {"a": [1]}
    assert config["a"]["b"][0].isdigit()
    assert text.startswith("up: http://127.0.0.1:")
    assert DECLARED["gateway"]["url"] == ""  # the shared declaration is untouched
