"""Print how often monitoring cries wolf, and how soon it sees what moved: `uv run python -m benchmarks.monitor`.

    uv run python -m benchmarks.monitor --sequences 200 --rows 2000     clean sequences of 12 windows: the share that ever acts
    uv run python -m benchmarks.monitor --defects --repeats 20          power and delay, for each defect and length of window
    uv run --with river python -m benchmarks.monitor --data FOLDER elec2.csv:class:date email_spam.csv:spam:time

FILE:TARGET:TIME,COLUMN,... names a CSV file in FOLDER, in order of time, and columns that are no features. The model is fitted on its
first fifth and judged by the next; the rest comes in windows of --rows rows with their labels. ADWIN, DDM and Page-Hinkley of river, at
their defaults, see the model's errors on the same rows one by one.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.after.drift import domain, drift
from stages.after.performance import figures, performance
from stages.after.reference import freeze
from stages.after.windows import timeline
from stages.during.model import Model
from stages.features import features

SEQUENCES, WINDOWS, TEST_ROWS, TRAIN_ROWS = 200, 12, 4000, 4000
LENGTHS = (500, 2000, 20_000)
DEFECTS = ("none", "shift .1", "shift .25", "shift .5", "new category", "unit change", "flipped")
PLAIN = SimpleNamespace(
    target="label", time=None, sensitive=[], not_features=lambda: ["label", "row_id"]
)  # what of params.yaml's section data is read here


def bounds(suite: str) -> dict[str, float]:
    """Return the bounds on proven effects and losses in a suite, by the figure they are for, "" for all."""
    expectations = json.loads(Path(f"expectations/{suite}.json").read_text(encoding="utf-8"))["expectations"]
    found = [one["kwargs"] for one in expectations if one["kwargs"].get("column") in ("proven_effect", "proven_loss")]
    return {one.get("row_condition", {}).get("parameter", ""): one["max_value"] for one in found}


def draw(rng: np.random.Generator, n: int, defect: str = "none") -> pd.DataFrame:
    """Return n rows of a world of six correlated numbers, two texts and a class that one row in five has, with a defect."""
    common = rng.normal(size=(n, 1))
    numbers = 0.6 * common + 0.8 * rng.normal(size=(n, 6))
    kind, place = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]), rng.choice([f"p{nth}" for nth in range(10)], n)
    if defect.startswith("shift"):
        numbers[:, 0] += float(defect.split()[1])
    odds = 1.2 * numbers[:, 0] - 0.8 * numbers[:, 1] + 0.6 * (kind == "c")
    odds = -odds if defect == "flipped" else odds
    label = np.where(rng.random(n) < 1 / (1 + np.exp(2 - odds)), "rare", "usual")
    if defect == "unit change":
        numbers[:, 2] *= 1000
    if defect == "new category":
        kind = np.where(rng.random(n) < 0.1, "new", kind)
    table = pd.DataFrame(numbers, columns=[f"x{nth}" for nth in range(6)])
    return table.assign(kind=pd.Series(kind, dtype="str"), place=pd.Series(place, dtype="str"), label=pd.Series(label, dtype="str"))


def fitted(train: pd.DataFrame, data: Any) -> Model:
    """Return gradient boosting on the features of `train`, deciding by the inverse class shares."""
    X = features(train, data)
    text = [column for column in X.columns if X[column].dtype == "str"]
    encode = ColumnTransformer([("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), text)], remainder="passthrough")
    model = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=60, max_depth=3, early_stopping=False, random_state=0))
    model.fit(X, train[data.target])
    classes = [str(label) for label in model.classes_]
    shares = train[data.target].value_counts(normalize=True)
    return Model(model, classes, dict.fromkeys(X.columns, ""), {}, {label: 1 / shares[label] for label in classes})


class Watch:
    """A model in service, and what its windows showed so far."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame, data: Any) -> None:
        """Fit on `train` and freeze the reference on `test`."""
        self.data, self.model, self.test = data, fitted(train, data), test
        y_score = self.model.predict_proba(features(test, data))
        self.reference = freeze(train, test, y_score, self.model.decide(y_score), self.model, data)
        self.records: list[dict[str, Any]] = []
        self.drift, self.loss = bounds("drift")[""], bounds("performance")

    def see(self, rows: pd.DataFrame) -> tuple[bool, bool, set[str]]:
        """Return whether drift and performance are acted upon after this window, and the names of what is red in it."""
        X = features(rows, self.data)
        y_score = self.model.predict_proba(X)
        y_pred = self.model.decide(y_score)
        moved = drift(self.reference, X, y_score, y_pred, domain(features(self.test, self.data), X, 0), {})
        live = figures(rows[self.data.target], y_score, y_pred, rows[[]], self.model.classes)
        lost = performance(self.reference["performance"], live, 1.0)
        red = {f"drift {name}" for name in moved.loc[moved["proven_effect"] > self.drift, "name"]}
        worse = lost[lost["proven_loss"] > lost["figure"].map(self.loss)]
        failed = "fail" if len(worse) else "insufficient" if (lost["support"] < 100).any() else "pass"
        record = {"window": str(len(self.records)), "nth": len(self.records), "rows": len(rows), "until": None, "rejected_share": 0.0}
        record |= {"coverage": 1.0, "batch": "pass", "drift": "warn" if red else "pass", "performance": failed, "age": None}
        self.records.append(record)
        last = timeline(self.records[-6:], None, None).iloc[-1]
        return (
            last["drift_hits"] > 1,
            last["performance_hits"] > 1,
            red | {f"{f} {c}" for f, c in zip(worse["figure"], worse["class"], strict=True)},
        )


