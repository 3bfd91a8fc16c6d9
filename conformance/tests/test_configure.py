"""``decibill configure`` writes what a gateway must be given, and a script that starts and judges it."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from decibill import cli as command_line
from decibill._data import data_directory
from decibill.cases import load_cases, select_cases
from decibill.configure import FILES_PORT, GATEWAY_PORT, Address, Configured, configure
from decibill.declaration import Declaration
from decibill.declaration_read import parse
from decibill.drive_open import DriveOptions, open_run
from decibill.errors import DecibillError
from decibill.observe_sqlite import SqliteLedger
from decibill.process import free_port
from tests.scene import DECLARATION, changed

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = data_directory("fixtures")
FOUNDING = "azure/transcription-founding-report"
FOLDER = Path("/somewhere/with a blank")


def a_gateway(**changes: Any) -> Declaration:
    """Return a gateway that is started with a file of its own, changed at pointers."""
    document = copy.deepcopy(DECLARATION)
    document["gateway"]["url"] = "http://127.0.0.1:{port}"
    document["start"] = {
        "argv": ["gate", "--config", "{file.config}"],
        "ready": {"get": "/health"},
        "env": {"PORT": "{port}", "UPSTREAM": "{upstream}/v1"},
        "secrets": {"GATE_KEY": "gk-"},
    }
    document["auth"] = {"headers": {"Authorization": "Bearer {env.GATE_KEY}"}}
    document["prices"] = {
        "how": "file",
        "fields": {"text_input_tokens": "in", "text_output_tokens": "out", "audio_duration_seconds": "sec"},
    }
    document["files"] = {
        "config": {
            "path": "conf/gate.json",
            "content": {
                "models": [
                    {
                        "$for": "case",
                        "name": "{case.alias}",
                        "base": "{case.upstream}",
                        "price": {"$prices": True},
                    }
                ]
            },
        }
    }
    return parse(changed(document, changes), "gate.toml")


def of(
    declaration: Declaration, *only: str, address: Address | None = None, folder: Path = FOLDER
) -> Configured:
    """Return what the gateway is given for the cases chosen."""
    cases = select_cases(load_cases(), only=only)
    return configure(declaration, cases, address or Address(), folder=folder, root=FIXTURES)


def test_its_files_hold_models_prices_and_the_fixed_upstream_address() -> None:
    configured = of(a_gateway(), "gateway/preflight-text-chat")

    models = json.loads(configured.files["conf/gate.json"])["models"]
    assert models[0]["name"] == "gateway--preflight-text-chat"
    assert models[0]["base"] == "http://127.0.0.1:8471/c/gateway--preflight-text-chat/v1"
    assert set(models[0]["price"]) == {"in", "out"}


def test_a_declared_port_is_kept_and_an_open_one_is_fixed() -> None:
    assert of(a_gateway(), FOUNDING).url == f"http://127.0.0.1:{GATEWAY_PORT}"
    assert of(a_gateway(**{"/gateway/port": 7001}), FOUNDING).url == "http://127.0.0.1:7001"
    assert of(a_gateway(), FOUNDING, address=Address(port=7002)).url == "http://127.0.0.1:7002"


def test_secrets_are_placeholders_with_their_prefix_and_other_values_are_plain() -> None:
    variables = {each.name: each for each in of(a_gateway(), FOUNDING).variables}

    assert (variables["GATE_KEY"].word, variables["GATE_KEY"].secret) == ("gk-CHANGE-ME", True)
    assert variables["GATE_KEY"].client, "the client sends it, so it must be set for the run too"
    assert (variables["UPSTREAM"].word, variables["UPSTREAM"].secret) == ("http://127.0.0.1:8471/v1", False)
    assert not variables["PORT"].client


def test_a_value_reaches_the_gateway_as_declared_whatever_a_shell_makes_of_it() -> None:
    odd = """it's "odd": $HOME `id` \\ {port}"""
    configured = of(
        a_gateway(**{"/start/env/ODD": odd, "/start/env/NAMED": odd + " {env.GATE_KEY}"}), FOUNDING
    )
    script = "\n".join(f"export {each.name}={each.word}" for each in configured.variables)
    seen = subprocess.run(
        ["sh", "-c", f'{script}\nprintf \'%s\\n\' "$ODD" "$NAMED"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    plain = odd.replace("{port}", str(GATEWAY_PORT))
    assert seen == [plain, f"{plain} gk-CHANGE-ME"]


def test_the_start_command_runs_in_the_folder_of_the_files() -> None:
    command = of(a_gateway(), FOUNDING).command

    assert command == f"(cd '{FOLDER}' && gate --config '{FOLDER}/conf/gate.json')"


def test_files_that_the_gateway_fetches_are_served_from_a_fixed_address() -> None:
    fetched = a_gateway(**{"/start/serve_files": True, "/start/env/CATALOG": "{files.url}/conf/gate.json"})
    configured = of(fetched, FOUNDING)

    assert configured.serve == (
        f"python3 -m http.server {FILES_PORT} --bind 127.0.0.1 --directory '{FOLDER}'"
    )
    words = {each.name: each.word for each in configured.variables}
    assert words["CATALOG"] == f"http://127.0.0.1:{FILES_PORT}/conf/gate.json"
    assert of(a_gateway(), FOUNDING).serve is None


def test_a_gateway_that_pushes_its_records_is_given_the_fixed_address_for_them() -> None:
    pushing = a_gateway(
        **{
            "/observe/1": {"id": "log", "from": "sink", "identity": ["/id"], "cost": {"pointer": "/cost"}},
            "/start/env/SINK": "{sink.log}",
        }
    )
    words = {each.name: each.word for each in of(pushing, FOUNDING).variables}

    assert words["SINK"] == "http://127.0.0.1:8472/log"


def test_rates_that_its_configuration_cannot_hold_are_listed_with_their_models() -> None:
    left_out = {each.rate: each.models for each in of(a_gateway(), "openai/*").left_out}

    assert "openai/gpt-4o-transcribe" in left_out["audio_input_tokens"]
    assert "text_input_tokens" not in left_out
    assert of(a_gateway(**{"/prices": {"how": "book"}}), "openai/*").left_out == ()


def test_what_a_case_needs_and_the_gateway_lacks_is_counted() -> None:
    silent = a_gateway(**{"/features/operations": ["transcription"], "/features/stream": []})
    translations = [case for case in load_cases() if case.id.startswith("openai/translation-")]
    configured = of(silent, "openai/translation-*")

    assert configured.not_declared == {"the operation translation": len(translations)}


def test_a_variable_named_in_a_file_is_left_for_the_user_to_fill_in() -> None:
    named = a_gateway(**{"/files/config/content/key": "{env.SOME_KEY}"})
    configured = of(named, FOUNDING)

    assert json.loads(configured.files["conf/gate.json"])["key"] == "${SOME_KEY}"
    assert configured.holes == ("conf/gate.json",)
    assert of(a_gateway(), FOUNDING).holes == ()


def test_what_decibill_itself_sends_to_the_gateway_is_set_for_the_run_too() -> None:
    prepared = a_gateway(
        **{
            "/bootstrap": [
                {"post": "/keys", "headers": {"X-Admin": "{env.GATE_ADMIN}"}, "json": {"by": "{env.WHO}"}}
            ],
            "/request": {"headers": {"X-Tenant": "{env.TENANT}"}},
        }
    )
    client = {each.name for each in of(prepared, FOUNDING).variables if each.client}

    assert client == {"GATE_KEY", "GATE_ADMIN", "WHO", "TENANT"}


def test_a_port_that_the_gateway_chooses_itself_is_left_open() -> None:
    chooses = a_gateway(**{"/start/ready/stdout": "listening on (?P<port>[0-9]+)"})

    assert of(chooses, FOUNDING).url == "http://127.0.0.1:PORT"


def test_a_run_that_reads_a_database_is_told_where_it_is() -> None:
    database = {"id": "db", "from": "sqlite", "identity": ["/id"], "query": "select id, cost from log"}
    reads = a_gateway(**{"/observe/1": {**database, "file": "{workdir}/g.db", "cost": {"pointer": "/cost"}}})

    assert of(reads, FOUNDING).needs_folder
    assert not of(a_gateway(), FOUNDING).needs_folder


def test_a_gateway_without_a_start_has_no_command() -> None:
    hosted = parse(changed(DECLARATION, {}), "tiny.toml")

    assert of(hosted, FOUNDING).command is None
    assert of(hosted, FOUNDING).variables == ()


def test_a_run_looks_for_the_database_in_the_folder_that_it_is_told(tmp_path: Path) -> None:
    database = {"id": "db", "from": "sqlite", "identity": ["/id"], "query": "select id, cost from log"}
    source = {**database, "file": "{workdir}/g.db", "cost": {"pointer": "/cost"}}
    running = parse(changed(DECLARATION, {"/observe/1": source}), "tiny.toml")
    options = DriveOptions(upstream_port=0, workdir=tmp_path)
    with ExitStack() as stack:
        run, _ = open_run(stack, (), running, options, FIXTURES)
        ledger = run.ledgers["db"]

    assert isinstance(ledger, SqliteLedger)
    assert ledger.file == tmp_path / "g.db"


# The command


def run_command(*arguments: str, folder: Path) -> Result:
    """Return what ``decibill configure`` does in *folder*."""
    runner = CliRunner()
    before = Path.cwd()
    os.chdir(folder)
    try:
        return runner.invoke(command_line.cli, ["configure", *arguments])
    finally:
        os.chdir(before)


def test_it_writes_files_that_only_this_user_can_read_and_prints_a_script(tmp_path: Path) -> None:
    done = run_command("ferrogw", "--only", "openai/chat-service-tier", folder=tmp_path)

    assert done.exit_code == 0, done.output
    catalog = tmp_path / "decibill-ferrogw/catalog.json"
    assert json.loads(catalog.read_text())
    assert catalog.stat().st_mode & 0o077 == 0
    assert f"# wrote {catalog}" in done.stdout
    assert "export OPENAI_BASE_URL=http://127.0.0.1:8471/v1\n" in done.stdout
    assert "export MASTER_KEY=mk-decibill-CHANGE-ME   # a secret" in done.stdout
    assert "ferrogw serve)" in done.stdout
    run = "decibill run --gateway ferrogw --url http://127.0.0.1:8470 --only openai/chat-service-tier"
    assert done.stdout.splitlines()[-1] == run
    subprocess.run(["sh", "-n"], input=done.stdout, text=True, check=True)


def test_the_run_that_fits_names_another_upstream(tmp_path: Path) -> None:
    other = run_command("ferrogw", "--upstream-url", "http://127.0.0.1:9100/", folder=tmp_path)
    named = run_command(
        "ferrogw", "--upstream-url", "http://localhost:9200", "--port", "9300", "--force", folder=tmp_path
    )

    assert other.stdout.endswith("--url http://127.0.0.1:8470 --upstream-port 9100\n")
    assert named.stdout.endswith(
        "--url http://127.0.0.1:9300 --upstream-port 9200 --upstream-url http://localhost:9200\n"
    )
    assert "export OPENAI_BASE_URL=http://localhost:9200/v1\n" in named.stdout


def test_a_remote_upstream_must_be_allowed(tmp_path: Path) -> None:
    refused = run_command("ferrogw", "--upstream-url", "http://replay.example:80", folder=tmp_path)
    allowed = run_command(
        "ferrogw", "--upstream-url", "http://replay.example", "--allow-remote-upstream", folder=tmp_path
    )

    assert isinstance(refused.exception, DecibillError)
    assert "--allow-remote-upstream" in str(refused.exception)
    assert list(tmp_path.iterdir()) == [tmp_path / "decibill-ferrogw"]
    assert allowed.stdout.endswith("--upstream-url http://replay.example --allow-remote-upstream\n")


@pytest.mark.parametrize("address", ["127.0.0.1:8471", "ftp://127.0.0.1", "http://"])
def test_an_upstream_must_be_an_http_address(address: str, tmp_path: Path) -> None:
    refused = run_command("ferrogw", "--upstream-url", address, folder=tmp_path)

    assert isinstance(refused.exception, DecibillError)
    assert "is not an HTTP address" in str(refused.exception)


def test_a_file_with_other_contents_is_kept_unless_forced(tmp_path: Path) -> None:
    only = ("ferrogw", "--only", "openai/chat-service-tier", "--out", "here")
    assert run_command(*only, folder=tmp_path).exit_code == 0
    assert run_command(*only, folder=tmp_path).exit_code == 0, "the same contents are no loss"
    config = tmp_path / "here/config.yaml"
    config.write_text("mine")

    refused = run_command(*only, folder=tmp_path)
    assert "config.yaml is there and holds something else; overwrite it with --force" in str(
        refused.exception
    )
    assert config.read_text() == "mine"
    assert run_command(*only, "--force", folder=tmp_path).exit_code == 0
    assert config.read_text() != "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run_command("ferrogw", "--out", "file/below", folder=tmp_path)

    assert "choose another --out" in str(refused.exception)


def test_what_is_not_declared_left_out_or_without_prices_is_said(tmp_path: Path) -> None:
    declared = run_command("ferrogw", folder=tmp_path).stdout
    plain = tmp_path / "plain.toml"
    text = (data_directory("gateways") / "ferrogw.toml").read_text()
    text = text.replace('how = "served"', 'how = "none"').replace(
        'price_scope = "model"', 'price_scope = "none"'
    )
    plain.write_text(text.replace('"{case.provider}/{case.model}"', '"{env.PREFIX}/{case.model}"'))
    without = run_command("plain.toml", "--out", "other", folder=tmp_path).stdout

    assert "# left out, for lack of a place: audio_input_tokens of gemini/" in declared
    assert "for lack of the provider azure\n" in declared
    assert "a calculator" not in declared
    assert "# It takes no prices, so it is judged by the usage that it states.\n" in without
    assert "other/catalog.json names variables as ${NAME}: put their values in\n" in without


def test_the_last_line_names_what_the_run_needs(tmp_path: Path) -> None:
    text = (data_directory("gateways") / "any-llm.toml").read_text()
    (tmp_path / "g.toml").write_text(text.replace("within_s = 60", "stdout = 'at (?P<port>[0-9]+)'"))
    done = run_command("g.toml", folder=tmp_path)
    folder = tmp_path / "decibill-any-llm"

    assert done.stdout.splitlines()[-2:] == [
        "# PORT is the port that it printed.",
        f"decibill run --gateway g.toml --url http://127.0.0.1:PORT --workdir {folder}",
    ]


def test_a_declaration_that_was_never_tried_says_so(tmp_path: Path) -> None:
    done = run_command("conduit", folder=tmp_path)

    assert "# The declaration was never tried on this gateway: " in done.stdout


def test_a_gateway_that_is_started_by_hand_is_told_where_to_listen(tmp_path: Path) -> None:
    text = (data_directory("gateways") / "reference.toml").read_text()
    by_hand = text[: text.index("[start]")] + text[text.index("[auth]") :]
    (tmp_path / "by-hand.toml").write_text(by_hand.replace("port = 0 ", "port = 7003 "))
    done = run_command("by-hand.toml", "--only", FOUNDING, folder=tmp_path)

    assert "# Start it yourself: it must listen at http://127.0.0.1:7003.\n" in done.stdout
    assert "export DECIBILL_GATEWAY_KEY=CHANGE-ME   # a secret: choose your own, the same" in done.stdout


@contextmanager
def shell(script: str, folder: Path) -> Iterator[None]:
    """Run a script in a shell while the block lasts, then end it and all that it started."""
    path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
    process = subprocess.Popen(
        ["sh", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_a_gateway_started_by_the_script_is_judged_by_its_last_line(tmp_path: Path) -> None:
    port, upstream = free_port(), free_port()
    written = run_command(
        *("reference", "--only", FOUNDING, "--port", str(port)),
        *("--upstream-url", f"http://127.0.0.1:{upstream}"),
        folder=tmp_path,
    ).stdout
    start, _, judge = written.partition("# 2.")
    path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
    with shell(start, tmp_path):
        deadline = time.monotonic() + 20
        while not answers(f"http://127.0.0.1:{port}/health") and time.monotonic() < deadline:
            time.sleep(0.05)
        lines = judge.splitlines()[1:]
        lines[-1] = lines[-1].replace("decibill run", f"{sys.executable} -m decibill run")
        done = subprocess.run(
            ["sh", "-c", "\n".join(lines)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")
    assert "Conformant" in done.stdout


def answers(url: str) -> bool:
    """Return whether something answers at *url*."""
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
