"""Measure whether features, scores and decisions are still distributed as they were when the
model was judged.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, false_discovery_control, kstwobign, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from sluice.data.roles import text_columns
from sluice.drift.reference import counted, design_effect
from sluice.metrics.bootstrap import Decided
from sluice.metrics.performance import delong

ALPHA = 0.01  # of the rate of false discoveries, over all rows of a table
MAX_DOMAIN_ROWS = 2000  # of either side that the domain classifier learns from
MIN_CLUSTERS = 10  # clusters of either side that it can learn from
EXPECTED = 5  # rows in a cell, below which chi-squared is no good
BARS = 8
DRIFT_COLUMNS = [
    "what",
    "name",
    "test",
    "rows",
    "effect",
    "effect_train",
    "p",
    "q",
    "proven_effect",
    "weight",
]


def drift(
    reference: dict[str, Any],
    X: pd.DataFrame,
    decided: Decided,
    ids: pd.Series | None,
    told_apart: dict[str, Any] | None,
    weights: dict[str, float],
) -> pd.DataFrame:
    """Return one row per feature, score and decision, and one for all features together: how far it
    moved from the rows of before.

    decided: y_score, y_pred of the live rows; ids: the cluster of each, None where none is
    declared. told_apart: what `domain` returns, None where nobody has the test rows any more.
    `effect`: the largest distance of the distributions (Kolmogorov-Smirnov) of a number, the total
    variation of text, the area under the domain classifier's ROC curve less .5; all are 0 to 1. `q`
    is p after Benjamini and Hochberg (1995), JRSS B 57; `proven_effect` the effect where q < ALPHA,
    else 0. `effect_train` is the distance from the training rows, `weight` what a feature is worth
    for the model, where that is known.
    """
    rows = []
    for (what, name), (bins, values) in watched(reference, X, *decided).items():
        found = compared(bins, counted(values, bins), design_effect(values, bins, ids))
        rows.append(
            {
                "what": what,
                "name": name,
                **found,
                "weight": weights.get(name) if what == "feature" else None,
            }
        )
    rows.append(
        {
            "what": "all",
            "name": "all features",
            "test": "not judged" if told_apart is None else "auc",
            **(told_apart or {}),
        }
    )
    return _adjusted(pd.DataFrame(rows, columns=DRIFT_COLUMNS).assign(rows=len(X)))


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `q` and `proven_effect`, which follow from all p together."""
    numbers = ["effect", "effect_train", "p", "weight"]
    table[numbers] = table[numbers].astype("float64")
    known = table["p"].notna()
    table.loc[known, "q"] = false_discovery_control(table.loc[known, "p"].to_numpy(dtype="float64"))
    table["q"] = table["q"].astype("float64")
    table["proven_effect"] = table["effect"].where(table["q"] < ALPHA, 0.0)
    return table


def watched(
    reference: dict[str, Any], X: pd.DataFrame, y_score: np.ndarray, y_pred: np.ndarray
) -> dict[tuple[str, str], tuple[dict[str, Any], pd.Series]]:
    """Return for each feature, score and the decision, as (what, name), the bins of the reference
    and the live values.

    After a split at random `test` counts the training rows of a feature as well: the two together
    are the sample that was split. A challenger's test rows are a cohort of its own.
    """
    is_sample = reference.get("split") == "random" and "judged_by" not in reference
    found = {}
    for column, bins in reference["features"].items():
        every = (
            [a + b for a, b in zip(bins["test"], bins["train"], strict=True)]
            if is_sample
            else bins["test"]
        )
        found["feature", column] = (bins | {"test": every}, X[column])
    for nth, (label, bins) in enumerate(reference["scores"].items()):
        if nth or len(reference["scores"]) > 2:  # of two scores one is the other's mirror
            found["score", label] = bins, pd.Series(y_score[:, nth])
    labels, deff = list(reference["decisions"]), reference.get("decisions_deff", 1.0)
    decisions = {
        "values": labels,
        "test": [*reference["decisions"].values(), 0, 0],
        "train": [0] * (len(labels) + 2),
        "deff": deff,
    }
    return found | {("decision", "decision"): (decisions, pd.Series(y_pred, dtype="object"))}


def compared(bins: dict[str, Any], live: list[int], deff: float = 1.0) -> dict[str, Any]:
    """Return the effect and the p of `live` counts against those of the test rows, and the effect
    against the training rows.

    Missing values are a matter of their own for numbers (both tests together, Bonferroni), and a
    value like any other for text. deff: the design effect of clusters on the live counts; `bins`
    has that on its own. Either side counts as so many times fewer rows.
    """
    numeric = "edges" in bins
    distance = _ks if numeric else _chi_squared
    before, now = np.array(bins["test"]) / bins.get("deff", 1.0), np.array(live) / deff
    effect, p = distance(before, now)
    of_train = distance(np.array(bins["train"]), now)[0] if sum(bins["train"]) else None
    return {
        "test": "ks" if numeric else "chi-squared",
        "effect": effect,
        "p": p,
        "effect_train": of_train,
    }


