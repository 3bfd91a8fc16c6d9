"""What a gateway says, and what a declaration asks for, does no harm to whoever runs the suite on it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import pytest
from decibill import cli
from decibill.declaration_read import at_url, is_loopback, parse
from decibill.drive import DriveOptions, drive
from decibill.errors import InvalidFileError, PreflightError, UsageError
from decibill.plan import plan
from decibill.report.build import hide_host
from decibill.secrets_hidden import Secrets
from decibill.toml_text import toml_text
from tests.miniature import Reply
from tests.wrongs import Ran, declared, judge, later

SECRET = 'sk-test/4f1c9e"77aa b2'
"""With characters that addresses and JSON spell in other ways."""

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202e\u2028\ud800 FAILED"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def everything(tmp_path: Path, ran: Ran) -> dict[str, str]:
    """Return every text that a run leaves behind."""
    files = {path.name: path.read_text("utf-8") for path in (tmp_path / "out").iterdir()}
    return {"stdout": ran.stdout, "stderr": ran.stderr, **files}


# control characters


def say_evil(reply: Reply) -> Reply:
    answer = {"error": {"message": EVIL, EVIL: [EVIL]}}
    headers = {"content-type": "application/json", "x-model": "\x9b31m\x85 2J"}
    return Reply(500, headers, json.dumps(answer).encode())


@pytest.mark.parametrize("options", [["-v"], ["--format", "json"]], ids=["text", "json"])
def test_no_text_of_a_gateway_steers_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    data = declared()
    data["observe"][1] |= {"status": "/model", "estimate": "/row"}
    ran = judge(tmp_path, capsys, *options, data=data, alter=say_evil, cost=later(lambda _: EVIL))
    assert ran.code == 1
    texts = everything(tmp_path, ran)
    assert set(texts) == {"stdout", "stderr", "report.json", "junit.xml"}
    for name, text in texts.items():
        assert not STEERING.search(text), name
    assert "owned" in texts["report.json"]
    Tree.fromstring(texts["junit.xml"])


def test_no_text_of_a_gateway_steers_a_terminal_where_it_is_not_ready(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = judge(tmp_path, capsys, alter=say_evil, ready=False)
    assert ran.code == 3
    assert "answered 500 although the upstream answered 200; it said: " in ran.text
    assert not STEERING.search(ran.stderr)


def test_an_answer_stays_the_text_that_it_is_in_every_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    markup = '</failure></testcase><script>alert("1")</script>]]><!--&lt;'
    ran = judge(tmp_path, capsys, "-v", cost=later(lambda _: markup))
    assert ran.code == 3
    document = Tree.fromstring((tmp_path / "out/junit.xml").read_text("utf-8"))
    assert {element.tag for element in document.iter()} <= {
        "testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped",
    }  # fmt: skip
    assert "<script>" in "".join(element.get("message", "") for element in document.iter("skipped"))


# secrets


def echo(reply: Reply) -> Reply:
    """Repeat the client's key in an error, as some gateways do."""
    body = {"error": {"message": f"no such key {SECRET}"}, "padding": "x" * 1960, "key": SECRET}
    headers = {"content-type": "application/json", "x-error": SECRET}
    return Reply(500, headers, json.dumps(body).encode())


def secretive() -> dict[str, Any]:
    """Return a declaration that gives the gateway a key in every place where a secret can stand."""
    data = declared()
    data["auth"] = {"headers": {"Authorization": "Bearer {env.MINI_KEY}"}}
    data["request"] = {"headers": {"X-Tenant": "{env.MINI_KEY}"}, "json": {"user": "{env.MINI_KEY}"}}
    data["routes"]["openai"]["chat"] += "?key={env.MINI_KEY}"
    return data


