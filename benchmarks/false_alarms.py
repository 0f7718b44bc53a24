"""Print how often gates stop clean data, and how small a fault they still see: `uv run python -m
benchmarks.false_alarms [gate ...]`.

Each gate judges tables that the stages' own functions make of simulated rows whose truth is known.
The columns are sizes of a fault; 0 or less is none, and is tried on 200 tables, a fault on 50. The
suites are those that a new project is given, confirmed. A cell has the percentages of tables that
stop the run / that are insufficient / that are warned of, each the worst that is said. `prepared`,
`sources` and what else is proposed from data have a benchmark of their own, benchmarks.proposals,
and what monitoring says another, benchmarks.monitor.
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
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import ClassifierMixin
from tqdm import tqdm

from sluice.audits.leakage import leakage
from sluice.audits.proxies import Limits, label_bias, proxies
from sluice.audits.support import class_support
from sluice.audits.synthetic import synthetic
from sluice.core.params import Augment, Data
from sluice.data.dataset import Dataset
from sluice.data.roles import features
from sluice.fairness.gaps import by_group
from sluice.gates.gate import gate
from sluice.metrics.slices import slices
from sluice.modeling.augmenting import augment
from sluice.modeling.candidates import Judge, OutOfFold, compare
from sluice.modeling.evaluation import by_class
from sluice.modeling.importance import importances
from sluice.modeling.models import build_model
from sluice.scoping.propose_judged import Asked, judged_suites

SEEDS, OF_A_FAULT, FLOOR, GAP, RECALL = 200, 4, 0.5, 0.1, 0.75
MODEL = "logistic_regression"
NOT_JUDGED = (
    "recall",
    "precision",
    "average_precision",
    "alarms_per_1000",
)  # columns of by_class that no expectation bounds
NOTHING_DRAWN = pd.DataFrame(
    columns=["predicted", "observed", "calibration_gap", "calibration_low", "calibration_high"]
)
NOTHING_DRAWN = NOTHING_DRAWN.assign(
    average_precision_low=None, average_precision_high=None
)  # nor are those bounded
DATA = Data(
    target="y",
    time=None,
    cluster=[],
    sensitive=["group"],
    allowed={},
    cut_points={},
    favourable=None,
    forbidden={},
)
CRITERIA = SimpleNamespace(recall_floor=FLOOR, recall_floors={}, largest_gap=GAP)
SLICED = ["place", "kind", "shift"]
SAID = ["stops", "insufficient", "warn"]
Simulate = Callable[[np.random.Generator, float], pd.DataFrame]


@dataclass(frozen=True)
class Case:
    """Tables for one gate: what the size of a fault means, the sizes tried, and for each setting
    its classes, groups and table.
    """

    gate: str
    fault: str
    sizes: tuple[float, ...]
    settings: dict[str, tuple[int, int, Simulate]]


def labels(n: int, word: str = "class") -> list[str]:
    """Return the names of `n` classes or groups."""
    return [f"{word} {nth}" for nth in range(n)]


def decisions(
    rng: np.random.Generator, y: np.ndarray, recall: np.ndarray, classes: list[str]
) -> np.ndarray:
    """Return decisions that are right with the probabilities `recall`, (n_samples,), and else
    name another class at random.
    """
    true = np.searchsorted(classes, y)
    other = (true + rng.integers(1, len(classes), len(y))) % len(classes)
    return np.array(classes, dtype=object)[np.where(rng.random(len(y)) < recall, true, other)]


def recalls(n_classes: int, support: int) -> Simulate:
    """Return a maker of by_class: classes of `support` test rows; where size > 0 one recall is
    that far below the floor, else all are.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes = labels(n_classes)
        y = np.repeat(classes, support)
        recall = np.where((y == classes[0]) | (size <= 0), FLOOR - size, RECALL)
        y_pred, y_true = decisions(rng, y, recall, classes), pd.Series(y)
        metrics = {"classes": {label: dict.fromkeys(NOT_JUDGED, 0.0) for label in classes}}
        return by_class(
            y_true,
            y_pred,
            metrics,
            pd.Series(range(len(y))),
            NOTHING_DRAWN.reindex(pd.Index(classes, name="class")),
        )

    return simulate


