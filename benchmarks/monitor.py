"""Print how often monitoring cries wolf, and how soon it sees what moved: `uv run python -m
benchmarks.monitor`.

    uv run python -m benchmarks.monitor --cache CACHE              the share of clean sequences that ever acts, for each length of window
    uv run python -m benchmarks.monitor --cache CACHE --defects    power and delay, for each defect and length of window
    uv run --with river python -m benchmarks.monitor --data FOLDER elec2.csv:class:date email_spam.csv:spam:time --rows 500 2000

What a sequence showed is kept in --cache, one file each, so that a run goes on where it was
stopped; delete a file to measure it again. FILE:TARGET:TIME,COLUMN,... names a CSV file in FOLDER, in
order of time, and columns that are no features. The model is fitted on its first fifth and judged
by the next; the rest comes in windows of --rows rows with their labels. ADWIN, DDM and Page-Hinkley
of river, at their defaults, see the model's errors on the same rows one by one.
"""

import argparse
import json
import sys
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

from sluice.core.tables import write_json
from sluice.data.roles import features
from sluice.drift.distributions import domain, drift
from sluice.drift.reference import freeze
from sluice.metrics.intervals import clopper_pearson
from sluice.metrics.performance import figures, performance
from sluice.modeling.model import Model
from sluice.monitoring.windows import timeline

SEQUENCES, WINDOWS, TEST_ROWS, TRAIN_ROWS = 200, 12, 4000, 4000
REPEATS, DEFECT_WINDOWS = 20, 6
SIGNALS = ("drift", "performance")
LENGTHS = (500, 2000, 20_000)
DEFECTS = ("shift .1", "shift .25", "shift .5", "new category", "unit change", "flipped")
PLAIN = SimpleNamespace(
    target="label",
    time=None,
    cluster=[],
    sensitive=[],
    not_features=lambda: ["label", "__stage_row_id"],
)  # what of params.yaml's section data is read here


def bounds(suite: str) -> dict[str, float]:
    """Return the bounds on proven effects and losses in a suite, by the figure they are for, ""
    for all.
    """
    expectations = json.loads(Path(f"expectations/{suite}.json").read_text(encoding="utf-8"))[
        "expectations"
    ]
    found = [
        one["kwargs"]
        for one in expectations
        if one["kwargs"].get("column") == "proven_effect"
        or (one["kwargs"].get("column") == "proven_loss" and one["severity"] == "critical")
    ]
    return {one.get("row_condition", {}).get("parameter", ""): one["max_value"] for one in found}


def draw(rng: np.random.Generator, n: int, defect: str = "none") -> pd.DataFrame:
    """Return n rows of a world of six correlated numbers, two texts and a class that one row in
    five has, with a defect.
    """
    common = rng.normal(size=(n, 1))
    numbers = 0.6 * common + 0.8 * rng.normal(size=(n, 6))
    kind, place = (
        rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
        rng.choice([f"p{nth}" for nth in range(10)], n),
    )
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
    return table.assign(
        kind=pd.Series(kind, dtype="str"),
        place=pd.Series(place, dtype="str"),
        label=pd.Series(label, dtype="str"),
    )


