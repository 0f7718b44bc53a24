"""Print how often gates stop clean data, and how small a fault they still see: `uv run python -m benchmarks.false_alarms [gate ...]`.

Each gate judges tables that the stages' own functions make of simulated rows whose truth is known. The columns are sizes of a fault;
0 or less is none, and is tried on 200 tables, a fault on 50. The suites are those that a new project is given. A share is one of
tables on which the gate stops the run. `prepared`, `sources` and what else is proposed from data have a benchmark of their own,
benchmarks.proposals.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy.stats import norm
from tqdm import tqdm

from stages.before.propose_judged import judged_suites
from stages.during.candidates import Judge, OutOfFold, compare
from stages.during.fairness import by_group
from stages.evaluate import by_class
from stages.gate import gate
from stages.params import Data
from stages.validate import class_support, leakage

SEEDS, OF_A_FAULT, FLOOR, GAP, RECALL = 200, 4, 0.5, 0.1, 0.75
NOT_JUDGED = ("recall", "precision", "average_precision", "alarms_per_1000")  # columns of by_class that no expectation bounds
NOTHING_DRAWN = pd.DataFrame(columns=["predicted", "observed", "calibration_gap", "calibration_low", "calibration_high"])
NOTHING_DRAWN = NOTHING_DRAWN.assign(average_precision_low=None, average_precision_high=None)  # nor are those bounded
DATA = Data(target="y", time=None, cluster=[], sensitive=["group"], allowed={}, cut_points={}, favourable=None, forbidden={})
CRITERIA = SimpleNamespace(recall_floor=FLOOR, recall_floors={}, largest_gap=GAP)
Simulate = Callable[[np.random.Generator, float], pd.DataFrame]


@dataclass(frozen=True)
class Case:
    """Tables for one gate: what the size of a fault means, the sizes tried, and for each setting its classes, groups and table."""

    gate: str
    fault: str
    sizes: tuple[float, ...]
    settings: dict[str, tuple[int, int, Simulate]]


def labels(n: int, word: str = "class") -> list[str]:
    """Return the names of `n` classes or groups."""
    return [f"{word} {nth}" for nth in range(n)]


def decisions(rng: np.random.Generator, y: np.ndarray, recall: np.ndarray, classes: list[str]) -> np.ndarray:
    """Return decisions that are right with the probabilities `recall`, (n_samples,), and else name another class at random."""
    true = np.searchsorted(classes, y)
    other = (true + rng.integers(1, len(classes), len(y))) % len(classes)
    return np.array(classes, dtype=object)[np.where(rng.random(len(y)) < recall, true, other)]


def recalls(n_classes: int, support: int) -> Simulate:
    """Return a maker of by_class: classes of `support` test rows; where size > 0 one recall is that far below the floor, else all are."""

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes = labels(n_classes)
        y = np.repeat(classes, support)
        recall = np.where((y == classes[0]) | (size <= 0), FLOOR - size, RECALL)
        y_pred, y_true = decisions(rng, y, recall, classes), pd.Series(y)
        metrics = {"classes": {label: dict.fromkeys(NOT_JUDGED, 0.0) for label in classes}}
        return by_class(y_true, y_pred, metrics, pd.Series(range(len(y))), NOTHING_DRAWN.reindex(pd.Index(classes, name="class")))

    return simulate


def gaps(n_classes: int, n_groups: int, support: int) -> Simulate:
    """Return a maker of by_group: `support` rows of each class in each group; the first group's recall of the first class is lower."""

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes, groups = labels(n_classes), labels(n_groups, "group")
        rows = pd.DataFrame({"y": np.repeat(classes, support * n_groups), "group": np.tile(np.repeat(groups, support), n_classes)})
        hit = (rows["y"] == classes[0]) & (rows["group"] == groups[0])
        y_pred = decisions(rng, rows["y"].to_numpy(dtype=str), np.where(hit, RECALL - size, RECALL), classes)
        y_score = (y_pred[:, None] == np.array(classes, dtype=object)).astype(float)  # sure of each decision: calibration stops nothing
        return by_group(rows, y_pred, y_score, classes, DATA, pd.Series(range(len(rows))))

    return simulate


def rivals(n_rare: int, n: int, agreement: float) -> Simulate:
    """Return a maker of candidates: a model whose balanced accuracy is `size` below its rival's; they agree on a share of the rows."""

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes = labels(2)
        y = np.repeat(classes, [n - n_rare, n_rare])
        same = rng.random(n) < agreement  # on these both decide by one and the same draw
        luck = np.where(same, rng.random((1, n)), rng.random((2, n)))
        made = []
        for name, draws, recall in (("model", luck[0], RECALL - size), ("logistic_regression", luck[1], RECALL)):
            y_pred = np.where(draws < recall, y, np.where(y == classes[0], classes[1], classes[0])).astype(object)
            made.append(OutOfFold(name, (y_pred[:, None] == classes) * 0.02 + np.array([n - n_rare, n_rare]) / n * 0.98, y_pred, {}, {}))
        shares = np.tile(np.array([n - n_rare, n_rare]) / n, (n, 1))
        guess = OutOfFold("class_shares", shares, np.repeat(np.array(classes[:1], dtype=object), n), {}, {})
        judge = Judge(pd.Series(y), pd.Series(range(n)), "balanced_accuracy", int(rng.integers(2**32)))
        simple = replace(made[1], name="three_features", kind="simple")
        return compare(made[0], [made[1], guess, simple], judge)

    return simulate


