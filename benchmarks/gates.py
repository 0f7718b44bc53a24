"""Print what a gate costs beside the same checks by hand in pandas: `uv run python -m benchmarks.gates 1e5 1e6 1e7`.

A generated table of 30 columns and 15 expectations of three kinds; CPU seconds without loading, and peak memory of the
process, which is a new one for each size. The peer checks the same and says nothing.
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

from stages.gate import gate

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
        return {"type": kind, "kwargs": kwargs, "severity": "critical", "meta": {"notes": "A benchmark.", "bound": "confirmed"}}

    between, words = "expect_column_values_to_be_between", ["red", "blue", "green"]
    expectations = [expect(between, column=column, min_value=-9, max_value=9) for column in NUMBERS[:4]]
    expectations += [expect(between, column=column, min_value=0, max_value=99) for column in COUNTS[:3]]
    expectations += [expect("expect_column_values_to_be_in_set", column=column, value_set=words) for column in WORDS[:3]]
    expectations += [expect("expect_column_values_to_not_be_null", column=column) for column in PRESENT]
    return {"name": "benchmark", "expectations": expectations}


def by_hand(rows: pd.DataFrame) -> bool:
    """Return whether `rows` meets what `suite` expects."""
    return bool(
        all(rows[column].between(-9, 9).all() for column in NUMBERS[:4])
        and all(rows[column].between(0, 99).all() for column in COUNTS[:3])
        and all(rows[column].isin(["red", "blue", "green"]).all() for column in WORDS[:3])
        and all(rows[column].notna().all() for column in PRESENT)
    )


def measure(n: int) -> str:
    """Return a row of the table for `n` rows."""
    rows = table(n)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "benchmark.json")
        path.write_text(json.dumps(suite()), encoding="utf-8")
        start = time.process_time()
        verdict = gate(rows, path, Path(folder, "report.json"))
        ours = time.process_time() - start
    start = time.process_time()
    agreed = by_hand(rows) == (verdict.verdict == "pass")
    hand = time.process_time() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"| {n:,} | {ours:.2f} | {hand:.2f} | {ours / hand:.1f} | {megabytes:,.0f} | {'yes' if agreed else 'NO'} |"


def main() -> None:
    """Measure each size in a process of its own, and print Markdown."""
    if "--one" in sys.argv:
        print(measure(int(float(sys.argv[-1]))))
        return
    print("| rows | gate, CPU s | pandas by hand, CPU s | ratio | peak MB | same verdict |\n|---|---|---|---|---|---|")
    for size in sys.argv[1:] or ["1e5", "1e6"]:
        command = [sys.executable, "-m", "benchmarks.gates", "--one", size]
        print(subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
