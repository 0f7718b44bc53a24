"""Print what the pipeline costs beside a bare script with the same fits: `uv run python -m
benchmarks.pipeline demo 1e5 1e6`.

CPU seconds of all processes of a run, and the peak memory of the largest. `demo` is the bundled
file, a number so many rows like it (benchmarks/crashes.py); the peer is benchmarks/bare.py. Both
run in a scratch copy of what git has, with its params.yaml; --model takes another model. Last comes
a run in which nothing changed, beside `dvc status`. Figures are medians of --runs runs; for 1e6
rows with the vote take one run, which is half an hour.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from sluice.core.pipeline import copy_tracked

PEER = ["accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier"]


@dataclass(frozen=True)
class Cost:
    """What a command took, its children counted: CPU seconds, and megabytes of the largest
    process.
    """

    seconds: float
    megabytes: float
    output: str


def measure(folder: Path, *arguments: str) -> Cost:
    """Return the cost of `python arguments` in `folder`; raises SystemExit with its output if it
    fails.

    This process has to stay small: Linux counts the memory of the parent as the child's before it
    starts.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=out,
            stderr=out,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read().decode("utf-8")
    if process.returncode:
        sys.exit(f"python {' '.join(arguments)} failed:\n{output}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def often(runs: int, folder: Path, *arguments: str) -> Cost:
    """Return the median costs of `runs` runs, and the output of the last."""
    costs = [measure(folder, *arguments) for _ in range(runs)]
    return Cost(
        median(cost.seconds for cost in costs),
        median(cost.megabytes for cost in costs),
        costs[-1].output,
    )


def scratch(folder: Path, size: str, model: str | None) -> None:
    """Make `folder` a copy of the project, with the model and the raw file asked for."""
    copy_tracked(Path(), folder)
    (folder / "benchmarks").mkdir(exist_ok=True)
    for name in ("bare.py", "crashes.py"):
        (folder / "benchmarks" / name).write_bytes(Path(__file__).with_name(name).read_bytes())
    if model:
        params = (folder / "params.yaml").read_text(encoding="utf-8")
        (folder / "params.yaml").write_text(
            re.sub(r"(?m)^  model: \w+", f"  model: {model}", params), encoding="utf-8"
        )
    if size != "demo":
        [source] = yaml.safe_load((folder / "data" / "sources.yaml").read_text(encoding="utf-8"))[
            "sources"
        ].values()
        measure(folder, "-m", "benchmarks.crashes", size, source["path"])


def full_run(folder: Path, size: str, runs: int) -> str:
    """Return a row of the table: a full run, the bare script, and whether they agree on the test
    rows.
    """
    ours = often(runs, folder, "-m", "dvc", "repro", "--force")
    bare = often(runs, folder, "-m", "benchmarks.bare")
    found, peer = (
        json.loads((folder / "reports" / "metrics.json").read_text(encoding="utf-8")),
        json.loads(bare.output)["model"],
    )
    same = all(abs(found[name] - peer[name]) < 1e-6 for name in PEER)
    figures = [f"{ours.seconds:.1f}", f"{bare.seconds:.1f}", f"{ours.seconds / bare.seconds:.2f}"]
    figures += [f"{ours.megabytes:,.0f}", f"{bare.megabytes:,.0f}", "yes" if same else "NO"]
    return f"| {size} | {' | '.join(figures)} |"


def no_op(folder: Path, runs: int) -> list[str]:
    """Return the table of a run in which nothing changed."""
    ours, status = (
        often(runs, folder, "-m", "dvc", "repro"),
        often(runs, folder, "-m", "dvc", "status"),
    )
    seen = measure(folder, "-X", "importtime", "-m", "dvc", "repro").output
    imported = [
        name
        for name in ("great_expectations", "sklearn", "pandas")
        if re.search(rf"\| +{name}$", seen, re.MULTILINE)
    ]
    figures = [
        f"{ours.seconds:.2f}",
        f"{status.seconds:.2f}",
        f"{ours.seconds / status.seconds:.2f}",
        ", ".join(imported) or "none",
    ]
    header = "| `dvc repro`, nothing changed, CPU s | `dvc status`, CPU s | ratio | imports of Great Expectations, scikit-learn, pandas |"
    return ["", header, "|---|---|---|---|", f"| {' | '.join(figures)} |"]


def main() -> None:
    """Print Markdown, a row as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline")
    parser.add_argument("sizes", nargs="*", default=["demo"], help="demo, or a number of rows")
    parser.add_argument("--model", help="another model than that of params.yaml")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    print(f"Model: {asked.model or 'that of params.yaml'}; median of {asked.runs}\n")
    print(
        "| rows | pipeline, CPU s | bare script, CPU s | ratio | pipeline, peak MB | bare script, peak MB | same metrics |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            scratch(Path(folder), size, asked.model)
            print(full_run(Path(folder), size, asked.runs), flush=True)
            if size == asked.sizes[-1]:
                print("\n".join(no_op(Path(folder), asked.runs)))


if __name__ == "__main__":
    main()
