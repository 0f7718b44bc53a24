"""What the errors cost, and the decision that their costs imply."""

from typing import Any

import numpy as np
import pandas as pd

from sluice.metrics.bootstrap import Decided, mean_intervals

Costs = dict[str, dict[str, float]]


def cost_problems(costs: Costs, classes: list[str]) -> list[str]:
    """Return a sentence for each thing in `costs`, where they are given, that is no cost of an
    error of these classes.
    """
    said, there = "params.yaml: evaluate.costs", f"there are {', '.join(classes)}"
    if not costs:
        return []
    wrong = [
        f"{said} names {actual!r}, which is no class; {there}"
        for actual in costs
        if actual not in classes
    ]
    wrong += [
        f"{said}.{actual} names {decided!r}, which is no class; {there}"
        for actual, row in costs.items()
        for decided in row
        if decided not in classes
    ]
    wrong += [
        f"{said} lacks what it costs to take {actual!r} for {decided!r}; give {actual}:"
        f" {{{decided}: a number from 0}}"
        for actual in classes
        for decided in classes
        if actual != decided and decided not in costs.get(actual, {})
    ]
    return wrong


def cost_matrix(costs: Costs, classes: list[str]) -> np.ndarray:
    """Return (n_classes, n_classes) costs, actual class in rows, decided in columns; a right
    decision costs 0 unless one is given.
    """
    return np.array(
        [[costs.get(actual, {}).get(decided, 0.0) for decided in classes] for actual in classes]
    )


def implied(y_score: np.ndarray, matrix: np.ndarray, classes: list[str]) -> np.ndarray:
    """Return (n_samples,) the label whose expected cost is least; of equals, the first of
    `classes`.

    Right as far as the probabilities are: Elkan (2001), The foundations of cost-sensitive learning,
    IJCAI.
    """
    return np.array(classes, dtype=object)[(y_score @ matrix).argmin(axis=1)]


def mean_costs(
    y_true: pd.Series,
    decided: dict[str, Decided],
    matrix: np.ndarray,
    classes: list[str],
    clusters: pd.Series,
    random_state: int,
) -> dict[str, dict[str, Any]]:
    """Return the mean cost per row of each of `decided`, the model first, and `more`: what it costs
    above the model.

    low and high, more_low and more_high are one-sided 95 % bounds: a bootstrap over whole clusters,
    in pairs for `more`.
    """
    true = np.searchsorted(classes, y_true.to_numpy(dtype=object))
    each = np.column_stack(
        [matrix[true, np.searchsorted(classes, y_pred)] for _, y_pred in decided.values()]
    )
    more = each - each[:, [0]]
    (low, high), (more_low, more_high) = (
        mean_intervals(values, clusters, random_state) for values in (each, more)
    )
    columns = {
        "mean": each.mean(axis=0),
        "low": low,
        "high": high,
        "more": more.mean(axis=0),
        "more_low": more_low,
        "more_high": more_high,
    }
    return {
        name: {key: float(values[nth]) for key, values in columns.items()}
        for nth, name in enumerate(decided)
    }
