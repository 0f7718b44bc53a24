"""What is won where rows of little confidence are referred to a human, and what that costs in
coverage.
"""

from typing import Any

import numpy as np
import pandas as pd

from sluice.metrics.bootstrap import clustered_share

STEPS = np.arange(20, 0, -1) / 20  # shares of the rows that the model decides itself


def coverage_curve(
    y_true: pd.Series, y_pred: np.ndarray, sure: np.ndarray, classes: list[str]
) -> pd.DataFrame:
    """Return one row per step of coverage and class: the recall among the rows whose confidence
    `sure` reaches `refer_below`.

    coverage: share of all rows that are decided; `support` counts those of the class; a class that
    has none is left out. Rows of equal confidence are decided or referred together.
    """
    rows = []
    for below in dict.fromkeys(np.quantile(sure, 1 - STEPS, method="lower")):
        kept = sure >= below
        for label in classes:
            concerned = kept & (y_true == label).to_numpy()
            if n := int(concerned.sum()):
                recall = float((y_pred[concerned] == label).mean())
                rows.append(
                    {
                        "class": label,
                        "refer_below": below,
                        "coverage": float(kept.mean()),
                        "support": n,
                        "recall": recall,
                    }
                )
    return pd.DataFrame(rows)


def referral(
    y_true: pd.Series,
    y_pred: np.ndarray,
    sure: np.ndarray,
    classes: list[str],
    below: float,
    clusters: pd.Series,
) -> dict[str, Any]:
    """Return what share of the rows the model decides itself, and of each class what share it
    refers and the recall among the rest.

    Bounds are one-sided, 95 %. A class may be found among the rest because nearly all of it was
    referred: read both.
    """
    kept, ids = sure >= below, clusters.to_numpy()
    low, high = clustered_share(kept, ids)
    found: dict[str, Any] = {
        "refer_below": below,
        "coverage": float(kept.mean()),
        "coverage_low": low,
        "coverage_high": high,
        "classes": {},
    }
    for label in classes:
        is_label = (y_true == label).to_numpy()
        hits = y_pred[is_label & kept] == label
        recall_low, recall_high = clustered_share(hits, ids[is_label & kept])
        found["classes"][label] = {
            "support": len(hits),
            "referred": 1 - float(kept[is_label].mean()) if is_label.any() else None,
            "recall": float(hits.mean()) if len(hits) else None,
            "recall_low": recall_low,
            "recall_high": recall_high,
        }
    return found
