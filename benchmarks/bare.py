"""Do the work of the pipeline as one script of pandas and scikit-learn would: no DVC, no gates, no
reports, no plots.

The peer of benchmarks/pipeline.py. It fits what the pipeline fits, model and rival on each fold and
both on all rows, and prints the test rows' metrics, which have to be the pipeline's. For a split by
time, and nothing added to the training rows.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)
from threadpoolctl import threadpool_limits

from sluice.core.params import Params, load_params
from sluice.data.roles import clusters, features
from sluice.data.split import folds
from sluice.metrics.decision import choose_weights, decide
from sluice.modeling.models import build_model


def split(params: Params, source: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test rows of the raw file, cleaned and in the order of the pipeline."""
    data = params.data
    raw = pd.read_csv(source["path"], na_values=source["missing"], keep_default_na=False)
    apart = [data.time, *(column for column in data.cluster if column != data.time)]
    rows = raw.dropna(subset=[data.target, *apart]).sort_values(apart, kind="stable")
    latest = rows.groupby(data.cluster)[data.time].transform("max")
    cutoff = params.prepare.split.cutoff
    rows = rows[(latest < cutoff) | (rows[data.time] >= cutoff)].sort_values(
        list(source["columns"])
    )
    is_test = rows[data.time] >= cutoff
    rows = rows.drop(columns=list(data.forbidden))
    return rows[~is_test].reset_index(drop=True), rows[is_test].reset_index(drop=True)


def score(
    y: pd.Series, y_score: np.ndarray, y_pred: np.ndarray, classes: list[str]
) -> dict[str, float]:
    """Return the overall metrics and, to the same cost as the pipeline, those of each class."""
    metrics = {
        "accuracy": accuracy_score(y, y_pred),
        "balanced_accuracy": balanced_accuracy_score(y, y_pred),
        "macro_f1": f1_score(y, y_pred, average="macro"),
        "log_loss": log_loss(y, y_score, labels=classes),
        "brier": brier_score_loss(y, y_score, labels=classes),
    }
    for nth, label in enumerate(classes):
        metrics[f"recall {label}"] = recall_score(y == label, y_pred == label)
        metrics[f"precision {label}"] = precision_score(y == label, y_pred == label)
        metrics[f"average precision {label}"] = average_precision_score(y == label, y_score[:, nth])
    return metrics


def main() -> None:
    """Print the metrics of model and rival as JSON."""
    params = load_params()
    [source] = yaml.safe_load(Path("data/sources.yaml").read_text(encoding="utf-8"))[
        "sources"
    ].values()
    train, test = split(params, source)
    X, y = features(train, params.data), train[params.data.target]
    X_test, y_test = features(test, params.data), test[params.data.target]
    classes, settings = sorted(y.unique()), params.train
    parts = folds(
        y,
        clusters(train, params.data.cluster),
        train[params.data.time],
        settings.folds,
        params.random_state,
    )
    scored = sum(is_scored for _, is_scored in parts).astype(bool)
    found = {}
    with threadpool_limits(settings.threads):
        for role, name in (("model", settings.model), ("rival", "logistic_regression")):
            y_score = np.zeros((len(y), len(classes)))
            for is_training, is_scored in parts:
                fitted = build_model(name, X[is_training], params.random_state).fit(
                    X[is_training], y[is_training]
                )
                y_score[is_scored.to_numpy()] = fitted.predict_proba(X[is_scored])
            weights = choose_weights(y[scored], y_score[scored], classes, settings.decision_weights)
            y_test_score = build_model(name, X, params.random_state).fit(X, y).predict_proba(X_test)
            found[role] = score(
                y_test, y_test_score, decide(y_test_score, classes, weights), classes
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
