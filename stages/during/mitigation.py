"""Choose decision weights per group, under which groups of people have the same recall of one class."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from stages.command import Refused
from stages.during.fairness import FEWEST
from stages.groups import crossed
from stages.params import Data

OBJECTIVES = {
    "none": "accuracy_score",
    "balanced_accuracy": "balanced_accuracy_score",
}  # fairlearn's names
MARGIN = 1e-6  # of a threshold from 0 and 1


def decide_by_group(
    rows: pd.DataFrame, y_score: np.ndarray, data: Data, aimed_at: str
) -> dict[str, Any]:
    """Return how decisions are to differ by group (see `Model.by_group`), chosen on (n_samples, 2) out-of-fold probabilities of `rows`.

    The groups are those of the sensitive columns together that data.allowed names; one with fewer than FEWEST rows of either class is
    decided as all rows are. Raises Refused for more than two classes, or if fewer than two groups are left.
    """
    y, columns = rows[data.target], [column for column in data.sensitive if column in data.allowed]
    classes = sorted(y.unique())
    if len(classes) > 2:
        raise Refused(
            f"params.yaml: train.mitigation is 'threshold_optimizer', which decides between two classes; {data.target} has {len(classes)} "
            f"({', '.join(classes)}); take reweighing, which takes any number"
        )
    of = crossed(rows, columns, data.cut_points)
    counts = pd.crosstab(of, y)
    known = of.isin(counts.index[(counts >= FEWEST).all(axis=1)])
    if of[known].nunique() < 2:
        raise Refused(
            f"params.yaml: train.mitigation is 'threshold_optimizer', but of the groups of {', '.join(columns)} fewer than two have "
            f"{FEWEST} rows of either class; add rows, take fewer cut points, or set mitigation: none"
        )
    wanted = (
        data.favourable if data.favourable is not None else y.value_counts().sort_index().idxmin()
    )
    [other] = [label for label in classes if label != wanted]
    score = y_score[:, classes.index(wanted)]
    found = thresholds(
        (y == wanted).to_numpy()[known],
        score[known],
        of.to_numpy(dtype=object)[known],
        OBJECTIVES[aimed_at],
    )
    weights = {
        group: {wanted: float(f"{(1 - at) / at:.6g}"), other: 1.0} for group, at in found.items()
    }
    cut_points = {
        column: data.cut_points[column] for column in columns if column in data.cut_points
    }
    return {"columns": columns, "cut_points": cut_points, "weights": weights}


def thresholds(
    is_wanted: np.ndarray, score: np.ndarray, of: np.ndarray, objective: str
) -> dict[str, float]:
    """Return for each group the score from which on its rows are given the class, so that all groups have the same recall of it.

    is_wanted, score, of: (n_samples,) whether a row is of the class, its probability, and its group. Which recall that is, the one
    with the best `objective`, is for fairlearn to find. Its decisions are drawn by lot between two thresholds of a group; here the
    one threshold is taken that gives the group that recall, to within a row, so that who comes twice is decided alike.
    Source: Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning, NeurIPS.
    """
    from fairlearn.postprocessing import (
        ThresholdOptimizer,
    )  # its import takes seconds, and only this mitigation needs it

    optimizer = ThresholdOptimizer(
        estimator=_Given(),
        constraints="true_positive_rate_parity",
        objective=objective,
        prefit=True,
        predict_method="predict",
    )
    optimizer.fit(score.reshape(-1, 1), is_wanted.astype(int), sensitive_features=of)
    found = {}
    for group, drawn in sorted(optimizer.interpolated_thresholder_.interpolation_dict.items()):
        mine = np.sort(score[of == group])[::-1]
        hits = np.sort(score[(of == group) & is_wanted])[::-1]
        recall = sum(
            drawn[f"p{nth}"] * (hits > drawn[f"operation{nth}"].threshold).mean() for nth in (0, 1)
        )
        wanted = round(recall * len(hits))
        above, below = (hits[wanted - 1], mine[mine < hits[wanted - 1]]) if wanted else (1.0, mine)
        found[str(group)] = float(
            np.clip((above + (below[0] if len(below) else 0.0)) / 2, MARGIN, 1 - MARGIN)
        )
    return found


class _Given(ClassifierMixin, BaseEstimator):
    """Stands for a model whose scores are at hand: its features are its scores."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Return itself: fairlearn asks for a `fit`, and does not call it."""
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return (n_samples,) scores of (n_samples, 1) scores."""
        return np.asarray(X)[:, 0]

    def __sklearn_is_fitted__(self) -> bool:
        return True
