"""Write the points of the evaluation's curves as CSV, for the page and for `dvc plots`."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from sluice.core.tables import write_table
from sluice.metrics.intervals import wilson
from sluice.metrics.referral import coverage_curve
from sluice.modeling.evaluation import Evaluation

PLOTS = Path("reports/plots")
POINTS = 100  # of a precision-recall curve in its file
CALIBRATION_BINS = 10  # of the calibration, each with the same number of rows


def write_points(of: Evaluation) -> None:
    """Write the labels of each row, precision and recall, calibration, and recall by coverage."""
    y_true, classes = of.test.y, of.model.classes
    tables = {
        "confusion": pd.DataFrame({"actual": y_true.to_numpy(), "predicted": of.y_pred}),
        "precision_recall": precision_recall(y_true, of.y_score, classes),
        "calibration": calibration(y_true, of.y_score, classes),
        "referral": coverage_curve(y_true, of.y_pred, of.confidence, classes),
    }
    for name, table in tables.items():
        write_table(table, PLOTS / f"{name}.csv")


def precision_recall(y_true: pd.Series, y_score: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return up to POINTS points, spread over the recall, of the curve of each class that has
    test rows.
    """
    tables = []
    for nth, label in enumerate(classes):
        if (y_true == label).any():
            precision, recall, thresholds = precision_recall_curve(y_true == label, y_score[:, nth])
            at = np.unique(
                np.searchsorted(-recall[:-1], np.linspace(-1, -recall[-2], POINTS), side="right")
                - 1
            )  # the best precision of each
            tables.append(
                pd.DataFrame(
                    {
                        "class": label,
                        "threshold": thresholds[at],
                        "recall": recall[at],
                        "precision": precision[at],
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def calibration(y_true: pd.Series, y_score: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return for each class and each of up to CALIBRATION_BINS equally large bins: mean
    probability, observed share, its bounds, rows.

    low and high are a two-sided 90 % interval (Wilson 1927), of single rows: bins hardly keep
    clusters together.
    """
    rows = []
    for nth, label in enumerate(classes):
        p, is_label = y_score[:, nth], (y_true == label).to_numpy()
        bins = np.searchsorted(np.quantile(p, np.linspace(0, 1, CALIBRATION_BINS + 1))[1:-1], p)
        for one in np.unique(bins):
            observed, n = float(is_label[bins == one].mean()), int((bins == one).sum())
            low, high = wilson(observed, n, 0.9)
            rows.append(
                {
                    "class": label,
                    "predicted": p[bins == one].mean(),
                    "observed": observed,
                    "low": low,
                    "high": high,
                    "rows": n,
                }
            )
    return pd.DataFrame(rows)
