"""Measure a model on rows whose labels have come, and what it lost against the test rows it was
judged by.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from sluice.metrics.bootstrap import effective_sample_size
from sluice.metrics.intervals import clopper_pearson, newcombe

ALPHA = 0.01  # one-sided, for all metrics together
PERFORMANCE_KEY = ["metric", "column", "group", "class"]
PERFORMANCE_COLUMNS = [
    *PERFORMANCE_KEY,
    "support",
    "coverage",
    "reference",
    "value",
    "low",
    "high",
    "loss",
    "loss_low",
    "proven_loss",
]
ALL = "all"


def figures(
    y_true: pd.Series,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    audited: pd.DataFrame,
    classes: list[str],
    ids: pd.Series | None = None,
) -> list[dict[str, Any]]:
    """Return AUC, log loss and recall of each class and group, with what their errors follow from;
    no row of the table.

    AUC: of each class against the rest, once where there are two; `support` counts the rarer side.
    `variance` is that of the metric. Recall: `hits` of `support` rows. audited: the groups of each
    row, as sluice.data.groups names them. ids: the cluster of each row, None where no row knows of
    another; with them `deff` is the design effect on a recall, `share_deff` that on the class's
    share.
    """
    codes = None if ids is None else pd.factorize(ids)[0]
    is_label = {label: (y_true == label).to_numpy() for label in classes}
    rows = []
    # of two classes, both have the same area
    for label in classes if len(classes) > 2 else classes[1:]:
        value, variance = delong(y_score[:, classes.index(label)], is_label[label], codes)
        n = int(is_label[label].sum())
        rows.append(
            _row("auc", ALL, ALL, label, min(n, len(y_true) - n), value=value, variance=variance)
        )
    log_loss = _log_loss(y_true, y_score, classes, codes)
    rows.append(_row("log_loss", ALL, ALL, ALL, len(y_true), **log_loss))
    return rows + _recalls(is_label, (y_true == y_pred).to_numpy(), audited, codes)


def _recalls(
    is_label: dict[str, np.ndarray],
    hit: np.ndarray,
    audited: pd.DataFrame,
    codes: np.ndarray | None,
) -> list[dict[str, Any]]:
    """Return the recall of each class, on all rows and in each group."""
    groups = [(ALL, ALL, np.ones(len(hit), dtype=bool))]
    for column, named in audited.items():
        groups += [
            (str(column), name, (named == name).to_numpy()) for name in sorted(named.unique())
        ]
    rows = []
    for column, group, mine in groups:
        for label, has_label in is_label.items():
            concerned = mine & has_label
            found = {
                "hits": int(hit[concerned].sum()),
                "deff": _deff(hit[concerned], None if codes is None else codes[concerned]),
            }
            if column == ALL:
                found["share_deff"] = _deff(has_label, codes)
            rows.append(_row("recall", column, group, label, int(concerned.sum()), **found))
    return rows


def _deff(values: np.ndarray, codes: np.ndarray | None) -> float:
    """Return by how much clusters raise the variance of the mean of `values`: 1 without
    clusters.
    """
    return (
        1.0
        if codes is None or not len(values)
        else len(values) / effective_sample_size(values, codes)
    )


def _row(
    metric: str, column: str, group: str, label: str, support: int, **values: Any
) -> dict[str, Any]:
    return {
        "metric": metric,
        "column": column,
        "group": group,
        "class": label,
        "support": support,
        **values,
    }


def _log_loss(
    y_true: pd.Series, y_score: np.ndarray, classes: list[str], codes: np.ndarray | None
) -> dict[str, float | None]:
    """Return the log loss, what of it the probabilities do not expect themselves, and the
    variances of both; None under two rows.
    """
    if len(y_true) < 2:
        return dict.fromkeys(("value", "variance", "excess", "excess_variance"))
    log = np.log(np.clip(y_score, 1e-15, 1))
    losses = -log[np.arange(len(y_true)), pd.Index(classes).get_indexer(y_true)]
    excess = losses + (y_score * log).sum(axis=1)
    of_loss, of_excess = (
        float(values.var(ddof=1) / len(values)) * _deff(values, codes)
        for values in (losses, excess)
    )
    return {
        "value": float(losses.mean()),
        "variance": of_loss,
        "excess": float(excess.mean()),
        "excess_variance": of_excess,
    }


def delong(
    y_score: np.ndarray, positive: np.ndarray, codes: np.ndarray | None = None
) -> tuple[float | None, float | None]:
    """Return the area under the ROC curve and its variance; None with fewer than two rows on either
    side.

    codes: (n_samples,) the cluster of each row, whole numbers from 0. Sources: DeLong et al.
    (1988), Biometrics 44; by ranks as Sun and Xu (2014), IEEE Signal Processing Letters 21; for
    clusters Obuchowski (1997), Biometrics 53.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return None, None
    ranks = rankdata(y_score)
    of_positive = (ranks[positive] - rankdata(y_score[positive])) / n
    of_negative = 1 - (ranks[~positive] - rankdata(y_score[~positive])) / m
    area = float(of_positive.mean())
    if codes is None:
        return area, float(of_positive.var(ddof=1) / m + of_negative.var(ddof=1) / n)
    off = np.empty(m + n)
    off[positive], off[~positive] = (of_positive - area) / m, (of_negative - area) / n
    clusters = len(np.unique(codes))
    return area, float(
        (np.bincount(codes, weights=off) ** 2).sum() * clusters / max(clusters - 1, 1)
    )


