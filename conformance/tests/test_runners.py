"""The runners in other languages agree with every case of the corpus.

They hold calculators that were written from the specification and `fixtures/README.md` alone, so a case that
only the reference implementation can pass, or a sentence that it alone obeys, shows here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JAVASCRIPT = ROOT / "conformance" / "runners" / "javascript"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed; the JavaScript runners need version 20")
@pytest.mark.parametrize("runner", ["extract", "price", "refund"])
def test_the_javascript_runner_passes_every_case(runner: str) -> None:
    assert NODE is not None
    run = subprocess.run(
        [NODE, str(JAVASCRIPT / f"{runner}.mjs")], capture_output=True, text=True, timeout=120, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert re.fullmatch(r"[1-9][0-9]* passed, 0 failed", run.stdout.strip())
