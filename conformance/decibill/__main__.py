"""Run the command line with ``python -m decibill``."""

from __future__ import annotations

from decibill.cli import main

if __name__ == "__main__":
    main()