def fitted(train: pd.DataFrame, data: Any) -> Model:
    """Return gradient boosting on the features of `train`, deciding by the inverse class shares."""
    X = features(train, data)
    text = [column for column in X.columns if X[column].dtype == "str"]
    encode = ColumnTransformer(
        [("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), text)],
        remainder="passthrough",
    )
    model = make_pipeline(
        encode,
        HistGradientBoostingClassifier(
            max_iter=60, max_depth=3, early_stopping=False, random_state=0
        ),
    )
    model.fit(X, train[data.target])
    classes = [str(label) for label in model.classes_]
    shares = train[data.target].value_counts(normalize=True)
    return Model(
        model,
        classes,
        dict.fromkeys(X.columns, ""),
        {},
        {label: 1 / shares[label] for label in classes},
    )


class Watch:
    """A model in service, and what its windows showed so far."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame, data: Any) -> None:
        """Fit on `train` and freeze the reference on `test`."""
        self.data, self.model, self.test = data, fitted(train, data), test
        y_score = self.model.predict_proba(features(test, data))
        params: Any = SimpleNamespace(
            data=data, prepare=SimpleNamespace(split=SimpleNamespace(by="time"))
        )
        self.reference = freeze(
            train, test, y_score, self.model.decide(y_score), self.model, params
        )
        self.records: list[dict[str, Any]] = []
        self.drift, self.loss = bounds("drift")[""], bounds("performance")

    def see(self, rows: pd.DataFrame) -> tuple[bool, bool, set[str]]:
        """Return whether drift and performance are acted upon after this window, and the names
        of what is red in it.
        """
        X = features(rows, self.data)
        y_score = self.model.predict_proba(X)
        y_pred = self.model.decide(y_score)
        moved = drift(
            self.reference,
            X,
            (y_score, y_pred),
            None,
            domain(features(self.test, self.data), X, None, 0),
            {},
        )
        live = figures(rows[self.data.target], y_score, y_pred, rows[[]], self.model.classes)
        lost = performance(self.reference["performance"], live, 1.0)
        red = {f"drift {name}" for name in moved.loc[moved["proven_effect"] > self.drift, "name"]}
        worse = lost[lost["proven_loss"] > lost["metric"].map(self.loss)]
        failed = (
            "fail" if len(worse) else "insufficient" if (lost["support"] < 100).any() else "pass"
        )
        record = {
            "window": str(len(self.records)),
            "nth": len(self.records),
            "rows": len(rows),
            "until": None,
            "rejected_share": 0.0,
        }
        record |= {"model": "", "model_sha256": ""}
        record |= {
            "coverage": 1.0,
            "batch": "pass",
            "drift": "warn" if red else "pass",
            "performance": failed,
            "age": None,
        }
        self.records.append(record)
        last = timeline(self.records[-6:], None, None).iloc[-1]
        return (
            last["drift_hits"] > 1,
            last["performance_hits"] > 1,
            red | {f"{f} {c}" for f, c in zip(worse["metric"], worse["class"], strict=True)},
        )


def sequence(defect: str, n: int, seed: int, cache: Path) -> dict[str, list[Any]]:
    """Return for each window of a sequence whether drift and performance act after it, and the
    names of what is red in it.

    A clean one (`none`) has WINDOWS windows of n rows, one with a defect DEFECT_WINDOWS. What the
    cache holds is not drawn again.
    """
    path = cache / f"{defect.replace(' ', '_')}.{n}.{seed}.json"
    if not path.exists():
        rng = np.random.default_rng([seed, n])
        watch = Watch(draw(rng, TRAIN_ROWS), draw(rng, TEST_ROWS), PLAIN)
        seen = [
            watch.see(draw(rng, n, defect))
            for _ in range(WINDOWS if defect == "none" else DEFECT_WINDOWS)
        ]
        shown = {name: [bool(one[nth]) for one in seen] for nth, name in enumerate(SIGNALS)} | {
            "red": [sorted(one[2]) for one in seen]
        }
        write_json(shown, path)
    found: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def sequences(defect: str, n: int, repeats: int, cache: Path) -> list[dict[str, list[Any]]]:
    """Return what `sequence` does for so many seeds."""
    shown = tqdm(range(repeats), desc=f"{defect}, {n:,} rows", disable=not sys.stderr.isatty())
    return [sequence(defect, n, seed, cache) for seed in shown]


def clean(repeats: int, lengths: tuple[int, ...], cache: Path) -> None:
    """Print for each length of window the share of clean sequences that ever act, and of windows
    that are red.
    """
    print(
        f"| rows a window | clean sequences | ever act | at most (95 %) | by drift | by performance | red windows |\n|{' --- |' * 7}"
    )
    for n in lengths:
        found = sequences("none", n, repeats, cache)
        acts = {name: np.array([any(one[name]) for one in found]) for name in SIGNALS}
        hits = int((acts["drift"] | acts["performance"]).sum())
        red = np.mean([bool(window) for one in found for window in one["red"]])
        bound = clopper_pearson(hits, repeats)[1]
        cells = [
            f"{hits / repeats:.1%}",
            f"{bound:.1%}",
            *(str(int(mine.sum())) for mine in acts.values()),
            f"{red:.1%}",
        ]
        print(f"| {n:,} | {repeats} | " + " | ".join(cells) + " |", flush=True)


def defects(repeats: int, lengths: tuple[int, ...], cache: Path) -> None:
    """Print for each defect and length of window how often drift and performance ever act, and
    after how many windows on average.
    """
    print(
        f"| defect | rows a window | drift acts | after windows | performance acts | after windows |\n|{' --- |' * 6}"
    )
    for defect in DEFECTS:
        for n in lengths:
            found = sequences(defect, n, repeats, cache)
            cells = []
            for name in SIGNALS:
                delays = [one[name].index(True) + 1 for one in found if any(one[name])]
                cells.append(
                    f"{len(delays) / repeats:.0%} | {np.mean(delays):.1f}" if delays else "0% | -"
                )
            print(f"| {defect} | {n:,} | " + " | ".join(cells) + " |", flush=True)


def errors_seen(errors: np.ndarray) -> Iterator[tuple[str, list[int]]]:
    """Yield the name of each of river's detectors and the rows at which it cries; nothing where
    river is not installed.
    """
    try:
        from river import drift as river
    except ImportError:
        print("river is not installed: uv run --with river python -m benchmarks.monitor ...")
        return
    for name, detector in (
        ("ADWIN", river.ADWIN()),
        ("DDM", river.binary.DDM()),
        ("Page-Hinkley", river.PageHinkley()),
    ):
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
    data = SimpleNamespace(
        target=target, time=None, cluster=[], sensitive=[], not_features=lambda: hidden
    )
    usual = rows[target].value_counts()
    rows = rows[rows[target].isin(usual.index[usual >= len(rows) / 50])].reset_index(drop=True)
    fifth = len(rows) // 5
    train, test, rest = (
        rows[:fifth],
        rows[fifth : 2 * fifth].reset_index(drop=True),
        rows[2 * fifth :].reset_index(drop=True),
    )
    watch = Watch(train, test[test[target].isin(train[target])].reset_index(drop=True), data)
    rest = rest[rest[target].isin(watch.model.classes)].reset_index(drop=True)
    print(
        f"\n{file}: {len(train):,} rows to fit, {len(test):,} to judge, windows of {n:,} of {len(rest):,}"
    )
    for nth in range(len(rest) // n):
        drifts, worse, red = watch.see(rest[nth * n : (nth + 1) * n].reset_index(drop=True))
        said = [
            name for name, acts in (("drift acts", drifts), ("performance acts", worse)) if acts
        ]
        state = watch.records[-1]["performance"]
        print(
            f"  window {nth + 1}: {', '.join(said) or 'no act'}; performance {state}; red: {', '.join(sorted(red)) or 'nothing'}"
        )
    y_pred = watch.model.decide(watch.model.predict_proba(features(rest, data)))
    for name, cries in errors_seen((y_pred != rest[target]).to_numpy().astype(int)):
        windows = sorted({nth // n + 1 for nth in cries})
        print(f"  {name}: {len(cries)} cries, in windows {', '.join(map(str, windows)) or 'none'}")


def main() -> None:
    """Print what the arguments ask for; without any, clean sequences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, help="a folder for results")
    parser.add_argument("--rows", type=int, nargs="+", default=LENGTHS, help="in a window")
    parser.add_argument("--defects", action="store_true")
    parser.add_argument(
        "--repeats", type=int, help=f"sequences; {SEQUENCES} clean ones, {REPEATS} of each defect"
    )
    parser.add_argument("--data", type=Path, help="a folder with CSV files")
    parser.add_argument("streams", nargs="*", metavar="FILE:TARGET:COLUMN,...")
    given = parser.parse_args()
    with threadpool_limits(1):
        if given.data:
            for named in given.streams:
                for n in given.rows:
                    stream(given.data, named, n)
            return
        if given.cache is None:
            parser.error("--cache FOLDER says where results are kept")
        if given.defects:
            defects(given.repeats or REPEATS, tuple(given.rows), given.cache)
        else:
            clean(given.repeats or SEQUENCES, tuple(given.rows), given.cache)


if __name__ == "__main__":
    main()