def told(n: int, n_rare: int) -> Simulate:
    """Return a maker of leakage: six features, the first of which ranks the rare class with a true ROC AUC of the size plus .95."""

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        rows = pd.DataFrame(rng.normal(size=(n, 6))).add_prefix("x")
        rows["y"] = np.repeat(labels(2), [n - n_rare, n_rare])
        rows["x0"] += (rows["y"] == "class 1") * np.sqrt(2) * norm.ppf(0.95 + size)
        rows = rows.assign(group="group 0", row_id=range(n))
        return leakage(rows, rows.head(9).assign(row_id=range(-9, 0)), DATA, int(rng.integers(2**32)))

    return simulate


def twice(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Return leakage of 300 training and 100 test rows, `size` of which are training rows, too."""
    rows = pd.DataFrame({"x": rng.normal(size=400), "y": np.resize(labels(2), 400), "group": "group 0", "row_id": range(400)})
    test = rows.tail(100).reset_index(drop=True)
    return leakage(rows.head(300), test.assign(row_id=np.where(test.index < size, test.index, test["row_id"])), DATA, 0)


def lacking(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Return classes of 1,000 rows, a fifth of them test rows at random; the second class has 60 of all less `size`."""
    y = np.repeat(labels(2), [940, 60 - int(size)])
    rows = pd.DataFrame({"y": y})
    is_test = rng.random(len(y)) < 0.2
    return class_support(rows[~is_test], rows[is_test], DATA, "balanced_accuracy")


BELOW = (-0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.3)
CASES = [
    Case(
        "classes", "rows that the second class lacks of 60 (30 training rows are asked for)", (0, 10, 20, 25, 30, 40), {"": (2, 1, lacking)}
    ),
    Case("leakage", "test rows that are training rows", (0, 1, 10), {"": (2, 1, twice)}),
    Case(
        "leakage",
        "true ROC AUC of one feature less .95",
        (-0.05, 0, 0.01, 0.02, 0.03, 0.04),
        {f"{n:,} rows, {n_rare} rare": (2, 1, told(n, n_rare)) for n, n_rare in ((2_000, 100),)},
    ),
    Case(
        "candidates",
        "balanced accuracy of the model below that of logistic regression",
        (-0.02, 0, 0.02, 0.05, 0.1),
        {
            f"{n:,} rows, {n_rare} rare, alike on {share:.0%}": (2, 1, rivals(n_rare, n, share))
            for n, n_rare, share in ((2_000, 100, 0.8), (2_000, 100, 0.5))
        },
    ),
    Case(
        "by_class",
        "recall below the floor: of one class; up to 0 of all classes",
        BELOW,
        {f"{k} classes of {n} test rows": (k, 1, recalls(k, n)) for k in (2, 10) for n in (30, 100)},
    ),
    Case(
        "by_group",
        "recall of a class in one group below that of the others",
        (0, 0.05, 0.1, 0.15, 0.2, 0.3),
        {
            f"{k} classes, {g} groups, {n} rows of each": (k, g, gaps(k, g, n))
            for k, g, n in ((2, 2, 100), (2, 2, 300), (2, 5, 100), (5, 2, 100))
        },
    ),
]


def stops(table: pd.DataFrame, suite: Path) -> bool:
    """Return whether the gate stops a run that has this table."""
    with contextlib.redirect_stdout(io.StringIO()):
        return gate(table, suite, suite.with_name("report.json")).blocks


def suite(name: str, n_classes: int, n_groups: int, folder: Path) -> Path:
    """Return the file of a suite as it is proposed for data with so many classes and groups."""
    values = [(label, group) for label in labels(n_classes) for group in labels(n_groups, "group")]
    suites = judged_suites(pd.DataFrame(values, columns=["y", "group"]), DATA, CRITERIA, 0.0)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(suites[name]), encoding="utf-8")
    return path


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="clean tables; of a fault a quarter of them")
    parser.add_argument("gates", nargs="*", help="only these; else all")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.gates) - {case.gate for case in CASES}):
        raise SystemExit(f"no gate {', '.join(unknown)}, take from {', '.join(sorted({case.gate for case in CASES}))}")
    for case in CASES:
        if asked.gates and case.gate not in asked.gates:
            continue
        print(f"\n| {case.gate}: {case.fault} | {' | '.join(f'{size:g}' for size in case.sizes)} |\n{'|---' * (len(case.sizes) + 1)}|")
        for setting, (n_classes, n_groups, simulate) in case.settings.items():
            with tempfile.TemporaryDirectory() as folder:
                path, shares = suite(case.gate, n_classes, n_groups, Path(folder)), []
                for size in tqdm(case.sizes, desc=f"{case.gate} {setting}", disable=not sys.stderr.isatty()):
                    stopped = [
                        stops(simulate(np.random.default_rng([seed, n_classes]), size), path)
                        for seed in range(asked.seeds if size <= 0 else asked.seeds // OF_A_FAULT)
                    ]
                    shares.append(f"{np.mean(stopped):.1%}")
            print(f"| {setting} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
