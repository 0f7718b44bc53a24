"""Print what a gate costs beside the same checks by hand in pandas: `uv run python -m
benchmarks.gates 1e5 1e6 1e7`.

A generated table of 30 columns in a Parquet file, and 15 expectations of three kinds on 12 of them.
CPU seconds with reading, peak memory of the process less what it has after its imports; each gate
and its peer in a new process. The peer reads the same 12 columns, checks the same, and says
nothing. `--in-memory`: both are given the table, and only the checks are timed.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from sluice.core.tables import LazyParquet
from sluice.gates.gate import gate

NUMBERS = [f"number_{nth}" for nth in range(18)]
COUNTS = [f"count_{nth}" for nth in range(6)]
WORDS = [f"word_{nth}" for nth in range(6)]
PRESENT = [*NUMBERS[:2], *COUNTS[:1], *WORDS[:2]]


def table(n: int) -> pd.DataFrame:
    """Return `n` clean rows."""
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=n) for name in NUMBERS}
    columns |= {name: rng.integers(0, 100, n) for name in COUNTS}
    return pd.DataFrame(columns | {name: rng.choice(["red", "blue", "green"], n) for name in WORDS})


def suite() -> dict[str, object]:
    """Return 15 expectations that `table` meets."""

    def expect(kind: str, **kwargs: object) -> dict[str, object]:
        return {
            "type": kind,
            "kwargs": kwargs,
            "severity": "critical",
            "meta": {"notes": "A benchmark.", "bound": "confirmed"},
        }

    between, words = "expect_column_values_to_be_between", ["red", "blue", "green"]
    expectations = [
        expect(between, column=column, min_value=-9, max_value=9) for column in NUMBERS[:4]
    ]
    expectations += [
        expect(between, column=column, min_value=0, max_value=99) for column in COUNTS[:3]
    ]
    expectations += [
        expect("expect_column_values_to_be_in_set", column=column, value_set=words)
        for column in WORDS[:3]
    ]
    expectations += [
        expect("expect_column_values_to_not_be_null", column=column) for column in PRESENT
    ]
    return {"name": "benchmark", "expectations": expectations}


def by_hand(rows: pd.DataFrame) -> bool:
    """Return whether `rows` meets what `suite` expects."""
    return bool(
        all(rows[column].between(-9, 9).all() for column in NUMBERS[:4])
        and all(rows[column].between(0, 99).all() for column in COUNTS[:3])
        and all(rows[column].isin(["red", "blue", "green"]).all() for column in WORDS[:3])
        and all(rows[column].notna().all() for column in PRESENT)
    )


def measure(peer: str, path: Path, in_memory: bool) -> tuple[float, float]:
    """Return CPU seconds, and peak memory in MB beyond what the process had before, of "gate" or
    "hand" on the file `path`.
    """
    rows = pd.read_parquet(path) if in_memory else None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    if peer == "hand":
        passed = by_hand(
            pd.read_parquet(path, columns=[*NUMBERS[:4], *COUNTS[:3], *WORDS[:5]])
            if rows is None
            else rows
        )
    else:
        suite_path = path.with_name("benchmark.json")
        suite_path.write_text(json.dumps(suite()), encoding="utf-8")
        passed = (
            gate(
                LazyParquet(path) if rows is None else rows,
                suite_path,
                path.with_name("report.json"),
            ).verdict
            == "pass"
        )
    seconds = time.process_time() - start
    if not passed:
        sys.exit("the clean table did not pass")
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Measure each size three times, each in a process of its own, and print the medians as
    Markdown.
    """
    if "--make" in sys.argv:
        table(int(sys.argv[2])).to_parquet(sys.argv[3])
        return
    if "--one" in sys.argv:
        print(*measure(sys.argv[2], Path(sys.argv[3]), "--in-memory" in sys.argv))
        return
    sizes = [argument for argument in sys.argv[1:] if argument != "--in-memory"] or ["1e5", "1e6"]
    print(
        "| rows | gate, CPU s | pandas by hand, CPU s | ratio | gate, MB | by hand, MB |\n|---|---|---|---|---|---|"
    )
    for n in (int(float(size)) for size in sizes):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "table.parquet")
            subprocess.run(
                [sys.executable, "-m", "benchmarks.gates", "--make", str(n), str(path)], check=True
            )
            found = {}
            for peer in ("gate", "hand"):
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.gates",
                    "--one",
                    peer,
                    str(path),
                    *sys.argv[1:],
                ]
                runs = [
                    subprocess.run(
                        command, capture_output=True, check=True, encoding="utf-8"
                    ).stdout.split()[-2:]
                    for _ in range(3)
                ]
                found[peer] = np.median(np.array(runs, dtype=float), axis=0)
        (ours, ours_mb), (hand, hand_mb) = found["gate"], found["hand"]
        print(
            f"| {n:,} | {ours:.2f} | {hand:.2f} | {ours / hand:.1f} | {ours_mb:,.0f} | {hand_mb:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
