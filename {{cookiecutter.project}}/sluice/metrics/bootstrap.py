"""Intervals by drawing the test rows anew, whole clusters where there are any."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import t

from sluice.data.split import strata
from sluice.metrics.intervals import DRAWS, Ranked, clopper_pearson, confusion_metric

BOUNDS = [0.05, 0.95]
Decided = tuple[np.ndarray, np.ndarray]  # probabilities, labels


def bootstrap_counts(of: np.ndarray, by: np.ndarray, random_state: int) -> Iterator[np.ndarray]:
    """Yield DRAWS times how often each row is drawn, (n_samples,): with replacement, whole
    clusters, as many in each stratum as it has.

    of: (n_samples,) the cluster of each row, 0 to n_clusters - 1; by: (n_clusters,) the stratum of
    each cluster. Source: Efron (1979), Annals of Statistics 7; by clusters Davison and Hinkley
    (1997), Bootstrap Methods, 3.8.
    """
    rng = np.random.default_rng(random_state)
    members = [np.flatnonzero(by == stratum) for stratum in np.unique(by)]
    for _ in range(DRAWS):
        drawn = np.concatenate(
            [those[rng.integers(0, len(those), len(those))] for those in members]
        )
        yield np.bincount(drawn, minlength=len(by))[of]


def clustered_share(
    hits: np.ndarray, clusters: np.ndarray, level: float = 0.95
) -> tuple[float, float]:
    """Return one-sided bounds, each right with probability `level`, of the share of `hits`.

    hits: (n_samples,) booleans; clusters: (n_samples,) ids. The bounds are Clopper and Pearson's,
    for as many rows as would tell as much if none knew of another: Korn and Graubard (1998), Survey
    Methodology 24. Where no two rows share a cluster these are all rows. Where all rows agree the
    likeness of a cluster's rows cannot be measured, and is taken to be complete (Kish 1965, Survey
    Sampling).
    """
    n = len(hits)
    if not n:
        return clopper_pearson(0, 0, level)
    codes = np.unique(clusters, return_inverse=True)[1]
    n_effective, share = effective_sample_size(hits, codes, level), hits.sum() / n
    return clopper_pearson(share * n_effective, n_effective, level)


def effective_sample_size(values: np.ndarray, codes: np.ndarray, level: float = 0.95) -> float:
    """Return how many rows that know nothing of each other tell as much of the mean of `values` as
    these do (see `clustered_share`).

    values: (n_samples,) hits, or what one has over another; codes: (n_samples,) the cluster of each
    row, whole numbers from 0; at least one row.
    """
    n = len(values)
    sizes = np.bincount(codes)
    used = sizes > 0
    sizes = sizes[used]
    if len(sizes) == n:
        return n
    mean, spread = float(values.mean()), float(np.var(values))
    if spread == 0 or len(sizes) < 2:
        return n * n / float((sizes**2).sum())
    off = np.bincount(codes, weights=values - mean)[used]
    variance = len(sizes) / (len(sizes) - 1) * float((off**2).sum()) / n**2
    few = (
        t.ppf(level, n - 1) / t.ppf(level, len(sizes) - 1)
    ) ** 2  # few clusters measure their own variance badly
    return float(min(n, spread / max(variance, 1e-12) * few))


def mean_intervals(values: np.ndarray, clusters: pd.Series, random_state: int) -> np.ndarray:
    """Return (2, m) one-sided 95 % bounds of the means of `values`, (n_samples, m): a bootstrap
    over whole clusters.
    """
    of = _codes(clusters)
    sums = np.column_stack(
        [
            np.bincount(of, weights=column)
            for column in np.column_stack([values, np.ones(len(values))]).T
        ]
    )
    one = np.arange(len(sums))
    means = np.array(
        [
            (sums * drawn[:, None]).sum(axis=0)
            for drawn in bootstrap_counts(one, np.zeros_like(one), random_state)
        ]
    )
    return np.quantile(means[:, :-1] / means[:, -1:], BOUNDS, axis=0)


def overall_intervals(
    y_true: pd.Series,
    decided: dict[str, Decided],
    classes: list[str],
    clusters: pd.Series,
    random_state: int,
) -> dict[str, dict[str, list[float]]]:
    """Return for each of `decided` the one-sided 95 % bounds of its overall metrics, as [low, high]
    by name.

    A bootstrap over whole clusters; a class that a draw lacks counts neither in its balanced
    accuracy nor in its macro F1.
    """
    k, of = len(classes), _codes(clusters)
    true = np.searchsorted(classes, y_true.to_numpy(dtype=object))
    losses = mean_intervals(
        np.column_stack([column for one in decided.values() for column in _losses(true, one[0])]),
        clusters,
        random_state,
    )
    cells = {
        name: true * k + np.searchsorted(classes, y_pred) for name, (_, y_pred) in decided.items()
    }
    tables: dict[str, list[np.ndarray]] = {name: [] for name in decided}
    for drawn in bootstrap_counts(of, np.zeros(of.max() + 1), random_state):
        for name, cell in cells.items():
            tables[name].append(np.bincount(cell, weights=drawn, minlength=k * k))
    found = {}
    for nth, name in enumerate(decided):
        per_draw = _confusion_metrics(np.array(tables[name]).reshape(DRAWS, k, k))
        bounds = {metric: np.quantile(values, BOUNDS) for metric, values in per_draw.items()}
        bounds |= {"log_loss": losses[:, 2 * nth], "brier": losses[:, 2 * nth + 1]}
        found[name] = {metric: [float(low), float(high)] for metric, (low, high) in bounds.items()}
    return found


def _confusion_metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return (n_draws,) metrics of (n_draws, n_classes, n_classes) confusion matrices, over the
    classes that a draw has.
    """
    support = confusion.sum(axis=2)
    # `confusion_metric` takes the mean of all classes
    absent = confusion.shape[1] / np.maximum((support > 0).sum(axis=1), 1)
    hits = np.einsum("dkk->dk", confusion)
    stray = np.where(support > 0, support + confusion.sum(axis=1), 0)
    f1 = np.divide(2 * hits, stray, out=np.zeros_like(hits), where=stray > 0).mean(axis=1)
    return {
        "accuracy": confusion_metric(confusion, "none"),
        "balanced_accuracy": confusion_metric(confusion, "balanced_accuracy") * absent,
        "macro_f1": f1 * absent,
    }