def gaps(n_classes: int, n_groups: int, support: int) -> Simulate:
    """Return a maker of by_group: `support` rows of each class in each group; the first group's
    recall of the first class is lower.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes, groups = labels(n_classes), labels(n_groups, "group")
        rows = pd.DataFrame(
            {
                "y": np.repeat(classes, support * n_groups),
                "group": np.tile(np.repeat(groups, support), n_classes),
            }
        )
        hit = (rows["y"] == classes[0]) & (rows["group"] == groups[0])
        y_pred = decisions(
            rng, rows["y"].to_numpy(dtype=str), np.where(hit, RECALL - size, RECALL), classes
        )
        y_score = (y_pred[:, None] == np.array(classes, dtype=object)).astype(
            float
        )  # sure of each decision: calibration stops nothing
        return by_group(rows, y_pred, y_score, classes, DATA, pd.Series(range(len(rows))))

    return simulate


def rivals(n_rare: int, n: int, agreement: float) -> Simulate:
    """Return a maker of candidates: a model whose balanced accuracy is `size` below its rival's;
    they agree on a share of the rows.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes = labels(2)
        y = np.repeat(classes, [n - n_rare, n_rare])
        same = rng.random(n) < agreement  # on these both decide by one and the same draw
        luck = np.where(same, rng.random((1, n)), rng.random((2, n)))
        made = []
        for name, draws, recall in (
            ("model", luck[0], RECALL - size),
            ("logistic_regression", luck[1], RECALL),
        ):
            y_pred = np.where(
                draws < recall, y, np.where(y == classes[0], classes[1], classes[0])
            ).astype(object)
            made.append(
                OutOfFold(
                    name,
                    (y_pred[:, None] == classes) * 0.02 + np.array([n - n_rare, n_rare]) / n * 0.98,
                    y_pred,
                    {},
                    {},
                )
            )
        shares = np.tile(np.array([n - n_rare, n_rare]) / n, (n, 1))
        guess = OutOfFold(
            "class_shares", shares, np.repeat(np.array(classes[:1], dtype=object), n), {}, {}
        )
        judge = Judge(
            pd.Series(y), pd.Series(range(n)), "balanced_accuracy", int(rng.integers(2**32))
        )
        simple = replace(guess, name="three_features", kind="simple")
        return compare(made[0], [made[1], guess, simple], judge)

    return simulate


def told(n: int, n_rare: int) -> Simulate:
    """Return a maker of leakage: six features, the first of which ranks the rare class with a
    true ROC AUC of the size plus .95.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        rows = pd.DataFrame(rng.normal(size=(n, 6))).add_prefix("x")
        rows["y"] = np.repeat(labels(2), [n - n_rare, n_rare])
        rows["x0"] += (rows["y"] == "class 1") * np.sqrt(2) * norm.ppf(0.95 + size)
        rows = rows.assign(group="group 0", __stage_row_id=range(n))
        return leakage(
            rows, rows.head(9).assign(__stage_row_id=range(-9, 0)), DATA, int(rng.integers(2**32))
        )

    return simulate


def sided(n: int) -> Simulate:
    """Return a maker of leakage: four in five of `n` rows have the second class, and of the two
    in five with a value `size` more.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        has_value = rng.random(n) < 0.4
        share = np.where(has_value, 0.8 + size, 0.8 - size * 0.4 / 0.6)
        rows = (
            pd.DataFrame(rng.normal(size=(n, 6)))
            .add_prefix("x")
            .assign(field=np.where(has_value, rng.integers(1, 4, n), np.nan))
        )
        rows = rows.assign(
            y=np.where(rng.random(n) < share, "class 1", "class 0"),
            group="group 0",
            __stage_row_id=range(n),
        )
        return leakage(
            rows, rows.head(9).assign(__stage_row_id=range(-9, 0)), DATA, int(rng.integers(2**32))
        )

    return simulate


