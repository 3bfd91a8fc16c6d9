"""A report that may be published names no folder of the machine that made it."""

from __future__ import annotations

import json

import pytest
from decibill.redact import without_folders


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'File "/home/me/venv/lib/python3.11/site-packages/litellm/main.py", line 3',
            'File "[...]/site-packages/litellm/main.py", line 3',
        ),
        ("at /srv/gateway/node_modules/hono/dist/x.js:1", "at [...]/node_modules/hono/dist/x.js:1"),
        ("File 'C:\\\\me\\\\Lib\\\\site-packages\\\\x.py'", "File '[...]/site-packages\\\\x.py'"),
        ("POST /v1/audio/transcriptions answered 500", "POST /v1/audio/transcriptions answered 500"),
        ("https://example.org/a/b", "https://example.org/a/b"),
    ],
    ids=["python", "node", "windows", "a route", "an address"],
)
def test_folders_of_packages_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert without_folders(text) == shown


def test_a_traceback_inside_json_stays_json() -> None:
    body = json.dumps({"message": 'File "/opt/x/site-packages/a.py"\n  File "/opt/x/site-packages/b.py"'})
    hidden = json.loads(without_folders(body))
    assert hidden == {"message": 'File "[...]/site-packages/a.py"\n  File "[...]/site-packages/b.py"'}