def performance(
    reference: list[dict[str, Any]], live: list[dict[str, Any]], coverage: float
) -> pd.DataFrame:
    """Return one row per metric, class and group: what it was on the test rows, what it is now, and
    the loss; and the share of each class.

    reference, live: as `figures` gives them; coverage: the share of the batch that has a label.
    `loss` is what an AUC or a recall fell by, and by what share the log loss rose beyond what the
    probabilities themselves expect on these rows: rows that drifted to where the model rightly is
    unsure are no loss. `loss_low` its one-sided bound at ALPHA, Bonferroni-corrected for all
    metrics (AUC: DeLong; log loss: Welch; recall: Newcombe). `proven_loss` is the loss where that
    bound is above 0, else 0. `low` and `high` are two-sided 95 %. A group that had no test row has
    nothing to lose, and is left out; one without live rows has support 0. Of a class's share among
    the labels the loss is by what part of itself it rose or fell, with Newcombe's bounds likewise.
    """
    reference, live = [*reference, *_class_shares(reference)], [*live, *_class_shares(live)]
    now = {tuple(row[key] for key in PERFORMANCE_KEY): row for row in live}
    judged = [
        (row, now.get(tuple(row[key] for key in PERFORMANCE_KEY), row | {"support": 0}))
        for row in reference
        if row["support"] > 1
    ]
    alpha = ALPHA / max(1, sum(row["support"] > 1 for _, row in judged))
    rows = []
    for before, after in judged:
        row = {key: before[key] for key in PERFORMANCE_KEY} | {
            "support": after["support"],
            "coverage": coverage,
        }
        row["reference"] = (
            before["hits"] / before["support"] if "hits" in before else before["value"]
        )
        known = after["support"] > 1
        rows.append(row | (LOSS_BY_METRIC[before["metric"]](before, after, alpha) if known else {}))
    table = pd.DataFrame(rows, columns=PERFORMANCE_COLUMNS)
    numbers = PERFORMANCE_COLUMNS[len(PERFORMANCE_KEY) :]
    table[numbers] = table[numbers].astype("float64")
    table["proven_loss"] = table["loss"].where(table["loss_low"] > 0, 0.0)
    return table.astype({"support": "int64"})


def _class_shares(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each class the share of the labels that are it, by the recalls of all rows:
    their supports count the labels.
    """
    found = [row for row in rows if row["metric"] == "recall" and row["column"] == ALL]
    n = sum(row["support"] for row in found)
    return [
        _row(
            "class_share",
            ALL,
            ALL,
            row["class"],
            n,
            hits=row["support"],
            deff=row.get("share_deff", 1.0),
        )
        for row in found
    ]


def _independent(row: dict[str, Any]) -> tuple[float, float]:
    """Return hits and support of a share, as many as would tell as much if no row knew of
    another.
    """
    deff = row.get("deff", 1.0)
    return row["hits"] / deff, row["support"] / deff


def _share_moved(before: dict[str, Any], after: dict[str, Any], alpha: float) -> dict[str, float]:
    """Return by what part of itself a share rose or fell; one that was 0 is taken for half a
    row, so that it can be divided by.
    """
    value, was = after["hits"] / after["support"], max(before["hits"], 0.5) / before["support"]
    low, high = clopper_pearson(*_independent(after), 0.975)
    fall_low, fall_high = newcombe(*_independent(before), *_independent(after), 1 - alpha)
    moved = abs(value - before["hits"] / before["support"])
    return {
        "value": value,
        "low": low,
        "high": high,
        "loss": moved / was,
        "loss_low": max(fall_low, -fall_high) / was,
    }


def _recall_lost(before: dict[str, Any], after: dict[str, Any], alpha: float) -> dict[str, float]:
    was, value = before["hits"] / before["support"], after["hits"] / after["support"]
    low, high = clopper_pearson(*_independent(after), 0.975)
    loss_low = newcombe(*_independent(before), *_independent(after), 1 - 2 * alpha)[0]
    return {"value": value, "low": low, "high": high, "loss": was - value, "loss_low": loss_low}


def _lost(before: dict[str, Any], after: dict[str, Any], alpha: float) -> dict[str, float]:
    value, error = after["value"], np.sqrt(after["variance"])
    bounds = {
        "value": value,
        "low": value - norm.ppf(0.975) * error,
        "high": value + norm.ppf(0.975) * error,
    }
    if before["metric"] == "auc":
        loss, variance = before["value"] - value, before["variance"] + after["variance"]
        return bounds | {"loss": loss, "loss_low": loss - norm.ppf(1 - alpha) * np.sqrt(variance)}
    loss, variance = (
        after["excess"] - before["excess"],
        before["excess_variance"] + after["excess_variance"],
    )
    degrees = (
        variance**2
        / sum(side["excess_variance"] ** 2 / (side["support"] - 1) for side in (before, after))
        if variance
        else 1
    )
    reach = student.ppf(1 - alpha, degrees) * np.sqrt(variance)  # Welch (1947), Biometrika 34
    return bounds | {"loss": loss / before["value"], "loss_low": (loss - reach) / before["value"]}


LOSS_BY_METRIC = {
    "auc": _lost,
    "log_loss": _lost,
    "recall": _recall_lost,
    "class_share": _share_moved,
}