def _losses(true: np.ndarray, y_score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log loss and Brier score of each row, as scikit-learn counts them: of two classes
    half the squares.
    """
    eps = np.finfo(np.float64).eps
    squares = ((y_score - np.eye(y_score.shape[1])[true]) ** 2).sum(axis=1)
    return -np.log(np.clip(y_score[np.arange(len(true)), true], eps, 1 - eps)), (
        squares / 2 if y_score.shape[1] == 2 else squares
    )


def class_intervals(
    y_true: pd.Series,
    y_score: np.ndarray,
    classes: list[str],
    clusters: pd.Series,
    random_state: int,
) -> pd.DataFrame:
    """Return by class the mean probability `predicted`, the share `observed`, `calibration_gap`
    (the former less the latter), and one-sided 95 % bounds of the gap and of the average precision;
    nothing of the latter without test rows of the class.

    Average precision: a bootstrap stratified by class (a cluster counts by its rarest one), so that
    each draw has every class.
    """
    true = y_true.to_numpy(dtype=object)[:, None] == np.array(classes, dtype=object)
    table = pd.DataFrame(
        {"predicted": y_score.mean(axis=0), "observed": true.mean(axis=0)},
        index=pd.Index(classes, name="class"),
    )
    table["calibration_gap"] = table["predicted"] - table["observed"]
    table["calibration_low"], table["calibration_high"] = mean_intervals(
        y_score - true, clusters, random_state
    )
    of = _codes(clusters)
    by = pd.factorize(strata(pd.Series(y_true.to_numpy()), pd.Series(of), 1).sort_index())[0]
    present = true.any(axis=0)
    ranked = [Ranked(true[:, nth], y_score[:, nth]) for nth in np.flatnonzero(present)]
    found = [
        [one.average_precision(drawn) for one in ranked]
        for drawn in bootstrap_counts(of, by, random_state)
    ]
    low, high = np.quantile(np.array(found), BOUNDS, axis=0)
    bounds = {"average_precision_low": low, "average_precision_high": high}
    return table.join(pd.DataFrame(bounds, index=table.index[present]))


def _codes(clusters: pd.Series) -> np.ndarray:
    return pd.factorize(clusters)[0]