@pytest.mark.parametrize(
    "facts", [{"alter": echo}, {"cost": later(lambda _: f"{SECRET} USD")}], ids=["answer", "row"]
)
def test_a_key_that_a_gateway_repeats_is_in_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]
) -> None:
    monkeypatch.setenv("MINI_KEY", SECRET)
    ran = judge(tmp_path, capsys, "-v", data=secretive(), **facts)
    assert ran.code in {1, 3}
    assert any(SECRET in value for headers in ran.gateway.seen for value in headers.values())
    for name, text in everything(tmp_path, ran).items():
        for part in ("4f1c9e", "77aa"):
            assert part not in text, name
    assert "[redacted]" in ran.stdout
    assert "${MINI_KEY}" in ran.stdout  # the line that repeats a call


def test_a_key_that_a_gateway_repeats_at_once_is_not_in_the_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINI_KEY", SECRET)
    cut_in_two = Reply(500, {}, b"x" * 290 + SECRET.encode())
    ran = judge(tmp_path, capsys, data=secretive(), ready=False, alter=lambda _: cut_in_two)
    assert ran.code == 3
    assert "it said: " in ran.text
    assert "4f1c" not in ran.text
    assert "sk-test" not in ran.text


def test_what_a_started_gateway_prints_before_it_ends_names_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = declared()
    program = "import os, sys; print('starting with', os.environ['MASTER']); sys.exit(1)"
    data["gateway"] |= {"url": "http://127.0.0.1:{port}", "port": 0}
    data["start"] = {
        "argv": ["{python}", "-c", program],
        "secrets": {"MASTER": "sk-master-"},
        "ready": {"get": "/"},
    }
    (tmp_path / "mini.toml").write_text(toml_text(data, "mini.toml"), "utf-8")
    with pytest.raises(SystemExit) as left:
        cli.main(["run", "--gateway", f"{tmp_path}/mini.toml", "--start", "--out", f"{tmp_path}/out"])
    assert left.value.code == 3
    said = capsys.readouterr().err
    assert "starting with [redacted]" in said
    assert "sk-master-" not in said


def test_a_password_in_an_address_is_in_no_report() -> None:
    assert hide_host("http://user:hunter22@127.0.0.1:9/v1") == "http://127.0.0.1:9/v1"
    assert hide_host("http://user:hunter22@example.org/v1") == "http://[host]/v1"
    declaration = at_url("http://user:hunter2hunter2@127.0.0.1:9")
    with pytest.raises(PreflightError) as told:
        drive(plan(declaration, []), declaration, DriveOptions(upstream_port=0))
    assert "hunter2" not in str(told.value)


def test_a_value_is_hidden_in_every_spelling_and_the_longest_first() -> None:
    secrets = Secrets()
    secrets.add([SECRET, f"{SECRET}-longer", "8080"])
    told = ["sk-test%2F4f1c9e%2277aa%20b2", SECRET, json.dumps(SECRET), f"{SECRET}-longer", ":8080"]
    assert secrets.hide_in(told) == ["[redacted]", "[redacted]", '"[redacted]"', "[redacted]", ":8080"]
    assert secrets.hide_in({SECRET: (SECRET.encode(), 7)}) == {"[redacted]": (b"[redacted]", 7)}


# programs


