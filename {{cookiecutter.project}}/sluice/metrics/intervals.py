"""Intervals for shares, for gaps between two shares, and for what one model has over another."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.stats import beta, norm

DRAWS = 1000
MIN_DRAWS = 400  # of what is drawn row by row


def clopper_pearson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return exact one-sided bounds of a share: each holds with probability `level`, both with 2 *
    level - 1.

    hits of n, which need not be whole; without rows (n = 0) nothing is known: (0, 1). Source:
    Clopper and Pearson (1934), Biometrika 26.
    """
    low = float(beta.ppf(1 - level, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(level, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def newcombe(
    hits_a: float, n_a: float, hits_b: float, n_b: float, level: float = 0.95
) -> tuple[float, float]:
    """Return the two-sided interval of share a less share b; (-1, 1) where either has no rows.

    Source: Newcombe (1998), Statistics in Medicine 17, method 10, from two Wilson intervals.
    """
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = hits_a / n_a, hits_b / n_b
    (low_a, high_a), (low_b, high_b) = wilson(a, n_a, level), wilson(b, n_b, level)
    below = np.sqrt((a - low_a) ** 2 + (high_b - b) ** 2)
    above = np.sqrt((high_a - a) ** 2 + (b - low_b) ** 2)
    return float(a - b - below), float(a - b + above)


def newcombe_paired(
    both: float, first: float, second: float, neither: float, level: float = 0.95
) -> tuple[float, float]:
    """Return the two-sided interval of the difference of two shares of the same rows, the first
    less the second; (-1, 1) without rows.

    Rows, which need not be whole: `both` hit, only the `first`, only the `second`, `neither`. Never
    a point, not even where both always agree. Source: Newcombe (1998), Statistics in Medicine 17,
    2635-2650, method 10, from two Wilson intervals.
    """
    n = both + first + second + neither
    if n == 0:
        return -1.0, 1.0
    a, b = (both + first) / n, (both + second) / n
    (low_a, high_a), (low_b, high_b) = wilson(a, n, level), wilson(b, n, level)
    product = both * neither - first * second
    corrected = product if product < 0 else max(0.0, product - n / 2)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi = corrected / np.sqrt(margins) if margins > 0 else 0.0
    below = (a - low_a) ** 2 - 2 * phi * (a - low_a) * (high_b - b) + (high_b - b) ** 2
    above = (high_a - a) ** 2 - 2 * phi * (high_a - a) * (b - low_b) + (b - low_b) ** 2
    return float(a - b - np.sqrt(max(0.0, below))), float(a - b + np.sqrt(max(0.0, above)))


def wilson(share: float, n: float, level: float) -> tuple[float, float]:
    """Return the two-sided interval of a share. Source: Wilson (1927), JASA 22."""
    z = norm.ppf((1 + level) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(middle - half), float(middle + half)


def paired_lead(
    y_true: pd.Series,
    y_preds: tuple[np.ndarray, np.ndarray],
    objective: str,
    random_state: int,
    clusters: pd.Series | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return one-sided bounds of what the first decisions have over the second, in the figure
    `objective`; each holds with `level`.

    objective: none (accuracy), balanced_accuracy or macro_f1. A bootstrap over clusters, or over
    rows without them: clusters that hold the same (true, first, second) are of one kind, and each
    draw is a multinomial over the kinds, which is the same and much faster than drawing rows (Efron
    1979, Annals of Statistics 7; Davison and Hinkley 1997, section 3.8, for clusters).
    """
    classes = sorted(y_true.unique())
    k = len(classes)
    true, first, second = (
        pd.Categorical(labels, categories=classes).codes.astype(int)
        for labels in (y_true, *y_preds)
    )
    cells = (true * k + first) * k + second
    held, counts = _kinds(cells, None if clusters is None else clusters.to_numpy())
    n = int(counts.sum())
    draws = np.random.default_rng(random_state).multinomial(n, counts / n, size=DRAWS)
    tables = np.zeros((DRAWS, k**3))
    for kind, drawn in zip(held, draws.T, strict=True):
        for cell in kind:
            tables[:, cell] += drawn
    triples = tables.reshape(DRAWS, k, k, k)
    leads = confusion_metric(triples.sum(axis=3), objective) - confusion_metric(
        triples.sum(axis=2), objective
    )
    low, high = np.quantile(leads, [1 - level, level])
    return float(low), float(high)


def _kinds(
    cells: np.ndarray, clusters: np.ndarray | None
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Return what clusters hold, each kind once, and how many hold it."""
    if clusters is None:
        held, counts = np.unique(cells, return_counts=True)
        return [(int(cell),) for cell in held], counts
    order = np.lexsort((cells, clusters))
    starts = np.flatnonzero(np.append(True, np.diff(clusters[order]) != 0))
    ends = [*starts[1:], len(cells)]
    ordered = cells[order].tolist()
    kinds = Counter(tuple(ordered[start:end]) for start, end in zip(starts, ends, strict=True))
    different = sorted(kinds)
    return different, np.array([kinds[kind] for kind in different])


def paired_precision_lead(
    y_true: pd.Series,
    y_score: np.ndarray,
    y_score_rival: np.ndarray,
    clusters: pd.Series,
    random_state: int,
    level: float,
) -> tuple[float, float]:
    """Return one-sided bounds of what the first probabilities have over the second in average
    precision, its mean over classes.

    y_score: (n_samples, n_classes), classes sorted. A bootstrap over clusters of MIN_DRAWS draws;
    each bound holds with `level`.
    """
    ids = pd.factorize(clusters)[0]
    n = int(ids.max()) + 1
    rng = np.random.default_rng(random_state)
    sides = [
        [
            Ranked((y_true == label).to_numpy(), scores[:, nth])
            for nth, label in enumerate(sorted(y_true.unique()))
        ]
        for scores in (y_score, y_score_rival)
    ]
    leads = []
    for _ in range(MIN_DRAWS):
        weights = rng.multinomial(n, np.full(n, 1 / n))[ids]
        first, second = (
            np.mean([one.average_precision(weights) for one in side]) for side in sides
        )
        leads.append(first - second)
    low, high = np.quantile(leads, [1 - level, level])
    return float(low), float(high)


class Ranked:
    """Rows by falling score, ready to be weighed often."""

    def __init__(self, is_label: np.ndarray, score: np.ndarray) -> None:
        self.order = np.argsort(-score, kind="stable")
        falling = score[self.order]
        self.last = np.flatnonzero(
            np.append(falling[1:] != falling[:-1], True)
        )  # rows of equal score are named together
        self.is_label = is_label[self.order]

    def average_precision(self, weights: np.ndarray) -> float:
        """Return the average precision of rows that count `weights` times each, (n_samples,); 0
        where none of the label counts.
        """
        weights = weights[self.order]
        named, hits = np.cumsum(weights)[self.last], np.cumsum(weights * self.is_label)[self.last]
        gained = np.diff(hits, prepend=0)
        return float((gained * hits / np.maximum(named, 1)).sum() / max(hits[-1], 1))


def confusion_metric(confusion: np.ndarray, objective: str) -> np.ndarray:
    """Return accuracy, balanced accuracy or macro F1 of (n_draws, n_classes, n_classes) tables,
    true classes in rows.
    """
    hits = np.einsum("dkk->dk", confusion)
    true, decided = confusion.sum(axis=2), confusion.sum(axis=1)
    if objective == "none":
        return hits.sum(axis=1) / true.sum(axis=1)
    if objective == "balanced_accuracy":
        return (hits / np.maximum(true, 1)).mean(axis=1)
    return (2 * hits / np.maximum(true + decided, 1)).mean(axis=1)


def gap_level(n_groups: int, n_classes: int) -> float:
    """Return the level of an interval of which each holds so often that 99 % hold all: the gaps in
    recall and false positive rate.

    Bonferroni over groups (two have one gap between them), classes and rates (of two classes the
    recall of one tells the false positive rate of the other). With 95 % equal groups of 100 rows
    would be told apart in one run of ten.
    """
    n_gaps = 1 if n_groups == 2 else n_groups
    return 1 - 0.01 / (n_gaps * (2 if n_classes == 2 else 2 * n_classes))
