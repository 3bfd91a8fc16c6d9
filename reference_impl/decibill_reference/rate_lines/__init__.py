"""Logs of any length: priced line by line (``decibill rate --lines``), added up (``decibill totals``).

    chunks      the input as runs of whole lines, never all of it
    rater       what one line, and one chunk of them, comes to
    processes   chunks given to several processes, results in the order of the input
    summary     exact totals by model, status and currency, which can be merged
    progress    how far it is, on a terminal
    columns     the columns of a table of usage, as a columnar engine reads them
    table       a Parquet or CSV log, added up by that engine and priced by the calculator
    command     the command line

``reference_impl/LOGS.md`` tells how to use it and why totals of parts can be added.
"""

from __future__ import annotations
