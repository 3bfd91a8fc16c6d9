"""A declared gateway is configured, started, driven and stopped; what goes wrong is said."""

from __future__ import annotations

import socket
import textwrap
from pathlib import Path
from typing import Any

import pytest
from decibill.declaration_read import parse
from decibill.drive import DriveOptions, drive
from decibill.errors import PreflightError
from decibill.plan import plan
from decibill.process import free_port
from tests.driven import DECLARED, PRICE, declared, variant
from tests.miniature import Miniature

PROGRAM = textwrap.dedent(
    """
    import http.server, json, sys, time, urllib.request
    config = json.load(open(sys.argv[1]))
    prices = json.load(urllib.request.urlopen(sys.argv[2] + "/prices.json"))
    print("key", len(config["key"]), flush=True)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers()
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            model = json.loads(body)["model"]
            if "dies" in model:
                import os; print("out of memory", flush=True); os._exit(9)
            ok = self.headers["authorization"] == "Bearer " + config["key"]
            request = urllib.request.Request(config["models"][model] + "/chat/completions", body,
                                             {"content-type": "application/json"})
            answer = urllib.request.urlopen(request).read()
            self.send_response(200 if ok else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.send_header("x-cost", prices["gpt-4o-mini"]["cost"])
            self.end_headers()
            self.wfile.write(answer)
        def log_message(self, *args): pass
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
    """
)


@pytest.fixture
def startable(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "gateway.py").write_text(PROGRAM)
    data = declared(
        start={
            "argv": ["{python}", str(tmp_path / "gateway.py"), "{file.config}", "{files.url}", "{port}"],
            "ready": {"get": "/", "within_s": 10},
            "secrets": {"MINI_SECRET": "sk-"},
            "serve_files": True,
        },
        auth={"headers": {"Authorization": "Bearer {env.MINI_SECRET}"}},
        files={
            "config": {
                "path": "config.json",
                "content": {
                    "key": "{env.MINI_SECRET}",
                    "models": {"$for_map": "case", "key": "{case.alias}", "value": "{case.upstream}"},
                },
            },
            "prices": {
                "path": "prices.json",
                "content": {
                    "$for_map": "model",
                    "key": "{case.model}",
                    "value": {"$prices": True, "cost": PRICE},
                },
            },
        },
        observe=[DECLARED["observe"][0]],
        correlate={},
    )
    data["prices"] = {"how": "served", "fields": {"text_input_tokens": "in", "text_output_tokens": "out"}}
    data["gateway"]["url"] = "http://127.0.0.1:{port}"
    return data


def test_a_declared_gateway_is_configured_started_driven_and_stopped(startable: dict[str, Any]) -> None:
    declaration = parse(startable, "mini.toml")
    driven = drive(plan(declaration, [variant("one"), variant("two")]), declaration, DriveOptions(start=True))
    assert [each.deliveries[0].status for each in driven.observations.values()] == [200, 200]
    assert [each.sources[0][0].cost is not None for each in driven.observations.values()] == [True, True]
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", int(driven.gateway_url.rpartition(":")[2]))) != 0


def test_a_program_beside_its_declaration_is_found_from_anywhere(
    startable: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startable["start"]["argv"][1] = "{here}/gateway.py"
    monkeypatch.chdir(tmp_path)
    declaration = parse(startable, "mini.toml")
    driven = drive(plan(declaration, [variant("one")]), declaration, DriveOptions(start=True))
    assert [each.deliveries[0].status for each in driven.observations.values()] == [200]


def test_a_gateway_that_dies_in_the_middle_leaves_a_note_and_errors(startable: dict[str, Any]) -> None:
    declaration = parse(startable, "mini.toml")
    cases = [variant("a-fine"), variant("dies"), variant("z-after")]
    driven = drive(plan(declaration, cases), declaration, DriveOptions(start=True, timeout_s=3))
    fine, dies, after = driven.observations.values()
    assert fine.deliveries[0].status == 200
    assert "broke off" in (dies.deliveries[0].error or "")
    assert after.deliveries[0].error == "not sent: the gateway has ended"
    assert any(
        "the gateway ended during the run; its output ends: key 51\nout of memory" in n for n in driven.notes
    )


def test_extra_arguments_reach_the_program(startable: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "gateway.py").write_text("import sys; sys.exit(' '.join(sys.argv[-2:]))")
    declaration = parse(startable, "mini.toml")
    options = DriveOptions(start=True, start_arguments=("--defect", "silent-zero"))
    with pytest.raises(PreflightError, match="--defect silent-zero"):
        drive(plan(declaration, [variant("one")]), declaration, options)


def test_a_gateway_is_not_started_where_another_listens(startable: dict[str, Any]) -> None:
    with Miniature("http://127.0.0.1:9/{model}") as other:
        startable["gateway"]["port"] = int(other.url.rpartition(":")[2])
        declaration = parse(startable, "mini.toml")
        with pytest.raises(PreflightError, match=r"something answers at .* already"):
            drive(plan(declaration, [variant("one")]), declaration, DriveOptions(start=True))


def test_a_program_is_started_only_on_request(startable: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "gateway.py").write_text(f"open({str(tmp_path / 'started')!r}, 'w')")
    startable["gateway"]["port"] = free_port()
    startable["auth"] = {}
    declaration = parse(startable, "mini.toml")
    with pytest.raises(PreflightError, match="cannot be reached"):
        drive(plan(declaration, [variant("one")]), declaration, DriveOptions(upstream_port=0))
    assert not (tmp_path / "started").exists()