def _ks(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return the larger effect of the values and of their being missing, and p for both; binned,
    it errs to the side of no drift.
    """
    there = [side[:-1] for side in (before, now)]
    n, m = (side.sum() for side in there)
    distance, p = 0.0, 1.0
    if n and m:
        distance = float(np.abs(there[0].cumsum() / n - there[1].cumsum() / m).max())
        p = float(kstwobign.sf(distance * np.sqrt(n * m / (n + m))))
    missing, p_missing = _chi_squared(np.array([n, before[-1]]), np.array([m, now[-1]]))
    return max(distance, missing), min(1.0, 2 * min(p, p_missing)) if before[-1] + now[-1] else p


def _chi_squared(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return the total variation and the p of two rows of counts; cells too small for the test
    are thrown together.
    """
    table = np.array([before, now])
    if not table.sum(axis=1).all():
        return 0.0, 1.0
    shares = table / table.sum(axis=1, keepdims=True)
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    small = table.sum(axis=0) * table.sum(axis=1).min() / table.sum() < EXPECTED
    table = np.column_stack([table[:, ~small], table[:, small].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    return effect, (
        float(chi2_contingency(table, correction=False).pvalue) if table.shape[1] > 1 else 1.0
    )


def pictures(
    reference: dict[str, Any],
    X: pd.DataFrame,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    moved: pd.DataFrame,
) -> list[dict[str, Any]]:
    """Return for each row of `moved` that is proven up to BARS bins with the shares of test rows
    and live rows in them.
    """
    proven = moved[(moved["proven_effect"] > 0) & (moved["what"] != "all")].sort_values(
        "proven_effect", ascending=False
    )
    drawn, beside = [], watched(reference, X, y_score, y_pred)
    for what, name in proven[["what", "name"]].itertuples(index=False):
        bins, values = beside[what, name]
        drawn.append(
            {
                "name": name if what != "score" else f"score of {name}",
                "bars": _bars(bins, counted(values, bins)),
            }
        )
    return drawn


def _bars(bins: dict[str, Any], live: list[int]) -> list[dict[str, Any]]:
    """Return label, share of test rows and share of live rows of each bar; many bins are thrown
    together.
    """
    before, now = (
        np.array(side, dtype="float64") / max(1, sum(side)) for side in (bins["test"], live)
    )
    if "edges" in bins:
        parts: list[Any] = [
            part
            for part in np.array_split(np.arange(len(before) - 1), min(BARS, len(before) - 1))
            if len(part)
        ]
        edges = [*bins["edges"], np.inf]
        ends = [edges[part[-1]] for part in parts]
        labels = [
            f"to {end:.4g}" if np.isfinite(end) else f"above {ends[nth - 1]:.4g}" if nth else "all"
            for nth, end in enumerate(ends)
        ]
    else:
        largest = np.argsort(-np.maximum(before, now)[:-2], kind="stable")[:BARS]
        rest = np.setdiff1d(np.arange(len(before) - 1), largest)
        parts = [*([nth] for nth in largest), rest]
        labels = [*(str(bins["values"][nth]) for nth in largest), "other"]
    bars = [
        (label, before[part].sum(), now[part].sum())
        for label, part in zip([*labels, "missing"], [*parts, [-1]], strict=True)
    ]
    return [
        {"label": label, "test": round(a, 4), "live": round(b, 4)} for label, a, b in bars if a or b
    ]


def domain(
    X_test: pd.DataFrame, X: pd.DataFrame, ids: list[pd.DataFrame] | None, random_state: int
) -> dict[str, float] | None:
    """Return how well a classifier tells live rows from test rows by all features together, out of
    fold: its AUC less .5, and p.

    It sees what no single feature shows, such as a relation between two that turned. Source:
    Lopez-Paz and Oquab (2017), ICLR. ids: the columns that name the cluster of each row, of either
    side; None: rows with equal features are one. Clusters are whole in the folds and in the
    variance: else the classifier knows a row again that only the test rows, or only the live rows,
    have. None where either side has fewer clusters than MIN_CLUSTERS.
    """
    chosen = [
        side.sample(min(len(side), MAX_DOMAIN_ROWS), random_state=random_state).index
        for side in (X_test, X)
    ]
    both = _drawn([X_test[X.columns], X], chosen)
    named = both if ids is None else _drawn(ids, chosen)
    of = named.groupby(list(named.columns), dropna=False, sort=False).ngroup().to_numpy()
    is_live = np.repeat([False, True], [len(index) for index in chosen])
    if min(len(np.unique(of[is_live])), len(np.unique(of[~is_live]))) < MIN_CLUSTERS:
        return None
    for column in text_columns(both):
        both[column] = pd.Categorical(both[column]).codes.astype("float64")
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=random_state)
    classifier = HistGradientBoostingClassifier(
        max_iter=30, max_depth=4, early_stopping=False, random_state=random_state
    )
    scores = cross_val_predict(
        classifier, both, is_live, groups=of, cv=folds, method="predict_proba"
    )
    area, variance = delong(scores[:, 1], is_live, of)
    if area is None or not variance:
        return {"effect": (area or 0.5) - 0.5, "p": 0.0 if area and area > 0.5 else 1.0}
    return {"effect": max(0.0, area - 0.5), "p": float(norm.sf((area - 0.5) / np.sqrt(variance)))}


def _drawn(sides: list[pd.DataFrame], chosen: list[pd.Index]) -> pd.DataFrame:
    """Return the `chosen` rows of each of `sides`, one below the other."""
    parts = [side.loc[index] for side, index in zip(sides, chosen, strict=True)]
    return pd.concat(parts, ignore_index=True)
