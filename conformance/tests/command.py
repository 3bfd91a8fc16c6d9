"""The command line in the process of a test: as a shell would start it, and without starting Python again."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from decibill import cli

__all__ = ["Done", "decibill"]

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def decibill(folder: Path, *arguments: str, **environment: str) -> Done:
    """Run ``decibill`` in a folder and return what it said; the programs that it starts are real ones.

    What needs a process of its own (a signal, a closed pipe, a terminal, standard input) starts one itself.
    """
    variables = {
        "PYTHONPATH": os.pathsep.join(str(_ROOT / each) for each in ("conformance", "reference_impl")),
        "COLUMNS": "100",
        **environment,
    }
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, variables),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        cli.main(arguments)
    assert isinstance(left.value.code, int)
    return Done(left.value.code, out.getvalue(), err.getvalue())