def twice(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Return leakage of 300 training and 100 test rows, `size` of which are training rows, too."""
    rows = pd.DataFrame(
        {
            "x": rng.normal(size=400),
            "y": np.resize(labels(2), 400),
            "group": "group 0",
            "__stage_row_id": range(400),
        }
    )
    test = rows.tail(100).reset_index(drop=True)
    return leakage(
        rows.head(300),
        test.assign(__stage_row_id=np.where(test.index < size, test.index, test["__stage_row_id"])),
        DATA,
        0,
    )


def lacking(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Return classes of 1,000 rows, a fifth of them test rows at random; the second class has 60
    of all less `size`.
    """
    y = np.repeat(labels(2), [940, 60 - int(size)])
    rows = pd.DataFrame({"y": y})
    is_test = rng.random(len(y)) < 0.2
    return class_support(rows[~is_test], rows[is_test], DATA, "balanced_accuracy")


def parts(n_classes: int, n_values: int, support: int) -> Simulate:
    """Return a maker of slices: `support` test rows of each class in each value of three
    columns; one recall as in `recalls`.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        classes, values = labels(n_classes), np.repeat(labels(n_values, "value"), support)
        y = np.repeat(classes, len(values))
        rows = pd.DataFrame(
            {
                column: np.concatenate([rng.permutation(values) for _ in classes])
                for column in SLICED
            }
        ).assign(y=y)
        hit = (rows["y"] == classes[0]) & (rows[SLICED[0]] == "value 0")
        y_pred = decisions(rng, y, np.where(hit | (size <= 0), FLOOR - size, RECALL), classes)
        data = Dataset(rows, rows, rows["y"], pd.Series(range(len(rows))), None)
        return slices(data, rows, y_pred, classes, SLICED, {})

    return simulate


def telling(n: int, n_rare: int, n_weak: int) -> Simulate:
    """Return a maker of features: six of them that differ between two classes by 1 standard
    deviation, `n_weak` of them by `size` less.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        rows = pd.DataFrame(rng.normal(size=(n, 6))).add_prefix("x")
        rows["y"] = np.repeat(labels(2), [n - n_rare, n_rare])
        rows.loc[rows["y"] == "class 1", rows.columns[:6]] += np.where(
            np.arange(6) < n_weak, 1 - size, 1
        )

        def fit(part: pd.DataFrame) -> ClassifierMixin:
            X = features(part, DATA)
            return build_model(MODEL, X, 0).fit(X, part["y"])

        return importances(
            rows.assign(__stage_row_id=range(n)), DATA, fit, int(rng.integers(2**32))
        )

    return simulate


def postcodes(counts: list[int]) -> Simulate:
    """Return a maker of proxies: groups of so many rows, five features of noise, and a postcode
    that is the group's in a share of rows.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        group, n = np.repeat(labels(len(counts), "group"), counts), sum(counts)
        postcode = np.where(
            rng.random(n) < size, group, rng.choice(labels(len(counts), "group"), n)
        )
        rows = (
            pd.DataFrame(rng.normal(size=(n, 5)))
            .add_prefix("x")
            .assign(postcode=postcode, group=group, y="class 0", __stage_row_id=range(n))
        )
        return proxies(rows.sample(frac=1, random_state=rng), DATA, int(rng.integers(2**32)))

    return simulate


def merits(n: int, more: float) -> Simulate:
    """Return a maker of label_bias: the second of two groups has `more` merit (in standard
    deviations), and is labelled by it, less often by `size` at equal merit.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        is_second = rng.random(n) < 0.5
        rows = pd.DataFrame(rng.normal(size=(n, 3))).add_prefix("x")
        rows["merit"] = rng.normal(size=n) + more * (is_second - 0.5)
        good = rng.random(n) < 1 / (1 + np.exp(-rows["merit"])) - size * is_second
        rows = rows.assign(
            y=np.where(good, "class 1", "class 0"),
            group=np.where(is_second, "group 1", "group 0"),
            __stage_row_id=range(n),
        )
        return label_bias(
            rows, DATA, int(rng.integers(2**32)), Limits(rows=200, auc=0.7, suspects=[], same={})
        )

    return simulate


def goods(rng: np.random.Generator, n: int, n_rare: int) -> pd.DataFrame:
    """Return rows of two classes: a count, a total that is never less, two measures that go
    together, and three codes.
    """
    count, colour, long = rng.integers(1, 9, n), rng.choice(["red", "blue"], n), rng.normal(size=n)
    rows = pd.DataFrame(
        {
            "y": np.repeat(labels(2), [n - n_rare, n_rare]),
            "count": count,
            "total": count + rng.integers(0, 5, n),
        }
    )
    rows = rows.assign(
        long=long, wide=long + rng.normal(size=n), colour=colour, __stage_row_id=range(n)
    )
    rows["shade"] = np.where(colour == "red", "rose", rng.choice(["sky", "navy"], n))
    return rows.assign(flag=np.where(colour == "red", rng.integers(0, 2, n), 0), group="group 0")


def added(strategy: Literal["oversample", "smote"], n: int, n_rare: int) -> Simulate:
    """Return a maker of synthetic: as many rows as the strategy adds; of smote a share `size` is
    as wide as all on average, of oversample so many rows stand in test, too.
    """

    def simulate(rng: np.random.Generator, size: float) -> pd.DataFrame:
        rows, seed = goods(rng, n, n_rare), int(rng.integers(2**31))
        settings = Augment(strategy=strategy, floor_share=0.2, k_neighbors=5, smote_max_rows=n)
        table = augment(rows, DATA, settings, seed)
        if strategy == "smote":
            flat = (table["__stage_origin"] == "synthetic") & (rng.random(len(table)) < size)
            return synthetic(
                table.assign(wide=table["wide"].mask(flat, rows["wide"].mean())),
                rows,
                rows.head(0),
                DATA,
                seed,
            )
        return synthetic(table, rows, rows.head(int(size)), DATA, seed)

    return simulate


BELOW = (-0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.3)
CASES = [
    Case(
        "classes",
        "rows that the second class lacks of 60 (30 training rows are asked for)",
        (0, 10, 20, 25, 30, 40),
        {"": (2, 1, lacking)},
    ),
    Case("leakage", "test rows that are training rows", (0, 1, 10), {"": (2, 1, twice)}),
    Case(
        "leakage",
        "true ROC AUC of one feature less .95",
        (-0.05, 0, 0.01, 0.02, 0.03, 0.04),
        {f"{n:,} rows, {n_rare} rare": (2, 1, told(n, n_rare)) for n, n_rare in ((2_000, 100),)},
    ),
    Case(
        "leakage",
        "share of a class among the rows with a value, in two of five rows, above the .8 in all rows",
        (0, 0.1, 0.15, 0.18, 0.19, 0.2),
        {f"{n:,} rows": (2, 1, sided(n)) for n in (500, 2_000)},
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
        {
            f"{k} classes of {n} test rows": (k, 1, recalls(k, n))
            for k in (2, 10)
            for n in (30, 100)
        },
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
    Case(
        "slices",
        "recall below the floor: of one class in one value; up to 0 of all classes in all",
        BELOW,
        {
            f"3 columns of 4 values, {n} test rows of each and of 2 classes": (2, 1, parts(2, 4, n))
            for n in (30, 100)
        },
    ),
    Case(
        "features",
        "standard deviations that all six features differ less than 1 between the classes",
        (0, 0.5, 0.8, 1),
        {"400 rows, 40 rare": (2, 1, telling(400, 40, 6))},
    ),
    Case(
        "features",
        "standard deviations that one of six features differs less than 1 between the classes",
        (0, 0.5, 1),
        {"1,000 rows, 100 rare": (2, 1, telling(1_000, 100, 1))},
    ),
    Case(
        "proxies",
        "share of rows whose postcode is that of their group (.4 of two groups: ROC AUC .7, the limit)",
        (0, 0.2, 0.4, 0.6),
        {
            f"groups of {' and '.join(map(str, counts))} rows": (1, 1, postcodes(counts))
            for counts in ([280, 20], [300, 300])
        },
    ),
    Case(
        "label_bias",
        "how much less often one group is labelled so at equal merit (.05 is allowed)",
        (0, 0.05, 0.1, 0.15),
        {
            f"{n:,} rows, {more:+g} standard deviations of merit": (2, 2, merits(n, more))
            for n, more in ((4_000, -3), (4_000, 3), (1_000, 0))
        },
    ),
    Case(
        "synthetic",
        "oversampled training rows that stand in test, too",
        (0, 1),
        {"1,000 rows, 50 rare": (2, 1, added("oversample", 1_000, 50))},
    ),
    Case(
        "synthetic",
        "share of rows made by SMOTE that hold the mean in one column",
        (0, 0.5, 1),
        {"1,000 rows, 100 rare": (2, 1, added("smote", 1_000, 100))},
    ),
]


def judge(table: pd.DataFrame, suite: Path) -> str:
    """Return whether the gate stops a run that has this table, or else its verdict."""
    with contextlib.redirect_stdout(io.StringIO()):
        verdict = gate(table, suite, suite.with_name("report.json"))
    return "stops" if verdict.blocks else verdict.verdict


def suite(name: str, n_classes: int, n_groups: int, folder: Path) -> Path:
    """Return the file of a suite as it is proposed for data with so many classes and groups, and
    confirmed.
    """
    values = [(label, group) for label in labels(n_classes) for group in labels(n_groups, "group")]
    proposed = judged_suites(
        pd.DataFrame(values, columns=["y", "group"]), DATA, CRITERIA, Asked(slices=SLICED)
    )[name]
    for one in proposed["expectations"]:
        one["meta"]["bound"] = "confirmed"
    path = folder / f"{name}.json"
    path.write_text(json.dumps(proposed), encoding="utf-8")
    return path


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="clean tables; of a fault a quarter of them"
    )
    parser.add_argument("gates", nargs="*", help="only these; else all")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.gates) - {case.gate for case in CASES}):
        raise SystemExit(
            f"no gate {', '.join(unknown)}, take from {', '.join(sorted({case.gate for case in CASES}))}"
        )
    for case in CASES:
        if asked.gates and case.gate not in asked.gates:
            continue
        print(
            f"\n| {case.gate}: {case.fault} | {' | '.join(f'{size:g}' for size in case.sizes)} |\n{'|---' * (len(case.sizes) + 1)}|"
        )
        for setting, (n_classes, n_groups, simulate) in case.settings.items():
            with tempfile.TemporaryDirectory() as folder:
                path, shares = suite(case.gate, n_classes, n_groups, Path(folder)), []
                for size in tqdm(
                    case.sizes, desc=f"{case.gate} {setting}", disable=not sys.stderr.isatty()
                ):
                    said = [
                        judge(simulate(np.random.default_rng([seed, n_classes]), size), path)
                        for seed in range(asked.seeds if size <= 0 else asked.seeds // OF_A_FAULT)
                    ]
                    shares.append(
                        " / ".join(f"{100 * said.count(verdict) / len(said):g}" for verdict in SAID)
                    )
            print(f"| {setting} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