def starting(marker: Path) -> dict[str, Any]:
    """Return a declaration whose program leaves a mark."""
    data = declared()
    data["gateway"] |= {"url": "http://127.0.0.1:{port}", "port": 0}
    argv = [sys.executable, "-c", "import sys; open(sys.argv[1], 'w').close()", str(marker)]
    return data | {"start": {"argv": argv, "ready": {"get": "/", "within_s": 5}}}


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--gateway", "{file}"],
        ["run", "--gateway", "{file}", "--dry-run"],
        ["run", "--gateway", "{file}", "--url", "http://127.0.0.1:9"],
        ["check", "{file}"],
        ["configure", "{file}", "--only", "gateway/preflight-text-chat", "--out", "{folder}/files"],
        ["prices", "read", "{file}", "{file}"],
        ["prices", "write", "{file}", "{file}"],
    ],
    ids=lambda words: " ".join(words[:2] + words[3:4]),
)
def test_no_command_starts_a_program_that_was_not_asked_for(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    marker, file = tmp_path / "started", tmp_path / "mini.toml"
    file.write_text(toml_text(starting(marker), "mini.toml"), "utf-8")
    named = [word.format(file=file, folder=tmp_path) for word in words]
    out = ["--out", f"{tmp_path}/out", "--upstream-port", "0"] if words[0] == "run" else []
    with pytest.raises(SystemExit):
        cli.main([*named, *out])
    assert capsys.readouterr() is not None
    assert not marker.exists()


def test_the_same_program_is_started_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker, file = tmp_path / "started", tmp_path / "mini.toml"
    file.write_text(toml_text(starting(marker), "mini.toml"), "utf-8")
    with pytest.raises(SystemExit) as left:
        cli.main(["run", "--gateway", str(file), "--start", "--out", f"{tmp_path}/out"])
    assert left.value.code == 3
    assert "the gateway ended with code 0 before it was ready" in capsys.readouterr().err
    assert marker.exists()


# addresses


@pytest.mark.parametrize(
    "address",
    [
        "http://api.openai.com/v1",
        "http://127.0.0.1.example.org/v1",
        "http://127.0.0.1@example.org/v1",
        "http://localhost.example.org/v1",
        "http://example.org#127.0.0.1",
        "http://example.org\\@127.0.0.1/",
        "http://[::ffff:192.0.2.7]/v1",
        "http://0.0.0.0/v1",
        "http://2130706433/v1",
        "http:///v1",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_only_looks_like_this_machine_is_not_taken_for_it(address: str) -> None:
    assert not is_loopback(address)
    data = declared()
    data["gateway"]["url"] = "http://127.0.0.1:9"
    data["upstream"]["base"] = {"openai": address + "/c/{case.token}"}
    with pytest.raises(InvalidFileError, match="is not on this machine") as told:
        parse(data, "mini.toml")
    assert told.value.pointer == "/upstream/base/openai"
    declaration = at_url("http://127.0.0.1:9")
    with pytest.raises(UsageError):
        drive(plan(declaration, []), declaration, DriveOptions(upstream_url=address, upstream_port=0))


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "http://localhost"]
)
def test_the_addresses_of_this_machine_are_known(address: str) -> None:
    assert is_loopback(address)


# files that a declaration writes and reads


@pytest.mark.parametrize("path", ["../x", "/tmp/x", "a/../../x", "a/./../../b"])
def test_a_declaration_writes_nothing_outside_its_folder(path: str) -> None:
    data = declared() | {"files": {"config": {"path": path, "text": "x"}}}
    data["gateway"]["url"] = "http://127.0.0.1:9"
    with pytest.raises(InvalidFileError, match="must stay inside the work folder"):
        parse(data, "mini.toml")


def test_a_link_in_a_folder_leads_no_file_of_a_declaration_out_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "linked").symlink_to(outside)
    (folder / "file.txt").symlink_to(outside / "file.txt")
    data = declared() | {
        "files": {
            "one": {"path": "linked/config.txt", "text": "owned"},
            "two": {"path": "file.txt", "text": "owned"},
        }
    }
    data["gateway"]["url"] = "http://127.0.0.1:9"
    file = tmp_path / "mini.toml"
    file.write_text(toml_text(data, "mini.toml"), "utf-8")
    with pytest.raises(SystemExit) as left:
        cli.main(
            ["configure", str(file), "--only", "gateway/preflight-text-chat", "--out", str(folder), "--force"]
        )
    assert left.value.code == 2
    assert "leads out of" in capsys.readouterr().err
    assert list(outside.iterdir()) == []


def test_a_report_is_not_written_through_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    victim = tmp_path / "victim"
    victim.write_text("as it was", "utf-8")
    (tmp_path / "out/report.json").symlink_to(victim)
    assert judge(tmp_path, capsys).code == 0
    assert victim.read_text("utf-8") == "as it was"
    assert not (tmp_path / "out/report.json").is_symlink()
