"""Print what scoring a file costs beside the model alone: `uv run python -m benchmarks.score 1e6
1e7`.

Rows like the bundled ones (benchmarks/crashes.py), as Parquet and as CSV. CPU seconds for each
million rows and the peak memory of the process; the floor is a loop of `predict_proba` over chunks
of a Parquet file, with imports and the loading of the model, which checks, decides and writes
nothing. Needs models/, from `dvc repro`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.crashes import crashes
from benchmarks.pipeline import measure

CHUNK = 50_000
BLOCK = 1_000_000


def make(n: int, path: Path) -> None:
    """Write `n` rows to `path`, as Parquet or CSV, all columns of the type that pandas reads, a
    million rows at a time.
    """
    bundled = pd.read_csv(
        "data/raw/crashes_1997_2001.csv.gz",
        dtype="str",
        keep_default_na=False,
        na_values=["", "NA"],
    )
    writer, written = None, 0
    while written < n:
        rows = crashes(bundled, min(BLOCK, n - written))
        numbers = {
            column: pd.to_numeric(rows[column]).astype("Int64")
            for column in ("frontal", "yearacc", "deploy", "injSeverity")
        }
        table = pa.Table.from_pandas(rows.assign(**numbers), preserve_index=False)
        if writer is None:
            kind = pq.ParquetWriter if path.suffix == ".parquet" else pyarrow.csv.CSVWriter
            writer = kind(path, table.schema)
        writer.write_table(table)
        written += len(rows)
    if writer:
        writer.close()


def floor(path: Path) -> None:
    """Give each row of a Parquet file its probabilities, and throw them away."""
    from threadpoolctl import threadpool_limits

    from sluice.core.params import load_params
    from sluice.data.roles import features
    from sluice.modeling.model import MODEL, load_model

    model, params = load_model(MODEL), load_params()
    with threadpool_limits(params.train.threads):
        for chunk in pq.ParquetFile(path).iter_batches(
            batch_size=CHUNK, columns=list(model.columns)
        ):
            model.predict_proba(features(chunk.to_pandas(), params.data))


def main() -> None:
    """Print Markdown, a row as soon as it is there; each run is a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score")
    parser.add_argument("sizes", nargs="*", default=["1e6"], help="numbers of rows")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--floor", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(int(float(asked.sizes[0])), asked.make)
    elif asked.floor:
        floor(asked.floor)
    else:
        print(
            "| rows | file | score, CPU s a million rows | floor, CPU s a million rows | ratio | score, peak MB | floor, peak MB |"
        )
        print("|---|---|---|---|---|---|---|", flush=True)
        for n in (int(float(size)) for size in asked.sizes):
            with tempfile.TemporaryDirectory() as folder:
                rows = Path(folder, "rows.parquet")
                measure(Path(), "-m", "benchmarks.score", str(n), "--make", str(rows))
                bare = measure(Path(), "-m", "benchmarks.score", "--floor", str(rows))
                for path in (rows, rows.with_suffix(".csv")):
                    if not path.is_file():
                        rows.unlink()
                        measure(Path(), "-m", "benchmarks.score", str(n), "--make", str(path))
                    ours = measure(
                        Path(),
                        "-m",
                        "sluice",
                        "score",
                        str(path),
                        "--out",
                        str(path.with_name(f"out{path.suffix}")),
                    )
                    figures = [
                        f"{ours.seconds / n * 1e6:.1f}",
                        f"{bare.seconds / n * 1e6:.1f}",
                        f"{ours.seconds / bare.seconds:.1f}",
                    ]
                    print(
                        f"| {n:,} | {path.suffix[1:]} | {' | '.join(figures)} | {ours.megabytes:,.0f} | {bare.megabytes:,.0f} |",
                        flush=True,
                    )
                    print(ours.output.strip(), file=sys.stderr)


if __name__ == "__main__":
    main()
