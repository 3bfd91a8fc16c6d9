"""A log of JSON Lines summed on a Spark cluster: partitions by the calculator, their totals merged exactly.

::

    spark-submit --master 'local[2]' spark_totals.py LOG BOOK > summary.json

LOG is whatever Spark reads as text: a file, a folder, a pattern, an object store. The workers need the
package `decibill`, and what Spark itself asks for `mapInArrow`: pyarrow and pandas. The totals do not depend
on how Spark divides the log: what a partition gives back is a summary, and summaries are merged exactly (see
LOGS.md).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from decibill_reference import jsonio
from decibill_reference.prices import PriceBook
from decibill_reference.rate_lines.chunks import Chunk
from decibill_reference.rate_lines.rater import Rater
from decibill_reference.rate_lines.summary import Summary
from decibill_reference.talk import json_text
from pyspark.sql import SparkSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def partial_totals(book: str) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what makes one summary, as JSON, of the lines of a partition."""

    def summed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rater = Rater(PriceBook.from_json(jsonio.loads(book)))
        summary = Summary()
        for batch in batches:
            lines = "\n".join(batch.column("value").to_pylist())
            # Its `output` holds the charges, for a job that writes them too.
            summary.merge(rater.chunk(Chunk(1, lines.encode())).summary)
        yield pa.RecordBatch.from_pydict({"summary": [json_text(summary.to_json())]})

    return summed


def main(log: str, book: str) -> None:
    """Print the summary of a log as JSON."""
    spark = SparkSession.builder.appName("decibill totals").getOrCreate()
    lines = spark.read.text(log)
    parts = lines.mapInArrow(partial_totals(Path(book).read_text("utf-8")), "summary string")
    whole = Summary()
    for part in parts.toLocalIterator():
        whole.merge(Summary.from_json(jsonio.loads(part.summary)))
    print(json_text(whole.to_json(), indent=2))  # noqa: T201 - the result
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
