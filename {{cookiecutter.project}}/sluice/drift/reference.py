"""Freeze what a model was trained and tested on as counts and figures, without any row of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from sluice.core.params import Data, Params
from sluice.core.tables import TEST, write_json
from sluice.data.groups import audited
from sluice.data.roles import as_number, clusters, features
from sluice.gates.names import GATES, REPORTS
from sluice.metrics.bootstrap import effective_sample_size
from sluice.metrics.performance import figures
from sluice.modeling.model import MODEL, Model, sha256

REFERENCE = "models/reference.json"
JUDGED_GATES = [
    name for names in GATES.values() for name in names if name != "test_set"
]  # that one tells of all runs so far
REFERENCE_BINS = 100
MIN_ROWS_NAMED = (
    5  # rows behind each edge or value that is named: one of fewer could tell of a person
)
MAX_LIKENESS_CUTS = (
    10  # shares of rows, at most, by which the likeness of a cluster's rows is measured
)


def freeze(
    train: pd.DataFrame,
    test: pd.DataFrame,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    model: Model,
    params: Params,
) -> dict[str, Any]:
    """Return how features, scores, decisions and errors were distributed.

    train, test: prepared rows; y_score, y_pred: of the test rows. Only what the model sees is
    frozen. Scores are those of the test rows, since on rows that it was fitted on a model is surer
    than it will be. `deff`: see `design_effect`. After a split at random training and test rows
    together are a sample of the features, and the test rows one of clusters.
    """
    data, split = params.data, params.prepare.split.by
    X_train, X_test = features(train, data), features(test, data)
    every, of_every = X_test, test
    if split == "random":
        every, of_every = pd.concat([X_train, X_test]), pd.concat([train, test])
    ids = clusters(of_every, data.cluster) if data.cluster else None
    of_test = clusters(test, data.cluster) if data.cluster or split == "random" else None
    seen = {}
    for column in model.columns:
        bins = distribution(X_test[column], X_train[column])
        seen[column] = bins | {"deff": design_effect(every[column], bins, ids)}
    scores = {label: pd.Series(y_score[:, nth]) for nth, label in enumerate(model.classes)}
    bins = {"values": list(model.classes)}
    deff = design_effect(pd.Series(y_pred, dtype="object"), bins, of_test)
    of = (audited(test, data), model.classes, of_test)
    return {
        "rows": {"train": len(train), "test": len(test)},
        "trained_until": latest(train, data),
        "split": split,
        "features": seen,
        "scores": {label: _of_score(values, of_test) for label, values in scores.items()},
        "decisions": {label: int((y_pred == label).sum()) for label in model.classes},
        "decisions_deff": deff,
        "performance": figures(test[data.target], y_score, y_pred, *of),
    }


def _of_score(values: pd.Series, ids: pd.Series | None) -> dict[str, Any]:
    """Return the distribution of a score, which training rows do not have, with its design
    effect.
    """
    bins = distribution(values, pd.Series(dtype="float64"))
    return bins | {"deff": design_effect(values, bins, ids)}


def latest(rows: pd.DataFrame, data: Data) -> float | None:
    """Return the last moment in `rows`, in days since 1970 or units of the time column; None
    without one, or where none is known.
    """
    return (
        float(as_number(rows[data.time]).max())
        if data.time and rows[data.time].notna().any()
        else None
    )


def distribution(test: pd.Series, train: pd.Series) -> dict[str, Any]:
    """Return the counts of `test` and `train` in bins of their own making, and how many are
    missing.

    Numbers: `edges`, quantiles of both together; bin n holds what is at most edge n and above the
    one before, the last what is above all. Text: `values` that MIN_ROWS_NAMED rows have, the last
    bin what has any other.
    """
    both = pd.concat([side for side in (test, train) if len(side)]).dropna()
    if is_numeric_dtype(test):
        n_bins = min(REFERENCE_BINS, len(both) // MIN_ROWS_NAMED)
        shares = np.linspace(0, 1, n_bins + 1)[1:-1]
        bins: dict[str, Any] = {
            "edges": (
                [float(edge) for edge in np.unique(np.quantile(both, shares, method="lower"))]
                if n_bins > 1
                else []
            )
        }
    else:
        counts = both.value_counts()
        bins = {"values": sorted(counts.index[counts >= MIN_ROWS_NAMED])}
    return bins | {"test": counted(test, bins), "train": counted(train, bins)}


def counted(values: pd.Series, bins: dict[str, Any]) -> list[int]:
    """Return how many of `values` lie in each of `bins` (see `distribution`); the last number
    counts the missing ones.
    """
    size = len(bins["edges"] if "edges" in bins else bins["values"]) + 2
    return [int(n) for n in np.bincount(binned(values, bins), minlength=size)]


def binned(values: pd.Series, bins: dict[str, Any]) -> np.ndarray:
    """Return (n_samples,) the number of the bin of each value (see `distribution`); the greatest
    number is that of missing ones.
    """
    is_missing = values.isna().to_numpy()
    there = values[~is_missing]
    if "edges" in bins:
        others = len(bins["edges"])
        of = np.searchsorted(bins["edges"], there.to_numpy(dtype="float64"), side="left")
    else:
        others = len(bins["values"])
        of = pd.Index(bins["values"], dtype="object").get_indexer(there.astype("object"))
    at = np.full(len(values), others + 1)
    at[~is_missing] = np.where(of < 0, others, of)
    return at


def design_effect(values: pd.Series, bins: dict[str, Any], ids: pd.Series | None) -> float:
    """Return how many times fewer rows, that know nothing of each other, tell as much of the
    distribution of `values`: 1 or more.

    ids: (n_samples,) the cluster of each row, None where no row knows of another. Of numbers the
    shares up to MAX_LIKENESS_CUTS bins are looked at, of text those of the MAX_LIKENESS_CUTS
    largest: the mean of their design effects, weighed by their variances. Source: Rao and Scott
    (1984), Annals of Statistics 12, the first-order correction of a test of shares.
    """
    if ids is None or not len(values) or ids.is_unique:
        return 1.0
    at, codes = binned(values, bins), pd.factorize(ids)[0]
    if "edges" in bins:
        cuts = np.unique(
            np.quantile(at, np.linspace(0, 1, MAX_LIKENESS_CUTS + 1)[1:], method="lower")
        )
        hits = [at <= cut for cut in cuts]
    else:
        hits = [
            at == cut for cut in np.argsort(-np.bincount(at), kind="stable")[:MAX_LIKENESS_CUTS]
        ]
    spreads = [
        float(hit.var()) + 1e-12 for hit in hits
    ]  # where all values are one, that one counts
    effects = [len(at) / effective_sample_size(hit, codes) for hit in hits]
    return float(np.average(effects, weights=spreads))


def write_reference(frozen: dict[str, Any]) -> None:
    """Write what is `frozen` (see `freeze`), with the hashes of what it belongs to: model, card,
    test rows and the reports of the gates.
    """
    hashes = {
        "model_sha256": sha256(MODEL),
        "card_sha256": sha256(Path(MODEL).with_suffix(".json")),
        "test_sha256": sha256(TEST),
    }
    reports = [REPORTS / "gates" / f"{name}.json" for name in JUDGED_GATES]
    gates = {"gates": {path.stem: sha256(path) for path in reports if path.is_file()}}
    write_json(hashes | gates | frozen, REFERENCE)