def clean(sequences: int, n: int) -> None:
    """Print the share of clean sequences that ever act, and of windows that are red."""
    counts: Counter[str] = Counter()
    for seed in tqdm(range(sequences), desc=f"clean, {n} rows", disable=not sys.stderr.isatty()):
        rng = np.random.default_rng(seed)
        watch = Watch(draw(rng, TRAIN_ROWS), draw(rng, TEST_ROWS), PLAIN)
        acted = np.array([watch.see(draw(rng, n))[:2] for _ in range(WINDOWS)])
        counts["drift"] += int(acted[:, 0].any())
        counts["performance"] += int(acted[:, 1].any())
        counts["any"] += int(acted.any())
        counts["red windows"] += sum(one["drift"] == "warn" or one["performance"] == "fail" for one in watch.records)
    print(f"{sequences} clean sequences of {WINDOWS} windows of {n} rows: {counts['any'] / sequences:.1%} ever act ", end="")
    print(
        f"(drift {counts['drift']}, performance {counts['performance']}); {counts['red windows']} of {sequences * WINDOWS} windows red",
        flush=True,
    )


def defects(repeats: int, lengths: tuple[int, ...]) -> None:
    """Print for each defect and length of window: how often drift and performance act within 6 windows, and after how many."""
    print(f"| defect | rows a window | drift acts | after windows | performance acts | after windows |\n|{' --- |' * 6}")
    for defect in DEFECTS[1:]:
        for n in lengths:
            delays: dict[str, list[int]] = {"drift": [], "performance": []}
            for seed in range(repeats):
                rng = np.random.default_rng([seed, n])
                watch, seen = Watch(draw(rng, TRAIN_ROWS), draw(rng, TEST_ROWS), PLAIN), {}
                for nth in range(1, 7):
                    for name, acts in zip(delays, watch.see(draw(rng, n, defect))[:2], strict=True):
                        if acts:
                            seen.setdefault(name, nth)
                for name, nth in seen.items():
                    delays[name].append(nth)
            cells = [f"{len(found) / repeats:.0%} | {np.mean(found) if found else float('nan'):.1f}" for found in delays.values()]
            print(f"| {defect} | {n:,} | " + " | ".join(cells).replace("nan", "-") + " |", flush=True)


def errors_seen(errors: np.ndarray) -> Iterator[tuple[str, list[int]]]:
    """Yield the name of each of river's detectors and the rows at which it cries; nothing where river is not installed."""
    try:
        from river import drift as river
    except ImportError:
        print("river is not installed: uv run --with river python -m benchmarks.monitor ...")
        return
    for name, detector in (("ADWIN", river.ADWIN()), ("DDM", river.binary.DDM()), ("Page-Hinkley", river.PageHinkley())):
        cries = []
        for nth, error in enumerate(errors):
            detector.update(error)
            if detector.drift_detected:
                cries.append(nth)
        yield name, cries


def stream(folder: Path, named: str, n: int) -> None:
    """Print what monitoring says of the windows of a stream, and where river's detectors cry."""
    file, target, apart = named.split(":")
    rows = pd.read_csv(folder / file).dropna(axis=1, how="all")
    rows[target] = rows[target].astype("str")
    hidden = [target, *apart.split(",")]
    data = SimpleNamespace(target=target, time=None, sensitive=[], not_features=lambda: hidden)
    usual = rows[target].value_counts()
    rows = rows[rows[target].isin(usual.index[usual >= len(rows) / 50])].reset_index(drop=True)
    fifth = len(rows) // 5
    train, test, rest = rows[:fifth], rows[fifth : 2 * fifth].reset_index(drop=True), rows[2 * fifth :].reset_index(drop=True)
    watch = Watch(train, test[test[target].isin(train[target])].reset_index(drop=True), data)
    rest = rest[rest[target].isin(watch.model.classes)].reset_index(drop=True)
    print(f"\n{file}: {len(train):,} rows to fit, {len(test):,} to judge, windows of {n:,} of {len(rest):,}")
    for nth in range(len(rest) // n):
        drifts, worse, red = watch.see(rest[nth * n : (nth + 1) * n].reset_index(drop=True))
        said = [name for name, acts in (("drift acts", drifts), ("performance acts", worse)) if acts]
        state = watch.records[-1]["performance"]
        print(f"  window {nth + 1}: {', '.join(said) or 'no act'}; performance {state}; red: {', '.join(sorted(red)) or 'nothing'}")
    y_pred = watch.model.decide(watch.model.predict_proba(features(rest, data)))
    for name, cries in errors_seen((y_pred != rest[target]).to_numpy().astype(int)):
        windows = sorted({nth // n + 1 for nth in cries})
        print(f"  {name}: {len(cries)} cries, in windows {', '.join(map(str, windows)) or 'none'}")


def main() -> None:
    """Print what the arguments ask for; without any, clean sequences, then defects."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--defects", action="store_true")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--data", type=Path)
    parser.add_argument("streams", nargs="*", metavar="FILE:TARGET:COLUMN,...")
    given = parser.parse_args()
    with threadpool_limits(1):
        if given.data:
            for named in given.streams:
                stream(given.data, named, given.rows)
        elif given.defects:
            defects(given.repeats, tuple(given.lengths))
        else:
            clean(given.sequences, given.rows)


if __name__ == "__main__":
    main()
