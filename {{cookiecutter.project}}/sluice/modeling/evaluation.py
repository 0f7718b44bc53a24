"""Score the model and three baselines on the test rows, by class and by group, and hold the
outcome against its gates.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Data
from sluice.core.tables import TEST
from sluice.metrics.bootstrap import clustered_share
from sluice.modeling.model import Model

METRIC_DIGITS = 6


def score(
    y_true: pd.Series, y_score: np.ndarray, y_pred: np.ndarray, classes: list[str]
) -> dict[str, Any]:
    """Return the metrics of one model: overall, and for each class by name.

    y_true, y_pred: (n_samples,) labels; y_score: (n_samples, n_classes) probabilities, columns as
    in `classes`. Precision is 0 where the class was never named, recall and average precision None
    where no test row has it. `alarms_per_1000` counts the rows in 1,000 that the model gives this
    label. Balanced accuracy and macro F1 leave out classes without test rows.
    """
    present = sorted(set(y_true))
    if strangers := sorted(set(present) - set(classes)):
        raise UserError(
            f"{TEST} holds the classes {', '.join(strangers)}, which no training row has; look at"
            " prepare.split in params.yaml"
        )
    by_class: dict[str, dict[str, float | None]] = {}
    for nth, label in enumerate(classes):
        is_label, named = y_true == label, y_pred == label
        by_class[label] = {
            "recall": recall_score(is_label, named) if is_label.any() else None,
            "precision": precision_score(is_label, named, zero_division=0),
            "average_precision": (
                average_precision_score(is_label, y_score[:, nth]) if is_label.any() else None
            ),
            "alarms_per_1000": 1000 * float(named.mean()),
        }
    overall = {
        "accuracy": accuracy_score(y_true, y_pred),
        "balanced_accuracy": float(np.mean([by_class[label]["recall"] for label in present])),
        "macro_f1": f1_score(y_true, y_pred, labels=present, average="macro", zero_division=0),
        "log_loss": log_loss(y_true, y_score, labels=classes),
        "brier": brier_score_loss(y_true, y_score, labels=classes),
    }
    return _rounded(overall | {"classes": by_class})


def _rounded(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return `metrics` with METRIC_DIGITS decimals, so that the last bits of another processor
    do not look like a change.
    """
    return {
        key: (
            _rounded(value)
            if isinstance(value, dict)
            else None
            if value is None
            else np.round(value, METRIC_DIGITS).tolist()
        )
        for key, value in metrics.items()
    }


def reported(metrics: dict[str, Any], scored: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what reports/metrics.json holds: recall by class first, and the baselines, `scored`,
    as a list.

    DVC compares numbers and text, not what stands in a list: `dvc exp show` has a column for each
    number of the model alone.
    """
    listed = [{"model": name} | one for name, one in scored.items()]
    return {"classes": metrics["classes"]} | metrics | {"baselines": listed}


def baselines(
    baseline: Model, X_test: pd.DataFrame, y_train: pd.Series
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return probabilities and decisions of: the majority class; logistic regression, plain, and
    with decision weights.
    """
    shares = y_train.value_counts(normalize=True).reindex(baseline.classes).to_numpy()
    y_score = baseline.predict_proba(X_test)
    classes = np.array(baseline.classes, dtype=object)
    return {
        "majority_class": (
            np.tile(shares, (len(X_test), 1)),
            np.repeat(classes[shares.argmax()], len(X_test)),
        ),
        "logistic_regression": (y_score, classes[y_score.argmax(axis=1)]),
        "logistic_regression_weighted": (y_score, baseline.decide(y_score)),
    }


def by_class(
    y_true: pd.Series,
    y_pred: np.ndarray,
    metrics: dict[str, Any],
    clusters: pd.Series,
    drawn: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row per class: support, recall, precision, average precision, alarms and
    calibration, with one-sided 95 % bounds.

    Those of recall and precision are Clopper and Pearson's, by clusters (see `clustered_share`),
    the others, `drawn`, from `class_intervals`, whose index are the classes. recall_high holds for
    all classes together (Bonferroni): else one of ten classes at their floor fails in 4 runs of 10,
    by chance.
    """
    rows = []
    for label in drawn.index:
        row = {"class": label, "support": int((y_true == label).sum())} | metrics["classes"][label]
        for share, of in (("recall", y_true == label), ("precision", y_pred == label)):
            among = np.asarray(of)
            hits = (y_true == label).to_numpy()[among] & (y_pred == label)[among]
            level = 1 - 0.05 / len(drawn) if share == "recall" else 0.95
            row[f"{share}_low"] = clustered_share(hits, clusters.to_numpy()[among])[0]
            row[f"{share}_high"] = clustered_share(hits, clusters.to_numpy()[among], level)[1]
        rows.append(row)
    columns = [
        "class",
        "support",
        "recall",
        "recall_low",
        "recall_high",
        "precision",
        "average_precision",
        "alarms_per_1000",
    ]
    columns += [
        "precision_low",
        "precision_high",
        "average_precision_low",
        "average_precision_high",
    ]
    columns += ["predicted", "observed", "calibration_gap", "calibration_low", "calibration_high"]
    return pd.DataFrame(rows).join(drawn, on="class")[columns]


def predictions(
    rows: pd.DataFrame,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    classes: list[str],
    data: Data,
    **more: np.ndarray,
) -> pd.DataFrame:
    """Return one row per test row: its row_id, the label, the decision, the probability of each
    class, and what else is given.
    """
    table = rows[[ROW_ID]].assign(y_true=rows[data.target], y_pred=y_pred)
    return table.assign(
        **{f"p_{label}": y_score[:, nth] for nth, label in enumerate(classes)}, **more
    )
