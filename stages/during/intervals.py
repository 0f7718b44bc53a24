"""Intervals for shares, for gaps between two shares, and for what one model has over another."""

import numpy as np
import pandas as pd
from scipy.stats import beta, norm

DRAWS = 1000


def clopper_pearson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return exact one-sided bounds of a share: each holds with probability `level`, both with 2 * level - 1.

    hits of n, which need not be whole; without rows (n = 0) nothing is known: (0, 1). Source: Clopper and Pearson (1934), Biometrika 26.
    """
    low = float(beta.ppf(1 - level, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(level, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def newcombe(hits_a: int, n_a: int, hits_b: int, n_b: int, level: float = 0.95) -> tuple[float, float]:
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


def wilson(share: float, n: int, level: float) -> tuple[float, float]:
    """Return the two-sided interval of a share. Source: Wilson (1927), JASA 22."""
    z = norm.ppf((1 + level) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(middle - half), float(middle + half)


def paired_lead(y_true: pd.Series, y_pred: np.ndarray, y_pred_rival: np.ndarray, aimed_at: str, random_state: int) -> tuple[float, float]:
    """Return one-sided 95 % bounds of what the first decisions have over the second, in the figure `aimed_at`.

    aimed_at: none (accuracy), balanced_accuracy or macro_f1. A bootstrap over rows: each draw is a multinomial over the
    table of (true, first, second), which is the same and much faster than drawing rows (Efron 1979, Annals of Statistics 7).
    """
    classes = sorted(y_true.unique())
    k = len(classes)
    true, first, second = (pd.Categorical(labels, categories=classes).codes.astype(int) for labels in (y_true, y_pred, y_pred_rival))
    cells = np.bincount((true * k + first) * k + second, minlength=k**3)
    draws = np.random.default_rng(random_state).multinomial(len(y_true), cells / cells.sum(), size=DRAWS).reshape(DRAWS, k, k, k)
    leads = figure(draws.sum(axis=3), aimed_at) - figure(draws.sum(axis=2), aimed_at)
    low, high = np.quantile(leads, [0.05, 0.95])
    return float(low), float(high)


def figure(confusion: np.ndarray, aimed_at: str) -> np.ndarray:
    """Return accuracy, balanced accuracy or macro F1 of (n_draws, n_classes, n_classes) tables, true classes in rows."""
    hits = np.einsum("dkk->dk", confusion)
    true, decided = confusion.sum(axis=2), confusion.sum(axis=1)
    if aimed_at == "none":
        return hits.sum(axis=1) / true.sum(axis=1)
    if aimed_at == "balanced_accuracy":
        return (hits / np.maximum(true, 1)).mean(axis=1)
    return (2 * hits / np.maximum(true + decided, 1)).mean(axis=1)
