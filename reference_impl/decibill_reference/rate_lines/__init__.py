"""Logs of any length: JSON Lines in, charges out, in order and in little memory (``decibill rate --lines``).

    chunks      the input as runs of whole lines, never all of it
    rater       what one line, and one chunk of them, comes to
    processes   chunks given to several processes, results in the order of the input
    summary     exact totals by model, status and currency, which can be merged
    progress    how far it is, on a terminal
    command     the command line

``reference_impl/LOGS.md`` tells how to use it and why totals of parts can be added.
"""

from __future__ import annotations
