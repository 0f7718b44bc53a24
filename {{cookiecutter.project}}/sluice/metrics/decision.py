"""Turn probabilities into decisions: calibrate them, and weigh each class by what the decision
aims at.
"""

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

ROUNDS = 10
STARTS = (1.0, 0.0, 0.5, 1.5)  # powers of the inverse class shares


def objective_score(y_true: pd.Series, y_pred: np.ndarray, decision_weights: str) -> float:
    """Return the metric that a decision rule aims at: accuracy for none, else balanced_accuracy
    or macro_f1 (0 to 1).
    """
    if decision_weights == "none":
        return float(accuracy_score(y_true, y_pred))
    if decision_weights == "balanced_accuracy":
        return float(balanced_accuracy_score(y_true, y_pred))
    return float(f1_score(y_true, y_pred, average="macro", zero_division=0))


def decide(y_score: np.ndarray, classes: list[str], weights: dict[str, float]) -> np.ndarray:
    """Return (n_samples,) labels: the class with the greatest probability times weight; of equals,
    the first of `classes`.

    y_score: (n_samples, n_classes) probabilities, columns as in `classes`.
    """
    return greatest(weigh(y_score, classes, weights), classes)


def weigh(y_score: np.ndarray, classes: list[str], weights: dict[str, float]) -> np.ndarray:
    """Return (n_samples, n_classes) probability times weight."""
    return y_score * [weights[label] for label in classes]


def greatest(weighed: np.ndarray, classes: list[str]) -> np.ndarray:
    """Return (n_samples,) labels: the class with the greatest probability times weight; of
    equals, the first of `classes`.
    """
    return np.array(classes, dtype=object)[weighed.argmax(axis=1)]


def confidence(weighed: np.ndarray) -> np.ndarray:
    """Return (n_samples,) how clearly the decided class beats the others: its share of probability
    times weight.

    1: no other class comes into question; 1 / n_classes: any class could as well have been decided.
    """
    return weighed.max(axis=1) / weighed.sum(axis=1)


def choose_weights(
    y_true: pd.Series, y_score: np.ndarray, classes: list[str], objective: str
) -> dict[str, float]:
    """Return a weight per class, 1 for the largest class, that does best in `objective` (see
    `objective_score`) on out-of-fold scores.

    Starts from the inverse class shares, which are optimal for balanced accuracy if the
    probabilities are true (Bayes), and moves one weight at a time to its best value, exactly, until
    none moves. With several classes that can end beside the best, so that it starts from STARTS,
    rarest and most frequent class first, and takes the best end.
    """
    if objective == "none":
        return dict.fromkeys(classes, 1.0)
    true = np.searchsorted(classes, y_true.to_numpy(dtype=object))
    counts = np.bincount(true, minlength=len(classes))
    shares = counts.max() / np.maximum(counts, 1)
    rarer = np.argsort(-counts, kind="stable")[1:]  # the largest class keeps its weight of 1
    starts = (
        [(shares**power, order) for power in STARTS for order in (rarer, rarer[::-1])]
        if len(classes) > 2
        else [(shares, rarer)]
    )
    ends = [_climb(true, y_score, weights, order, counts, objective) for weights, order in starts]
    chosen = [
        {label: float(f"{weight:.6g}") for label, weight in zip(classes, weights, strict=True)}
        for weights in ends
    ]
    return max(
        chosen,
        key=lambda weights: objective_score(y_true, decide(y_score, classes, weights), objective),
    )


def _climb(
    true: np.ndarray,
    y_score: np.ndarray,
    weights: np.ndarray,
    order: np.ndarray,
    counts: np.ndarray,
    objective: str,
) -> np.ndarray:
    """Return `weights` after moving those in `order` to their best values, until none moves."""
    weights = weights.copy()
    for _ in range(ROUNDS):
        before = weights.copy()
        for nth in order:
            weights[nth] = _best_weight(true, y_score, weights, nth, counts, objective)
        if np.allclose(weights, before):
            break
    return weights


def _best_weight(
    true: np.ndarray,
    y_score: np.ndarray,
    weights: np.ndarray,
    nth: int,
    counts: np.ndarray,
    objective: str,
) -> float:
    """Return the weight of class `nth` that does best when the other weights stay.

    A row turns to `nth` once the weight exceeds what its strongest other class has over it. Sorted
    by that ratio, the rows turn one after the other, so that true positives and decisions per class
    are running sums.
    """
    others = y_score * weights
    others[:, nth] = -1.0
    rival = others.argmax(axis=1)
    ratio = np.maximum(others.max(axis=1) / np.maximum(y_score[:, nth], 1e-12), 1e-12)
    order = np.argsort(ratio, kind="stable")
    true, ratio = true[order], ratio[order]
    hits, decided = _turning(true, rival[order], nth, len(weights))
    present = counts > 0
    if objective == "balanced_accuracy":
        reached = (hits[:, present] / counts[present]).mean(axis=1)
    else:
        reached = (2 * hits[:, present] / (counts[present] + decided[:, present])).mean(axis=1)
    step = np.append(ratio[1:] > ratio[:-1], True)  # rows of equal ratio turn together
    allowed = np.flatnonzero(np.append(True, step))
    best = allowed[reached[allowed].argmax()]
    if best == 0:
        return float(ratio[0] / 2)
    return (
        float(ratio[-1] * 2) if best == len(true) else float(np.sqrt(ratio[best - 1] * ratio[best]))
    )


def _turning(
    true: np.ndarray, rival: np.ndarray, nth: int, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return (n_samples + 1, n_classes) true positives and decisions of each class, after none,
    one, two ... of the rows turned from their `rival` class to `nth`.
    """
    hits, decided = np.zeros((2, len(true) + 1, n_classes))
    hits[0] = np.bincount(true[true == rival], minlength=n_classes)
    decided[0] = np.bincount(rival, minlength=n_classes)
    rows = np.arange(1, len(true) + 1)
    hits[rows, rival] -= true == rival
    hits[rows, nth] += true == nth
    decided[rows, rival] -= 1
    decided[rows, nth] += 1
    return hits.cumsum(axis=0), decided.cumsum(axis=0)


def fit_calibration(
    y_true: pd.Series, y_score: np.ndarray, classes: list[str]
) -> dict[str, dict[str, float]]:
    """Return slope and intercept per class of a logistic curve through out-of-fold scores, on the
    log-odds.

    Source: Platt (1999), Probabilistic outputs for support vector machines; one class against the
    rest for several (Zadrozny and Elkan 2002, KDD).
    """
    curves = {}
    for nth, label in enumerate(classes):
        curve = LogisticRegression(C=1e6, max_iter=1000).fit(
            _log_odds(y_score[:, [nth]]), y_true == label
        )
        curves[label] = {
            "slope": float(f"{curve.coef_[0, 0]:.6g}"),
            "intercept": float(f"{curve.intercept_[0]:.6g}"),
        }
    return curves


def calibrate(
    y_score: np.ndarray, classes: list[str], curves: dict[str, dict[str, float]]
) -> np.ndarray:
    """Return (n_samples, n_classes) probabilities that sum to 1, moved along `curves`; unchanged
    where there are none.
    """
    if not curves:
        return y_score
    slopes, intercepts = (
        [curves[label][key] for label in classes] for key in ("slope", "intercept")
    )
    moved = expit(_log_odds(y_score) * slopes + intercepts)
    return moved / moved.sum(axis=1, keepdims=True)


def _log_odds(y_score: np.ndarray) -> np.ndarray:
    return logit(np.clip(y_score, 1e-6, 1 - 1e-6))
