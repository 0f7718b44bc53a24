"""Freeze what a model was trained and tested on as counts and figures, without any row of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from stages.after.performance import figures
from stages.during.model import MODEL, Model, sha256
from stages.features import as_number, features
from stages.groups import audited
from stages.params import Data
from stages.summary import GATES, REPORTS
from stages.tables import TEST, write_json

REFERENCE = "models/reference.json"
JUDGED = [name for names in GATES.values() for name in names if name != "test_set"]  # that one tells of all runs so far
BINS = 100
FEWEST = 5  # rows behind each edge or value that is named: one of fewer could tell of a person


def freeze(train: pd.DataFrame, test: pd.DataFrame, y_score: np.ndarray, y_pred: np.ndarray, model: Model, data: Data) -> dict[str, Any]:
    """Return how features, scores, decisions and errors were distributed.

    train, test: prepared rows; y_score, y_pred: probabilities and decisions of the test rows. Only what the model sees is
    frozen. Scores are those of the test rows, since on rows that it was fitted on a model is surer than it will be.
    """
    X_train, X_test, y_test = features(train, data), features(test, data), test[data.target]
    scores = {label: distribution(pd.Series(y_score[:, nth]), pd.Series(dtype="float64")) for nth, label in enumerate(model.classes)}
    return {
        "rows": {"train": len(train), "test": len(test)},
        "trained_until": latest(train, data),
        "features": {column: distribution(X_test[column], X_train[column]) for column in model.columns},
        "scores": scores,
        "decisions": {label: int((y_pred == label).sum()) for label in model.classes},
        "performance": figures(y_test, y_score, y_pred, audited(test, data), model.classes),
    }


def latest(rows: pd.DataFrame, data: Data) -> float | None:
    """Return the last moment in `rows`, in days since 1970 or units of the time column; None without one."""
    return float(as_number(rows[data.time]).max()) if data.time else None


def distribution(test: pd.Series, train: pd.Series) -> dict[str, Any]:
    """Return the counts of `test` and `train` in bins of their own making, and how many are missing.

    Numbers: `edges`, quantiles of both together; bin n holds what is at most edge n and above the one before, the last what is
    above all. Text: `values` that FEWEST rows have, the last bin what has any other.
    """
    both = pd.concat([side for side in (test, train) if len(side)]).dropna()
    if is_numeric_dtype(test):
        n_bins = min(BINS, len(both) // FEWEST)
        shares = np.linspace(0, 1, n_bins + 1)[1:-1]
        bins: dict[str, Any] = {
            "edges": [float(edge) for edge in np.unique(np.quantile(both, shares, method="lower"))] if n_bins > 1 else []
        }
    else:
        counts = both.value_counts()
        bins = {"values": sorted(counts.index[counts >= FEWEST])}
    return bins | {"test": counted(test, bins), "train": counted(train, bins)}


def counted(values: pd.Series, bins: dict[str, Any]) -> list[int]:
    """Return how many of `values` lie in each of `bins` (see `distribution`); the last number counts the missing ones."""
    there = values.dropna()
    if "edges" in bins:
        at = np.searchsorted(bins["edges"], there.to_numpy(dtype="float64"), side="left")
        size = len(bins["edges"]) + 1
    else:
        at = pd.Index(bins["values"], dtype="object").get_indexer(there.astype("object"))
        size = len(bins["values"]) + 1
        at = np.where(at < 0, size - 1, at)
    return [*(int(n) for n in np.bincount(at, minlength=size)), len(values) - len(there)]


def write_reference(frozen: dict[str, Any]) -> None:
    """Write what is `frozen` (see `freeze`), with the hashes of what it belongs to: model, card, test rows and the reports of the gates."""
    hashes = {"model_sha256": sha256(MODEL), "card_sha256": sha256(Path(MODEL).with_suffix(".json")), "test_sha256": sha256(TEST)}
    reports = [REPORTS / "gates" / f"{name}.json" for name in JUDGED]
    gates = {"gates": {path.stem: sha256(path) for path in reports if path.is_file()}}
    write_json(hashes | gates | frozen, REFERENCE)
